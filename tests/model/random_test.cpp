// SPDX-License-Identifier: Apache-2.0
#include "model/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace troupe::model {
namespace {

using Counter = std::array<std::uint32_t, 4>;
using Key = std::array<std::uint32_t, 2>;

// Known answers: file kat_vectors of the authors' Random123 library, lines "philox4x32 10".
static_assert(philox4x32({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});

TEST(Random, PhiloxGivesThePublishedAnswers) {
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UniformStaysInTheHalfOpenUnitIntervalWithTheRightMean) {
  double sum = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = uniform(7, static_cast<std::uint64_t>(i), 0);
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
}

TEST(Random, EverySeedPositionAndDrawGivesItsOwnNumber) {
  std::set<double> seen;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32U, ~0ULL}) {
    for (const std::uint64_t position : {0ULL, 1ULL, 1ULL << 32U}) {
      for (const std::uint32_t draw : {0U, 1U, ~0U}) seen.insert(uniform(seed, position, draw));
    }
  }
  EXPECT_EQ(seen.size(), 4U * 3U * 3U);
}

}  // namespace
}  // namespace troupe::model
