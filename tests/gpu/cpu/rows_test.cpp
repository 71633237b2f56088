// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "gpu/cpu/kernel_exp.hpp"
#include "gpu/team.hpp"
#include "tests/gpu/cpu/random_weights.hpp"

namespace troupe::gpu::cpu {
namespace {

struct Row {
  std::vector<std::int16_t> values;
  std::vector<float> sums;
  float scale = -1.0F;
  std::vector<float> floats;

  explicit Row(std::size_t width)
      : values((width + 63) / 64 * 64, 77), sums(values.size() / kGroup, 77.0F), floats(width) {}
  RowSink sink() { return {values.data(), sums.data(), &scale, floats.data()}; }
  bool operator==(const Row& other) const {
    return values == other.values && sums == other.sums &&
           std::bit_cast<std::uint32_t>(scale) == std::bit_cast<std::uint32_t>(other.scale) &&
           std::memcmp(floats.data(), other.floats.data(), floats.size() * sizeof(float)) == 0;
  }
};

Row quantized(const Kernels& kernels, const std::vector<float>& x) {
  const FlushDenormals flush;
  Row row(x.size());
  kernels.emit_floats(x.data(), static_cast<std::uint32_t>(x.size()), row.sink());
  return row;
}

TEST(ExponentialTest, IsWithinOneUnitInTheLastPlaceFromMinus87To88) {
  const FlushDenormals flush;
  double worst = 0;
  for (int i = 0; i < 174984; i += 16) {
    float x[16];
    for (int j = 0; j < 16; ++j) x[j] = -87.0F + 0.001F * static_cast<float>(i + j);
    const auto y = portable::exponential(portable::load(x));
    for (int j = 0; j < 16; ++j) {
      const double exact = std::exp(static_cast<double>(x[j]));
      worst = std::max(worst, std::fabs(y.v[j] - exact) / (exact * 0x1p-23));
    }
  }
  EXPECT_LT(worst, 1.0);
}

TEST(ExponentialTest, NaNStaysAndInfinitiesMeetTheEnds) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const FlushDenormals flush;
  EXPECT_TRUE(std::isnan(portable::exponential(portable::splat(NAN)).v[0]));
  EXPECT_LT(portable::exponential(portable::splat(-kInfinity)).v[0], 1e-37F);
  EXPECT_GT(portable::exponential(portable::splat(kInfinity)).v[0], 1e38F);
  EXPECT_EQ(portable::exponential(portable::zeros()).v[0], 1.0F);
}

TEST(QuantizeTest, ValuesAreTheNearestIntegersOfTheScaleAndSumsAreExact) {
  for (const std::size_t width : {1, 15, 32, 33, 63, 64, 100, 576}) {
    const auto x = random_floats(width, static_cast<std::uint32_t>(width));
    float largest = 0;
    for (const float v : x) largest = std::max(largest, std::fabs(v));
    const Row row = quantized(portable_kernels(), x);
    EXPECT_FLOAT_EQ(row.scale, largest / kLargestInteger);
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      const double expected = i < width ? static_cast<double>(x[i]) / largest * kLargestInteger : 0.0;
      EXPECT_NEAR(row.values[i], expected, 0.502) << i << " of " << width;
    }
    for (std::size_t g = 0; g < row.sums.size(); ++g) {
      int sum = 0;
      for (std::size_t i = 0; i < kGroup; ++i) sum += row.values[g * kGroup + i];
      EXPECT_EQ(row.sums[g], static_cast<float>(sum));
    }
    EXPECT_EQ(row.floats, x);
    for (const auto& [name, kernels] : kernels_to_test()) EXPECT_EQ(quantized(*kernels, x), row) << name;
  }
}

TEST(QuantizeTest, ARowOfZerosIsZeros) {
  for (const auto& [name, kernels] : kernels_to_test()) {
    const Row row = quantized(*kernels, std::vector<float>(100, 0.0F));
    EXPECT_EQ(row.scale, 0.0F) << name;
    for (const auto v : row.values) EXPECT_EQ(v, 0) << name;
  }
}

TEST(QuantizeTest, AValueThatIsNotFiniteMakesTheWholeRowNaNWhereverItStands) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at : {0, 17, 63, 99}) {
      auto x = random_floats(100, 1);
      x[at] = bad;
      const Row first = quantized(portable_kernels(), x);
      EXPECT_TRUE(std::isnan(first.scale)) << bad << " at " << at;
      for (const auto& [name, kernels] : kernels_to_test()) {
        const Row row = quantized(*kernels, x);
        EXPECT_TRUE(std::isnan(row.scale)) << name;
        EXPECT_EQ(row.values, first.values) << name;
      }
    }
  }
}

TEST(RmsNormTest, IsThePapersFormulaAndTheSameBitsEverywhere) {
  const FlushDenormals flush;
  for (const std::uint32_t width : {7, 64, 576, 1000}) {
    const auto x = random_floats(width, width, 3.0F);
    const auto gain = random_floats(width, width + 1);
    std::vector<float> scratch(width + 16);
    Row first(width);
    portable_kernels().rms_norm(x.data(), gain.data(), 1e-5F, width, scratch.data(), first.sink());
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * v;
    const double inverse = 1.0 / std::sqrt(squares / width + 1e-5);
    for (std::size_t i = 0; i < width; ++i) {
      const double expected = x[i] * inverse * gain[i];
      EXPECT_NEAR(first.floats[i], expected, 1e-6 * std::fabs(expected) + 1e-12);
    }
    for (const auto& [name, kernels] : kernels_to_test()) {
      Row row(width);
      kernels->rms_norm(x.data(), gain.data(), 1e-5F, width, scratch.data(), row.sink());
      EXPECT_EQ(row, first) << name << ", " << width;
    }
  }
}

TEST(SiluMultiplyTest, IsGateTimesSigmoidTimesUpAndTheSameBitsEverywhere) {
  const FlushDenormals flush;
  for (const std::uint32_t width : {7, 37, 1536}) {
    const auto gate = random_floats(width, width, 20.0F);
    const auto up = random_floats(width, width + 1);
    std::vector<float> both(std::size_t{2} * width);
    for (std::uint32_t i = 0; i < width; ++i) {
      const std::uint32_t tile = i / 16 * 16;
      const std::uint32_t n = std::min(16U, width - tile);
      both[2 * tile + i - tile] = gate[i];
      both[2 * tile + n + i - tile] = up[i];
    }
    std::vector<float> scratch(width + 16);
    Row first(width);
    portable_kernels().silu_multiply(both.data(), width, scratch.data(), first.sink());
    for (std::size_t i = 0; i < width; ++i) {
      const double g = gate[i];
      const double expected = g / (1.0 + std::exp(-g)) * up[i];
      EXPECT_NEAR(first.floats[i], expected, 1e-6 * std::fabs(expected) + 1e-30) << g;
    }
    for (const auto& [name, kernels] : kernels_to_test()) {
      Row row(width);
      kernels->silu_multiply(both.data(), width, scratch.data(), row.sink());
      EXPECT_EQ(row, first) << name << ", " << width;
    }
  }
}

}  // namespace
}  // namespace troupe::gpu::cpu
