// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "model/weights/half.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {
namespace {

constexpr std::uint16_t kHalfTwo = 0x4000;      // 2.0
constexpr std::uint16_t kHalfQuarter = 0x3400;  // 0.25

/// A block under construction, byte by byte.
struct Block {
  std::vector<std::byte> bytes;
  Block& word(std::uint16_t value) { return byte(value & 0xff).byte(value >> 8); }
  Block& byte(int value) {
    bytes.push_back(static_cast<std::byte>(value));
    return *this;
  }
  std::vector<float> expand(TensorType type) const {
    EXPECT_EQ(bytes.size() % block_bytes(type), 0U);
    std::vector<float> out(bytes.size() / block_bytes(type) * block_weights(type));
    dequantize(type, bytes.data(), out.size(), out.data());
    return out;
  }
};

/// binary16 by its definition, in double.
double half_by_definition(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int mantissa = half & 0x3ff;
  const double sign = (half & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

TEST(Dequantize, HalfConversionIsExactForAllValues) {
  for (int i = 0; i <= 0xffff; ++i) {
    const auto half = static_cast<std::uint16_t>(i);
    const double expected = half_by_definition(half);
    const float actual = half_to_float(half);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(actual)) << i;
    } else {
      EXPECT_EQ(static_cast<double>(actual), expected) << i;
      EXPECT_EQ(std::signbit(actual), std::signbit(expected)) << i;
    }
  }
}

TEST(Dequantize, PlainTypesAreCopiedOrWidened) {
  const float value = -1.5F;
  Block f32;
  f32.bytes.resize(4);
  std::memcpy(f32.bytes.data(), &value, 4);
  EXPECT_EQ(f32.expand(TensorType::f32), std::vector<float>{-1.5F});
  EXPECT_EQ(Block{}.word(kHalfTwo).word(0x0001).expand(TensorType::f16),
            (std::vector<float>{2.0F, 0x1p-24F}));
  EXPECT_EQ(Block{}.word(0xbfc0).expand(TensorType::bf16), std::vector<float>{-1.5F});
}

TEST(Dequantize, Q4_0HoldsOffsetNibbles) {
  Block block;
  block.word(kHalfTwo);
  for (int j = 0; j < 16; ++j) block.byte(j | ((15 - j) << 4));
  const auto out = block.expand(TensorType::q4_0);
  for (int j = 0; j < 16; ++j) {
    EXPECT_EQ(out[static_cast<std::size_t>(j)], 2.0F * static_cast<float>(j - 8));
    EXPECT_EQ(out[static_cast<std::size_t>(j) + 16], 2.0F * static_cast<float>(7 - j));
  }
}

TEST(Dequantize, Q4_1AddsTheMinimumAndBlocksFollowEachOther) {
  Block blocks;
  blocks.word(kHalfTwo).word(kHalfQuarter);
  for (int j = 0; j < 16; ++j) blocks.byte(j | ((15 - j) << 4));
  blocks.word(kHalfQuarter).word(kHalfTwo);
  for (int j = 0; j < 16; ++j) blocks.byte(0x10);
  const auto out = blocks.expand(TensorType::q4_1);
  for (int j = 0; j < 16; ++j) {
    const auto i = static_cast<std::size_t>(j);
    EXPECT_EQ(out[i], 2.0F * static_cast<float>(j) + 0.25F);
    EXPECT_EQ(out[i + 16], 2.0F * static_cast<float>(15 - j) + 0.25F);
    EXPECT_EQ(out[i + 32], 2.0F);
    EXPECT_EQ(out[i + 48], 2.25F);
  }
}

TEST(Dequantize, Q8_0HoldsSignedBytes) {
  Block block;
  block.word(kHalfQuarter);
  for (int j = 0; j < 32; ++j) block.byte(j * 8 - 128);
  const auto out = block.expand(TensorType::q8_0);
  for (int j = 0; j < 32; ++j)
    EXPECT_EQ(out[static_cast<std::size_t>(j)], 0.25F * static_cast<float>(j * 8 - 128));
}

TEST(Dequantize, Q4_KUnpacksSixBitScalesAndMinima) {
  // Sub-block s has scale 3 + 7 s and minimum 1 + 8 s, so that both halves of the packing carry high bits.
  const auto scale = [](int s) { return 3 + 7 * s; };
  const auto minimum = [](int s) { return 1 + 8 * s; };
  Block block;
  block.word(kHalfTwo).word(kHalfQuarter);
  for (int j = 0; j < 4; ++j) block.byte(scale(j) | ((scale(j + 4) >> 4) << 6));
  for (int j = 0; j < 4; ++j) block.byte(minimum(j) | ((minimum(j + 4) >> 4) << 6));
  for (int j = 0; j < 4; ++j) block.byte((scale(j + 4) & 0xf) | ((minimum(j + 4) & 0xf) << 4));
  for (int i = 0; i < 128; ++i) block.byte((i % 16) | ((15 - i % 16) << 4));
  const auto out = block.expand(TensorType::q4_k);
  for (int i = 0; i < 256; ++i) {
    const int s = i / 32;
    const int quant = s % 2 == 0 ? i % 16 : 15 - i % 16;
    const double expected = 2.0 * scale(s) * quant - 0.25 * minimum(s);
    EXPECT_EQ(static_cast<double>(out[static_cast<std::size_t>(i)]), expected) << i;
  }
}

TEST(Dequantize, Q6_KJoinsLowNibblesAndHighPairs) {
  const auto quant = [](int i) { return (i * 37 + 11) % 64; };
  const auto scale = [](int group) { return group * 15 - 128; };
  std::vector<int> low(128);
  std::vector<int> high(64);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128;
    const int within = i % 128;
    const auto l = static_cast<std::size_t>(64 * half + within % 64);
    low[l] |= (quant(i) & 0xf) << (within < 64 ? 0 : 4);
    high[static_cast<std::size_t>(32 * half + within % 32)] |= (quant(i) >> 4) << (2 * (within / 32));
  }
  Block block;
  for (const int b : low) block.byte(b);
  for (const int b : high) block.byte(b);
  for (int group = 0; group < 16; ++group) block.byte(scale(group));
  block.word(kHalfQuarter);
  const auto out = block.expand(TensorType::q6_k);
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(static_cast<double>(out[static_cast<std::size_t>(i)]), 0.25 * scale(i / 16) * (quant(i) - 32))
        << i;
  }
}

}  // namespace
}  // namespace troupe::model
