// SPDX-License-Identifier: Apache-2.0
#include "config/flags.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace troupe::config {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

ParsedFlags parse(std::vector<std::string> arguments) {
  return parse_flags(arguments);
}

/// The flags as "option=value ...".
std::string flags(std::vector<std::string> arguments) {
  const ParsedFlags parsed = parse(std::move(arguments));
  EXPECT_THAT(to_string(parsed.errors), IsEmpty());
  std::string text;
  for (const FlagValue& flag : parsed.flags)
    text += (text.empty() ? "" : " ") + flag.option + '=' + flag.value;
  return text;
}

std::string errors(std::vector<std::string> arguments) {
  return to_string(parse(std::move(arguments)).errors);
}

TEST(Flags, TakeTheirValueFromTheNextArgumentOrAfterAnEqualsSign) {
  EXPECT_EQ(flags({"--port", "8081", "--host=::1"}), "server.port=8081 server.host=::1");
  EXPECT_EQ(flags({"--served-model-name=a=b"}), "model.served_name=a=b");
  EXPECT_EQ(flags({"--served-model-name="}), "model.served_name=");
}

TEST(Flags, TakeUnderscoresForHyphens) {
  EXPECT_EQ(flags({"--max_num_seqs", "4"}), "scheduler.max_num_seqs=4");
}

TEST(Flags, SwitchBooleansOnAndOff) {
  EXPECT_EQ(flags({"--enable-prefix-caching", "--port", "1"}), "kv_cache.prefix_caching=true server.port=1");
  EXPECT_EQ(flags({"--no-enable-prefix-caching"}), "kv_cache.prefix_caching=false");
  EXPECT_EQ(flags({"--enable-prefix-caching=false"}), "kv_cache.prefix_caching=false");
}

TEST(Flags, NameTheFileAndAskForHelp) {
  EXPECT_EQ(parse({"--config", "a.toml"}).file, "a.toml");
  EXPECT_EQ(parse({"--config=b.toml"}).file, "b.toml");
  EXPECT_TRUE(parse({"-h"}).help);
  EXPECT_TRUE(parse({"--port", "1", "--help"}).help);
  EXPECT_FALSE(parse({}).help);
}

TEST(Flags, AreRefusedWithTheNearestNameWhenUnknown) {
  EXPECT_EQ(errors({"--prot", "8081"}), "flag --prot: is not known; did you mean --port?\n");
  EXPECT_THAT(errors({"--no-port"}), HasSubstr("--no-port: is not known"));
  EXPECT_THAT(errors({"--frobnicate"}), HasSubstr("--help lists every flag"));
}

TEST(Flags, AreAllCheckedAtOnce) {
  EXPECT_EQ(parse({"--prot=1", "--hots=2", "model.gguf", "--port"}).errors.size(), 4U);
}

TEST(Flags, SayWhatValueIsMissing) {
  EXPECT_EQ(errors({"--port"}), "flag --port: needs a value: an integer, 0 to 65535\n");
  EXPECT_EQ(errors({"--port", "--host=a"}), "flag --port: needs a value: an integer, 0 to 65535\n");
  EXPECT_THAT(errors({"--config"}), HasSubstr("the name of a TOML file"));
}

TEST(Flags, TellHowAModelIsNamed) {
  EXPECT_EQ(errors({"tiny.gguf"}),
            "flag tiny.gguf: is not a flag; a model is named with --model tiny.gguf\n");
}

TEST(Flags, KeepErrorsToOneLine) {
  EXPECT_EQ(errors({"--a\nb\x1b[31m"}).find('\n'), errors({"--a\nb\x1b[31m"}).size() - 1);
}

TEST(Flags, AreNamedInTheErrorsOfTheirValuesAsTheyWereWritten) {
  LoadInput input;
  input.flags = parse({"--max_num_seqs=0"}).flags;
  EXPECT_THAT(to_string(load(input).errors),
              HasSubstr("flag --max_num_seqs: scheduler.max_num_seqs: 0 is out of"));
}

TEST(Flags, AreAllInTheHelpWithDefaultAndVariable) {
  const std::string help = flags_help();
  for (const Option& option : options()) {
    EXPECT_THAT(help, HasSubstr("  " + std::string(option.flag))) << option.name;
    EXPECT_THAT(help, HasSubstr(option.environment()));
  }
  EXPECT_THAT(help, HasSubstr("--dtype auto|float32\n"));
  EXPECT_THAT(help, HasSubstr("--no-enable-prefix-caching"));
}

TEST(Flags, HaveAHelpThatFitsATerminal) {
  std::istringstream lines(flags_help());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

}  // namespace
}  // namespace troupe::config
