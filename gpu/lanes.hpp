// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Sums in a fixed order: lane j adds the terms k = j, j + 16, j + 32, ... ascending, then a tree folds the
/// lanes. The order depends on the length alone, and a compiler can keep the lanes in vector registers
/// without changing a bit.
namespace troupe::gpu {

inline constexpr std::uint32_t kLanes = 16;

template <class Value>
inline Value fold_lanes(Value (&lanes)[kLanes]) {
  for (std::uint32_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::uint32_t j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

/// Sum of term(k) over [0, count).
template <class Term>
inline float sum_in_lanes(std::uint32_t count, Term term) {
  float lanes[kLanes] = {};
  std::uint32_t k = 0;
  for (; k + kLanes <= count; k += kLanes) {
    for (std::uint32_t j = 0; j < kLanes; ++j) lanes[j] += term(k + j);
  }
  for (std::uint32_t j = 0; k + j < count; ++j) lanes[j] += term(k + j);
  return fold_lanes(lanes);
}

/// out[r] = w . x_r for `Count` vectors that lie `stride` apart: each result has the bits it has alone.
template <std::uint32_t Count>
inline void dot_in_lanes(const float* w, const float* x, std::size_t stride, std::uint32_t length,
                         float* out) {
  float lanes[Count][kLanes] = {};
  std::uint32_t k = 0;
  for (; k + kLanes <= length; k += kLanes) {
    for (std::uint32_t r = 0; r < Count; ++r) {
      for (std::uint32_t j = 0; j < kLanes; ++j) lanes[r][j] += w[k + j] * x[r * stride + k + j];
    }
  }
  for (std::uint32_t j = 0; k + j < length; ++j) {
    for (std::uint32_t r = 0; r < Count; ++r) lanes[r][j] += w[k + j] * x[r * stride + k + j];
  }
  for (std::uint32_t r = 0; r < Count; ++r) out[r] = fold_lanes(lanes[r]);
}

}  // namespace troupe::gpu
