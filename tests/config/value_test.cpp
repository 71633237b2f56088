// SPDX-License-Identifier: Apache-2.0
#include "config/value.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::config {
namespace {

using testing::HasSubstr;

Domain domain(Kind kind, std::uint64_t min, std::uint64_t max) {
  return {.kind = kind, .min = min, .max = max, .unit = "", .choices = {}};
}

const Domain kTime = domain(Kind::duration, 0, 86'400'000);
const Domain kSize = domain(Kind::bytes, 1024, 1ULL << 44U);
const Domain kNumber = domain(Kind::integer, 1, 65'535);
const Domain kText = domain(Kind::text, 1, 8);
const Domain kChoice = {.kind = Kind::choice, .min = 0, .max = 0, .unit = "", .choices = {"auto", "float32"}};

std::uint64_t number(const Domain& d, std::string_view text) {
  const ParsedValue parsed = parse_value(d, text);
  EXPECT_TRUE(parsed.value) << text << ": " << parsed.problem;
  return parsed.value ? std::get<std::uint64_t>(*parsed.value) : 0;
}

std::string problem(const Domain& d, std::string_view text) {
  const ParsedValue parsed = parse_value(d, text);
  EXPECT_FALSE(parsed.value) << text;
  return parsed.problem;
}

TEST(Value, ReadsDurationsInEveryUnitAndBareMilliseconds) {
  EXPECT_EQ(number(kTime, "250ms"), 250U);
  EXPECT_EQ(number(kTime, "10s"), 10'000U);
  EXPECT_EQ(number(kTime, "2m"), 120'000U);
  EXPECT_EQ(number(kTime, "1h"), 3'600'000U);
  EXPECT_EQ(number(kTime, "75"), 75U);
}

TEST(Value, ReadsSizesInEveryUnitAndBareBytes) {
  EXPECT_EQ(number(kSize, "1024B"), 1024U);
  EXPECT_EQ(number(kSize, "16KiB"), 16U << 10U);
  EXPECT_EQ(number(kSize, "512MiB"), 512ULL << 20U);
  EXPECT_EQ(number(kSize, "1GiB"), 1ULL << 30U);
  EXPECT_EQ(number(kSize, "2TiB"), 2ULL << 40U);
  EXPECT_EQ(number(kSize, "1048576"), 1U << 20U);
}

TEST(Value, RefusesSpellingsThatCouldMeanTwoThings) {
  for (const char* text : {"10 s", " 10s", "10s ", "1.5s", "10S", "s", "", "+5s", "0x10", "1e3"}) {
    EXPECT_THAT(problem(kTime, text), HasSubstr("a duration")) << text;
  }
  for (const char* text : {"1GB", "1gib", "1 GiB", "1G"})
    EXPECT_THAT(problem(kSize, text), HasSubstr("1GiB")) << text;
}

TEST(Value, SaysTheAllowedRangeWhenANumberIsOutOfIt) {
  EXPECT_THAT(problem(kNumber, "0"), HasSubstr("1 to 65535"));
  EXPECT_THAT(problem(kNumber, "65536"), HasSubstr("out of range"));
  EXPECT_THAT(problem(kNumber, "-1"), HasSubstr("out of range"));
  EXPECT_THAT(problem(kTime, "25h"), HasSubstr("0ms to 24h"));
  EXPECT_THAT(problem(kSize, "1023"), HasSubstr("1KiB to 16TiB"));
}

TEST(Value, RefusesNumbersThatOverflow) {
  EXPECT_THAT(problem(kNumber, "18446744073709551616"), HasSubstr("out of range"));
  EXPECT_THAT(problem(kTime, "18446744073709551615h"), HasSubstr("out of range"));
  EXPECT_THAT(problem(kSize, "16777216TiB"), HasSubstr("out of range"));
}

TEST(Value, ReadsBooleansInOneSpellingOnly) {
  const Domain boolean = domain(Kind::boolean, 0, 1);
  EXPECT_EQ(std::get<bool>(*parse_value(boolean, "true").value), true);
  EXPECT_EQ(std::get<bool>(*parse_value(boolean, "false").value), false);
  for (const char* text : {"yes", "1", "True", ""})
    EXPECT_THAT(problem(boolean, text), HasSubstr("true or false"));
}

TEST(Value, NamesTheChoicesAndTheNearestOne) {
  EXPECT_EQ(std::get<std::string>(*parse_value(kChoice, "float32").value), "float32");
  EXPECT_EQ(problem(kChoice, "flaot32"),
            "\"flaot32\" is not allowed; expected one of auto, float32; did you mean \"float32\"?");
}

TEST(Value, RefusesTextThatIsEmptyTooLongOrUnprintable) {
  EXPECT_EQ(problem(kText, ""), "must not be empty");
  EXPECT_THAT(problem(kText, "123456789"), HasSubstr("9 bytes"));
  EXPECT_THAT(problem(kText, std::string_view("a\0b", 3)), HasSubstr("control characters"));
  EXPECT_THAT(problem(kText, "a\nb"), HasSubstr("control characters"));
  EXPECT_THAT(problem(kText, "\xff"), HasSubstr("not UTF-8"));
}

TEST(Value, KeepsAnErrorShortWhateverWasWritten) {
  EXPECT_LT(problem(kNumber, std::string(1'000'000, '\x01')).size(), 600U);
}

TEST(Value, PrintsTheLargestUnitThatIsExact) {
  EXPECT_EQ(format_value(kTime, std::uint64_t{75'000}), "75s");
  EXPECT_EQ(format_value(kTime, std::uint64_t{60'000}), "1m");
  EXPECT_EQ(format_value(kTime, std::uint64_t{1'500}), "1500ms");
  EXPECT_EQ(format_value(kTime, std::uint64_t{0}), "0ms");
  EXPECT_EQ(format_value(kSize, std::uint64_t{1U << 30U}), "1GiB");
  EXPECT_EQ(format_value(kSize, std::uint64_t{1500}), "1500B");
}

TEST(Value, QuotesInTomlWhatTomlWantsQuoted) {
  EXPECT_EQ(toml_value(kNumber, std::uint64_t{5}), "5");
  EXPECT_EQ(toml_value(kTime, std::uint64_t{5}), "\"5ms\"");
  EXPECT_EQ(toml_value(kText, std::string("a\"b")), "\"a\\\"b\"");
}

}  // namespace
}  // namespace troupe::config
