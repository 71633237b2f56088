// SPDX-License-Identifier: Apache-2.0
#include "gpu/elementary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "gpu/lanes.hpp"

namespace troupe::gpu {
namespace {

TEST(Exponential, IsWithinTwoTenMillionthsOfTheTruth) {
  for (int i = -86999; i < 88000; ++i) {
    const float x = static_cast<float>(i) * 1e-3F;
    const double truth = std::exp(static_cast<double>(x));
    ASSERT_NEAR(static_cast<double>(exponential(x)) / truth, 1.0, 2e-7) << x;
  }
}

TEST(Exponential, EndsInZeroAndKeepsNaN) {
  EXPECT_EQ(exponential(0.0F), 1.0F);
  EXPECT_EQ(exponential(-87.5F), 0.0F);
  EXPECT_EQ(exponential(-std::numeric_limits<float>::infinity()), 0.0F);
  EXPECT_TRUE(std::isnan(exponential(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Logarithm, IsWithinATenTrillionthOfTheTruth) {
  for (double x = 1e-30; x < 1e30; x *= 1.37)
    ASSERT_NEAR(logarithm(x), std::log(x), 1e-13 * (1 + std::fabs(std::log(x))));
  EXPECT_EQ(logarithm(1.0), 0.0);
}

TEST(DotInLanes, GivesAVectorTheSameBitsAloneAndAmongFour) {
  for (const std::uint32_t length : {1U, 15U, 16U, 17U, 100U, 576U}) {
    std::vector<float> w(length);
    std::vector<float> x(4 * std::size_t{length});
    for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sin(static_cast<float>(i) + 0.5F);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::cos(static_cast<float>(i) * 0.37F);
    float together[4];
    dot_in_lanes<4>(w.data(), x.data(), length, length, together);
    for (std::uint32_t r = 0; r < 4; ++r) {
      float alone = 0;
      double truth = 0;
      dot_in_lanes<1>(w.data(), x.data() + std::size_t{r} * length, length, length, &alone);
      for (std::uint32_t k = 0; k < length; ++k) {
        truth += static_cast<double>(w[k]) * static_cast<double>(x[std::size_t{r} * length + k]);
      }
      EXPECT_EQ(alone, together[r]);
      EXPECT_NEAR(static_cast<double>(alone), truth, 1e-5 * std::sqrt(length));
    }
  }
}

}  // namespace
}  // namespace troupe::gpu
