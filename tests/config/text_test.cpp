// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include <gtest/gtest.h>

namespace troupe::config {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

TEST(Text, DecodesCodePointsOfEveryLength) {
  EXPECT_EQ(first_code_point("A").value, U'A');
  EXPECT_EQ(first_code_point("\xc3\xa9").value, U'\u00e9');
  EXPECT_EQ(first_code_point("\xe2\x82\xac!").value, U'\u20ac');
  EXPECT_EQ(first_code_point("\xf0\x9f\x98\x80").value, U'\U0001f600');
  EXPECT_EQ(first_code_point("\xf0\x9f\x98\x80").length, 4U);
}

TEST(Text, RefusesOverlongFormsSurrogatesAndCodePointsPastTheLast) {
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xe2\x28\xa1"}) {
    EXPECT_EQ(first_code_point(bad).length, 0U) << escaped(bad);
  }
  EXPECT_EQ(first_code_point("").length, 0U);
}

TEST(Text, EscapesWhatWouldEndALineOrSteerATerminal) {
  EXPECT_EQ(escaped("a\r\nb\tc"), "a\\r\\nb\\tc");
  EXPECT_EQ(escaped("\x1b[31m"), "\\u001b[31m");
  EXPECT_EQ(escaped(std::string_view("\0", 1)), "\\u0000");
  EXPECT_EQ(escaped("\x7f"), "\\u007f");
  EXPECT_EQ(escaped("\xc2\x9b"), "\\u009b");
  EXPECT_EQ(escaped("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
  EXPECT_EQ(escaped("\xe2\x80\xae"), "\\u202e");
  EXPECT_EQ(escaped("say \"\\\""), "say \\\"\\\\\\\"");
}

TEST(Text, ReplacesEachIllFormedByte) {
  EXPECT_EQ(escaped("a\xff\xfe"), "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Text, KeepsOrdinaryTextAsItIs) {
  EXPECT_EQ(in_quotes("Gr\xc3\xbc\xc3\x9f"), "\"Gr\xc3\xbc\xc3\x9f\"");
}

TEST(Text, CallsTextCleanOnlyWithoutControlsAndIllFormedBytes) {
  EXPECT_TRUE(is_clean_text("/models/\xe6\xa8\xa1.gguf"));
  EXPECT_TRUE(is_clean_text(""));
  EXPECT_FALSE(is_clean_text("a\n"));
  EXPECT_FALSE(is_clean_text("\xff"));
}

}  // namespace
}  // namespace troupe::config
