// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace troupe::model {

/// Philox4x32-10: ten rounds turn a 128-bit counter and a 64-bit key into 128 random bits. No state: the same
/// counter and key give the same bits on every machine, thread and replay.
/// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                  std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32U) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32U) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

/// A number in [0, 1), a multiple of 2^-53, that depends on nothing but its arguments: the request's seed,
/// the absolute position of the token it helps to choose, and which draw for that token it is.
constexpr double uniform(std::uint64_t seed, std::uint64_t position, std::uint32_t draw) {
  const auto bits =
      philox4x32({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32U), draw, 0},
                 {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32U)});
  const std::uint64_t wide = (std::uint64_t{bits[1]} << 32U) | bits[0];
  return static_cast<double>(wide >> 11U) * 0x1p-53;
}

}  // namespace troupe::model
