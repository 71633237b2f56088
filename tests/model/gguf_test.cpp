// SPDX-License-Identifier: Apache-2.0
#include "model/weights/gguf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <random>

#include "tests/model/gguf_builder.hpp"

namespace troupe::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint32_t kF32 = 0;
constexpr std::uint32_t kQ40 = 2;
constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

GgufBuilder sample() {
  GgufBuilder file;
  file.text("general.architecture", "llama")
      .u32("llama.block_count", 2)
      .f32("epsilon", 0.5F)
      .number("double", GgufType::float64, 0.25)
      .number("negative", GgufType::int8, static_cast<std::int8_t>(-3))
      .number("huge", GgufType::uint64, kHuge)
      .boolean("flag", true)
      .texts("words", {"one", "", "three"})
      .numbers<std::int32_t>("types", GgufType::int32, {1, -1, 3})
      .numbers<float>("scores", GgufType::float32, {0.5F, 1.5F})
      .tensor("a.weight", {64, 3}, kQ40, 3 * 2 * 18)
      .tensor("b.weight", {5}, kF32, 20);
  return file;
}

void expect_bad(const GgufBuilder& file, const std::string& message) {
  const auto result = file.open();
  ASSERT_FALSE(result) << "opened, but should say: " << message;
  EXPECT_EQ(result.error().code, ErrorCode::bad_file);
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_THAT(result.error().param, ::testing::MatchesRegex("test.gguf:[0-9]+"));
}

/// Reads everything a file offers, so that a sanitizer sees what an accepted header leads to.
std::uint64_t touch(const ModelFile& file) {
  std::uint64_t sum = 0;
  for (const char* key : {"general.architecture", "words", "types", "scores", "flag", "huge", "epsilon"}) {
    sum += file.integer(key).value_or(0) + static_cast<std::uint64_t>(file.boolean(key).value_or(false));
    for (const char c : file.text(key).value_or("")) sum += static_cast<std::uint8_t>(c);
    for (const auto word : file.texts(key)) {
      for (const char c : word) sum += static_cast<std::uint8_t>(c);
    }
    sum += file.integers(key).size() + file.reals(key).size();
  }
  for (const TensorView& tensor : file.tensors()) {
    for (std::uint64_t i = 0; i < tensor.bytes; ++i) sum += std::to_integer<std::uint64_t>(tensor.data[i]);
  }
  return sum;
}

TEST(Gguf, MetadataIsReadByKeyAndType) {
  const auto result = sample().open();
  ASSERT_TRUE(result) << result.error().message;
  const ModelFile& file = **result;
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.integer("llama.block_count"), 2U);
  EXPECT_EQ(file.real("epsilon"), 0.5);
  EXPECT_EQ(file.real("double"), 0.25);
  EXPECT_EQ(file.boolean("flag"), true);
  EXPECT_THAT(file.texts("words"), ElementsAre("one", "", "three"));
  EXPECT_THAT(file.integers("types"), ElementsAre(1, -1, 3));
  EXPECT_THAT(file.reals("scores"), ElementsAre(0.5, 1.5));
}

TEST(Gguf, AValueOfAnotherTypeOrRangeIsAbsent) {
  const auto result = sample().open();
  ASSERT_TRUE(result);
  const ModelFile& file = **result;
  EXPECT_EQ(file.integer("nothing"), std::nullopt);
  EXPECT_EQ(file.integer("negative"), std::nullopt);
  EXPECT_EQ(file.integer("huge"), std::nullopt);
  EXPECT_EQ(file.integer("epsilon"), std::nullopt);
  EXPECT_EQ(file.real("llama.block_count"), std::nullopt);
  EXPECT_EQ(file.text("flag"), std::nullopt);
  EXPECT_TRUE(file.texts("types").empty());
  EXPECT_TRUE(file.integers("words").empty());
  EXPECT_TRUE(file.reals("types").empty());
}

TEST(Gguf, TensorsHaveTheirShapeSlowestFirst) {
  const auto result = sample().open();
  ASSERT_TRUE(result);
  const TensorView* a = (*result)->tensor("a.weight");
  ASSERT_NE(a, nullptr);
  EXPECT_THAT(a->shape, ElementsAre(3, 64));
  EXPECT_EQ(a->type, TensorType::q4_0);
  EXPECT_EQ(a->rows(), 3U);
  EXPECT_EQ(a->columns(), 64U);
  EXPECT_EQ(a->row_bytes(), 36U);
  EXPECT_EQ(a->bytes, 108U);
  EXPECT_EQ(a->data[0], std::byte{1});
  EXPECT_EQ((*result)->tensor("c.weight"), nullptr);
}

TEST(Gguf, VersionTwoIsReadLikeThree) {
  GgufBuilder file = sample();
  file.version = 2;
  EXPECT_TRUE(file.open());
}

TEST(Gguf, AHeaderThatIsNotOursIsNamed) {
  GgufBuilder file = sample();
  file.magic = 0x12345678;
  expect_bad(file, "not a GGUF file");
  file = sample();
  file.version = 1;
  expect_bad(file, "version 1 is not supported");
  file.version = 0x03000000;
  expect_bad(file, "big endian");
}

TEST(Gguf, CountsBeyondTheFileAreRefused) {
  for (const std::uint64_t count : {kHuge, kHuge / 2, std::uint64_t{1} << 40U}) {
    GgufBuilder file = sample();
    file.tensor_count = count;
    expect_bad(file, "tensors, more than the file can hold");
    file = sample();
    file.metadata_count = count;
    expect_bad(file, "metadata entries, more than the file can hold");
  }
}

TEST(Gguf, LengthsBeyondTheFileAreRefused) {
  for (const std::uint64_t length : {kHuge, kHuge - 7, std::uint64_t{1} << 63U, std::uint64_t{1} << 32U}) {
    std::string raw;
    GgufBuilder::raw(raw, length);
    expect_bad(GgufBuilder{}.bytes("s", GgufType::string, raw), "are left");
    for (const GgufType element : {GgufType::uint8, GgufType::uint64, GgufType::string, GgufType::array}) {
      std::string array;
      GgufBuilder::raw(array, static_cast<std::uint32_t>(element));
      expect_bad(GgufBuilder{}.bytes("a", GgufType::array, array + raw), "");
    }
  }
}

TEST(Gguf, NestedArraysAreReadToADepthAndRefusedBeyond) {
  const auto nested = [](int depth) {
    std::string value;
    for (int i = 0; i < depth; ++i) {
      GgufBuilder::raw(value, static_cast<std::uint32_t>(i + 1 < depth ? GgufType::array : GgufType::uint8));
      GgufBuilder::raw(value, std::uint64_t{1});
    }
    return GgufBuilder{}.bytes("a", GgufType::array, value + "x").text("after", "seen");
  };
  const auto shallow = nested(4).open();
  ASSERT_TRUE(shallow) << shallow.error().message;
  EXPECT_EQ((*shallow)->text("after"), "seen");
  expect_bad(nested(5), "nested more than 4 deep");
  expect_bad(nested(10000), "nested more than 4 deep");
}

TEST(Gguf, UnknownAndInvalidMetadataIsRefused) {
  expect_bad(GgufBuilder{}.bytes("k", static_cast<GgufType>(13), "12345678"), "unknown metadata type 13");
  expect_bad(GgufBuilder{}.bytes("k", GgufType::boolean, "\x02"), "neither 0 nor 1");
  expect_bad(GgufBuilder{}.u32("k", 1).u32("k", 2), "\"k\" appears twice");
  expect_bad(GgufBuilder{}.u32("general.alignment", 24), "general.alignment");
  expect_bad(GgufBuilder{}.u32("general.alignment", 0), "general.alignment");
  expect_bad(GgufBuilder{}.text("general.alignment", "32"), "general.alignment");
}

TEST(Gguf, TensorsThatCannotBeAreRefused) {
  expect_bad(GgufBuilder{}.tensor("t", {1}, kF32, 4).tensor("t", {1}, kF32, 4), "\"t\" appears twice");
  expect_bad(GgufBuilder{}.tensor("", {1}, kF32, 4), "has no name");
  expect_bad(GgufBuilder{}.tensor("t", {}, kF32, 4).text("pad", "12345678901234"), "0 dimensions");
  expect_bad(GgufBuilder{}.tensor("t", {1, 1, 1, 1, 1}, kF32, 4), "5 dimensions");
  expect_bad(GgufBuilder{}.tensor("t", {4, 0}, kF32, 16), "dimension of 0");
  expect_bad(GgufBuilder{}.tensor("t", {33}, kQ40, 36), "not a multiple of the 32");
  expect_bad(GgufBuilder{}.tensor_at("t", {1}, kF32, 4), "not aligned");
  expect_bad(GgufBuilder{}.tensor("t", {std::uint64_t{1} << 32U, std::uint64_t{1} << 32U}, kF32, 4),
             "overflows");
  expect_bad(GgufBuilder{}.tensor("t", {std::uint64_t{1} << 62U}, kF32, 4), "overflows");
  expect_bad(GgufBuilder{}.tensor("t", {1000}, kF32, 32), "ends beyond the file");
  expect_bad(GgufBuilder{}.tensor_at("t", {8}, kF32, kHuge - 31), "ends beyond the file");
  expect_bad(GgufBuilder{}.tensor("t", {16}, kF32, 64).tensor_at("u", {8}, kF32, 32), "overlap");
}

TEST(Gguf, AnUnsupportedTypeIsNamedWithWhatIsSupported) {
  expect_bad(GgufBuilder{}.tensor("t", {256}, 10, 84),
             "type Q2_K, which is not supported; use a file with F32, F16, Q4_0");
  expect_bad(GgufBuilder{}.tensor("t", {256}, 4, 84), "type number 4");
}

TEST(Gguf, NamesFromTheFileArePrintableInErrors) {
  const auto result = GgufBuilder{}.u32("k\n\x1b[2J", 1).u32("k\n\x1b[2J", 2).open();
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("\"k??[2J\""));
}

TEST(Gguf, ATruncatedFileIsAnErrorAtEveryLength) {
  const std::string file = sample().build();
  const auto whole = GgufBuilder::open_bytes(file);
  ASSERT_TRUE(whole);
  const TensorView& last = *(*whole)->tensor("b.weight");
  for (std::size_t size = 0; size < last.file_offset + last.bytes; ++size) {
    const auto result = GgufBuilder::open_bytes(file.substr(0, size));
    ASSERT_FALSE(result) << size;
    EXPECT_EQ(result.error().code, ErrorCode::bad_file);
  }
}

TEST(Gguf, RandomDamageIsAnErrorOrAReadableFile) {
  const std::string good = sample().build();
  std::mt19937_64 random(1);
  std::uint64_t sum = 0;
  int opened = 0;
  constexpr int kTries = 40000;
  for (int i = 0; i < kTries; ++i) {
    std::string bad = good;
    for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
      char& byte = bad[random() % bad.size()];
      byte = static_cast<char>(random() % 4 == 0 ? -1 : byte ^ (1 << (random() % 8)));
    }
    const auto result = GgufBuilder::open_bytes(bad);
    if (!result) continue;
    ++opened;
    sum += touch(**result);
  }
  EXPECT_GT(opened, kTries / 100) << "damage must reach beyond the first checks";
  EXPECT_LT(opened, kTries);
  EXPECT_GT(sum, 0U);
}

TEST(Gguf, FilesAreMappedAndMissingOnesAreIoErrors) {
  const std::string path = ::testing::TempDir() + "gguf_test_" + std::to_string(::getpid()) + ".gguf";
  std::ofstream(path, std::ios::binary) << sample().build();
  const auto result = open_gguf(path);
  std::ofstream(path + ".empty");
  const auto empty = open_gguf(path + ".empty");
  std::remove((path + ".empty").c_str());
  std::remove(path.c_str());
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_GT(touch(**result), 0U);
  (*result)->drop_pages((*result)->tensors()[0]);
  EXPECT_GT(touch(**result), 0U) << "dropped pages come back from the file";

  EXPECT_EQ(empty.error().code, ErrorCode::bad_file);
  EXPECT_EQ(open_gguf(path).error().code, ErrorCode::io);
  EXPECT_EQ(open_gguf("/").error().code, ErrorCode::io);
  EXPECT_EQ(open_gguf("/dev/zero").error().code, ErrorCode::io);
}

}  // namespace
}  // namespace troupe::model
