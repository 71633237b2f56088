// SPDX-License-Identifier: Apache-2.0
#include "telemetry/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

namespace troupe::telemetry {
namespace {

using std::chrono::milliseconds;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// 2026-11-24T11:02:03.456Z
const Clock::Wall kNow{milliseconds(1'795'518'123'456)};

std::string text(std::initializer_list<Field> fields) {
  return format_event(LogFormat::text, kNow, Level::info, "ingress", "request opened", fields);
}

std::string json(std::initializer_list<Field> fields) {
  return format_event(LogFormat::json, kNow, Level::warn, "stage/0", "step late", fields);
}

TEST(LogFormat, WritesTimeLevelComponentEventAndFieldsAsText) {
  const std::string id = "4f2a";
  const std::size_t tokens = 12;
  EXPECT_EQ(text({{"request_id", id}, {"tokens", tokens}, {"shift", -3}, {"stream", true}, {"share", 0.5}}),
            "2026-11-24T11:02:03.456Z info ingress \"request opened\" request_id=4f2a tokens=12 shift=-3 "
            "stream=true "
            "share=0.5");
}

TEST(LogFormat, WritesTheSameAsJson) {
  EXPECT_EQ(
      json({{"request_id", "4f2a"}, {"tokens", 12}, {"stream", false}, {"wait_seconds", milliseconds(1500)}}),
      R"({"time":"2026-11-24T11:02:03.456Z","level":"warn","component":"stage/0","event":"step late",)"
      R"("request_id":"4f2a","tokens":12,"stream":false,"wait_seconds":1.5})");
}

TEST(LogFormat, WritesTheLargestNumbersExactly) {
  EXPECT_THAT(text({{"n", std::numeric_limits<std::uint64_t>::max()}}), EndsWith("n=18446744073709551615"));
  EXPECT_THAT(text({{"n", std::numeric_limits<std::int64_t>::min()}}), EndsWith("n=-9223372036854775808"));
  EXPECT_THAT(json({{"n", std::numeric_limits<double>::quiet_NaN()}}), EndsWith("\"n\":\"nan\"}"));
  EXPECT_THAT(json({{"n", -std::numeric_limits<double>::infinity()}}), EndsWith("\"n\":\"-inf\"}"));
}

TEST(LogFormat, QuotesTextThatIsNotOneWord) {
  EXPECT_THAT(text({{"a", "two words"}, {"b", ""}, {"c", "x=y"}, {"d", "say \"hi\""}, {"e", "C:\\x"}}),
              EndsWith(R"(a="two words" b="" c="x=y" d="say \"hi\"" e="C:\\x")"));
}

TEST(LogFormat, KeepsOneEventOnOneLineWhateverAClientSends) {
  const std::string hostile =
      std::string("a\r\nfake\x1b[2J\xe2\x80\xa8\xe2\x80\xa9\xc2\x85\xc2\x9b\x7f\xff\xfe") + '\0' +
      "\"}{\"level\":\"error\"" + "\xe2\x80\xae";
  for (const std::string& line :
       {text({{"x", hostile}}), json({{"x", hostile}}),
        format_event(LogFormat::text, kNow, Level::info, hostile, hostile, {{hostile, 1}}),
        format_event(LogFormat::json, kNow, Level::info, hostile, hostile, {{hostile, 1}})}) {
    for (const char* bad : {"\r", "\n", "\x1b", "\x7f", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xae",
                            "\xc2\x85", "\xc2\x9b", "\xff", "\xfe"}) {
      EXPECT_THAT(line, Not(HasSubstr(bad)));
    }
    EXPECT_EQ(line.find('\0'), std::string::npos);
  }
  EXPECT_THAT(json({{"x", hostile}}), HasSubstr(R"("x":"a\r\nfake\u001b[2J\u2028\u2029\u0085\u009b\u007f)"));
  EXPECT_THAT(json({{"x", hostile}}), HasSubstr(R"(\u0000\"}{\"level\":\"error\"\u202e")"));
}

TEST(LogFormat, CutsLongValuesBetweenCodePointsAndSaysHowMuch) {
  const std::string line = text({{"x", std::string(1U << 20U, 'a')}});
  EXPECT_LT(line.size(), 1200U);
  EXPECT_THAT(line, EndsWith("aaa... (1047552 bytes cut)\""));
  std::string euros;
  for (int i = 0; i < 400; ++i) euros += "\xe2\x82\xac";
  EXPECT_THAT(text({{"x", euros}}), EndsWith("\xe2\x82\xac... (177 bytes cut)\""));
  EXPECT_THAT(text({{"x", std::string(1024, 'a')}}), EndsWith("x=" + std::string(1024, 'a')));
  EXPECT_LT(text({{"x", std::string(5000, '\x80')}}).size(), 3300U);
}

TEST(LogFormat, KeepsKeysToWordsAndApartFromItsOwn) {
  EXPECT_THAT(json({{"level", "x"}, {"a b\"\n", 1}, {"", 2}}), EndsWith(R"("level_":"x","a_b__":1,"_":2})"));
}

TEST(LogFormat, WritesTimesBeforeTheEpochAndFractionsWithoutRounding) {
  EXPECT_THAT(format_event(LogFormat::text, Clock::Wall(milliseconds(-1)), Level::info, "a", "b", {}),
              HasSubstr("1969-12-31T23:59:59.999Z"));
  EXPECT_THAT(
      format_event(LogFormat::text, Clock::Wall(std::chrono::microseconds(1'999)), Level::info, "a", "b", {}),
      HasSubstr("1970-01-01T00:00:00.001Z"));
}

TEST(Logger, WritesOneLinePerEventFromTheLevelThatIsSet) {
  std::ostringstream out;
  const ManualClock clock(kNow);
  Logger logger(out, clock);
  logger.log(Level::debug, "a", "too quiet");
  logger.log(Level::info, "a", "{} %s %v is no format", {{"n", 1}});
  logger.set_level(Level::error);
  logger.log(Level::warn, "a", "too quiet");
  EXPECT_FALSE(logger.enabled(Level::warn));
  EXPECT_EQ(out.str(), "2026-11-24T11:02:03.456Z info a \"{} %s %v is no format\" n=1\n");
}

TEST(Logger, ChangesItsFormat) {
  std::ostringstream out;
  const ManualClock clock(kNow);
  Logger logger(out, clock);
  logger.set_format(LogFormat::json);
  logger.log(Level::error, "a", "b");
  EXPECT_EQ(out.str(), R"({"time":"2026-11-24T11:02:03.456Z","level":"error","component":"a","event":"b"})"
                       "\n");
}

TEST(Logger, KeepsTheLinesOfManyThreadsWhole) {
  std::ostringstream out;
  const ManualClock clock(kNow);
  Logger logger(out, clock);
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&logger, thread] {
        for (int i = 0; i < 500; ++i) logger.log(Level::info, "t", "e", {{"thread", thread}, {"i", i}});
      });
    }
  }
  std::istringstream lines(out.str());
  std::vector<std::string> seen;
  for (std::string line; std::getline(lines, line);) seen.push_back(line);
  std::vector<std::string> expected;
  for (int thread = 0; thread < 4; ++thread) {
    for (int i = 0; i < 500; ++i) {
      expected.push_back(
          format_event(LogFormat::text, kNow, Level::info, "t", "e", {{"thread", thread}, {"i", i}}));
    }
  }
  std::sort(seen.begin(), seen.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(seen, expected);
}

TEST(Logger, OfTheProcessWritesToStandardError) {
  testing::internal::CaptureStderr();
  log(Level::info, "main", "started", {{"port", 8080}});
  log(Level::trace, "main", "too quiet");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), EndsWith("Z info main \"started\" port=8080\n"));
}

TEST(Level, IsReadFromItsName) {
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error}) {
    EXPECT_EQ(parse_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_level("loud"), std::nullopt);
  EXPECT_EQ(parse_log_format("json"), LogFormat::json);
  EXPECT_EQ(parse_log_format("text"), LogFormat::text);
  EXPECT_EQ(parse_log_format("xml"), std::nullopt);
}

}  // namespace
}  // namespace troupe::telemetry
