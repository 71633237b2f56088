// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace troupe::gpu {

/// cos and sin of every rotation angle: angle(position, i) = position * theta^(-2 i / head_dim) / factor_i,
/// computed in double and rounded once.
///
/// Threads: any; immutable. Source: Su et al. 2021, RoFormer, section 3.2.2.
class RopeTable {
 public:
  /// `factors`: one divisor per pair (Llama 3.1's rope_freqs), or empty.
  RopeTable(std::uint32_t head_dim, std::uint32_t positions, double theta, std::span<const float> factors);

  std::uint32_t positions() const { return positions_; }
  /// [head_dim / 2]
  const float* cosine(std::uint32_t position) const {
    return table_.data() + std::size_t{position} * pairs_ * 2;
  }
  const float* sine(std::uint32_t position) const { return cosine(position) + pairs_; }

 private:
  std::uint32_t pairs_;
  std::uint32_t positions_;
  std::vector<float> table_;  // [positions][cos, sin][pairs]
};

}  // namespace troupe::gpu
