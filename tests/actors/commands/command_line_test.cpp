// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/command_line.hpp"

#include <gmock/gmock.h>

#include <sstream>
#include <stdexcept>

#include "actors/commands/command_table.hpp"

namespace troupe::actors {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Parsed {
  std::string prompt = "unset";
  std::string url = "http://x";
  std::uint64_t count = 64;
  std::optional<double> temperature;
  bool json = false;
  std::optional<int> status;
  std::string out;
  std::string err;
};

Parsed parse(const std::vector<std::string>& arguments) {
  Parsed p;
  CommandLine line("troupe try", "Tries.\n", "  troupe try it\n");
  line.positional("PROMPT", p.prompt, "What to try.");
  line.option("--url", "URL", p.url, "Where.");
  line.option("--max-tokens", "N", p.count, "How many.");
  line.option("--temperature", "T", p.temperature,
              "A help text that is long enough to need a second line in a terminal of eighty columns.");
  line.option("--json", p.json, "Machine readable.");
  std::ostringstream out;
  std::ostringstream err;
  p.status = line.parse(arguments, out, err);
  p.out = out.str();
  p.err = err.str();
  return p;
}

TEST(CommandLine, fills_what_was_declared) {
  const Parsed p = parse({"--max-tokens", "8", "hello", "--temperature=0.5", "--json"});
  EXPECT_FALSE(p.status);
  EXPECT_EQ(p.prompt, "hello");
  EXPECT_EQ(p.count, 8U);
  EXPECT_EQ(p.temperature, 0.5);
  EXPECT_TRUE(p.json);
  EXPECT_EQ(p.url, "http://x");
}

TEST(CommandLine, takes_what_follows_two_dashes_and_a_single_dash_as_arguments) {
  EXPECT_EQ(parse({"--", "--json"}).prompt, "--json");
  EXPECT_EQ(parse({"-"}).prompt, "-");
}

TEST(CommandLine, says_what_is_wrong_and_what_was_probably_meant) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {{"a", "--max-token", "8"},
       "troupe try: \"--max-token\" is no option, did you mean --max-tokens?; see troupe try --help"},
      {{"a", "--zzz"}, "\"--zzz\" is no option; see"},
      {{"a", "--max-tokens"}, "--max-tokens needs a value: N"},
      {{"a", "--max-tokens", "8x"}, "--max-tokens takes a number not less than 0, not \"8x\""},
      {{"a", "--max-tokens", "-1"}, "not \"-1\""},
      {{"a", "--temperature", "nan"}, "--temperature takes a number"},
      {{"a", "--json=1"}, "--json takes no value"},
      {{"a", "b"}, "\"b\" is one argument too many"},
      {{}, "PROMPT is missing"},
  };
  for (const auto& [arguments, message] : wrong) {
    const Parsed p = parse(arguments);
    EXPECT_EQ(p.status, kWrongUsage);
    EXPECT_THAT(p.err, HasSubstr(message));
    EXPECT_EQ(p.out, "");
  }
}

TEST(CommandLine, help_lists_everything_in_eighty_columns) {
  const Parsed p = parse({"--help"});
  EXPECT_EQ(p.status, 0);
  EXPECT_THAT(p.out, HasSubstr("Usage: troupe try PROMPT [options]\n\nTries.\n\n  PROMPT"));
  EXPECT_THAT(p.out, HasSubstr("--max-tokens N   How many. (default 64)\n"));
  EXPECT_THAT(p.out, HasSubstr("Examples\n  troupe try it\n"));
  std::istringstream lines(p.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

int run(const std::vector<std::string>& arguments, std::string* out, std::string* err) {
  const std::vector<Command> commands = {
      {"serve", "Serves.",
       [](auto arguments_, auto&, auto&) { return 40 + static_cast<int>(arguments_.size()); }},
      {"broken", "Breaks.", [](auto, auto&, auto&) -> int { throw std::runtime_error("no luck"); }},
      {"worker", "", [](auto, auto&, auto&) { return 0; }}};
  std::ostringstream o;
  std::ostringstream e;
  const int status = run_command(commands, arguments, o, e);
  *out = o.str();
  *err = e.str();
  return status;
}

TEST(CommandTable, runs_lists_and_guesses) {
  std::string out;
  std::string err;
  EXPECT_EQ(run({"serve", "a", "b"}, &out, &err), 42);
  EXPECT_EQ(run({"--help"}, &out, &err), 0);
  EXPECT_THAT(out, HasSubstr("  serve   Serves.\n"));
  EXPECT_THAT(out, Not(HasSubstr("worker"))) << "it is not for people";
  EXPECT_EQ(run({}, &out, &err), kWrongUsage);
  EXPECT_THAT(err, HasSubstr("Usage: troupe COMMAND"));
  EXPECT_EQ(run({"sevre"}, &out, &err), kWrongUsage);
  EXPECT_EQ(err, "troupe: \"sevre\" is no command, did you mean serve?; see troupe --help\n");
  EXPECT_EQ(run({"broken"}, &out, &err), 1);
  EXPECT_EQ(err, "troupe broken: no luck\n");
}

}  // namespace
}  // namespace troupe::actors
