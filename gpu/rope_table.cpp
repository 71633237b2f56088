// SPDX-License-Identifier: Apache-2.0
#include "gpu/rope_table.hpp"

#include <cmath>

namespace troupe::gpu {

RopeTable::RopeTable(std::uint32_t head_dim, std::uint32_t positions, double theta,
                     std::span<const float> factors)
    : pairs_(head_dim / 2), positions_(positions), table_(std::size_t{positions} * head_dim) {
  for (std::uint32_t i = 0; i < pairs_; ++i) {
    const double factor = factors.empty() ? 1.0 : static_cast<double>(factors[i]);
    const double frequency = std::pow(theta, -2.0 * i / head_dim) / factor;
    for (std::uint32_t position = 0; position < positions; ++position) {
      float* row = table_.data() + std::size_t{position} * pairs_ * 2;
      row[i] = static_cast<float>(std::cos(position * frequency));
      row[pairs_ + i] = static_cast<float>(std::sin(position * frequency));
    }
  }
}

}  // namespace troupe::gpu
