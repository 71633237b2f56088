// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace troupe::config {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

LoadInput file(std::string text) {
  LoadInput input;
  input.file = "troupe.toml";
  input.file_text = std::move(text);
  return input;
}

/// All errors of that file, one a line.
std::string errors(std::string text) {
  return to_string(load(file(std::move(text))).errors);
}

Origin origin_of(const LoadResult& loaded, std::string_view name) {
  return loaded.origins.at(static_cast<std::size_t>(find_option(options(), name) - options().data()));
}

TEST(Load, TakesDefaultsFromNothing) {
  const LoadResult loaded = load({});
  EXPECT_TRUE(loaded.ok()) << to_string(loaded.errors);
  EXPECT_EQ(loaded.config.server.port, 8080);
  EXPECT_EQ(to_string(origin_of(loaded, "server.port")), "default");
}

TEST(Load, LetsAFlagWinOverTheEnvironmentOverTheFileOverTheDefault) {
  LoadInput input = file("[server]\nhost = \"a\"\nport = 1\nadmin_port = 2\n");
  input.environment = {{"TROUPE_SERVER_PORT", "3"}, {"TROUPE_SERVER_ADMIN_PORT", "4"}};
  input.flags = {{"server.port", "5", "--port"}};
  const LoadResult loaded = load(input);
  ASSERT_TRUE(loaded.ok()) << to_string(loaded.errors);
  EXPECT_EQ(loaded.config.server.port, 5);
  EXPECT_EQ(loaded.config.server.admin_port, 4);
  EXPECT_EQ(loaded.config.server.host, "a");
  EXPECT_EQ(to_string(origin_of(loaded, "server.port")), "flag --port");
  EXPECT_EQ(to_string(origin_of(loaded, "server.admin_port")), "environment TROUPE_SERVER_ADMIN_PORT");
  EXPECT_EQ(to_string(origin_of(loaded, "server.host")), "troupe.toml:2:8");
  EXPECT_EQ(to_string(origin_of(loaded, "model.path")), "default");
}

TEST(Load, ReadsDurationsSizesNestedTablesAndDottedKeys) {
  const LoadResult loaded =
      load(file("server.header_timeout = \"2m\"\nkv_cache.bytes = 2097152\n"
                "[supervision.worker]\npause_max = 1500\n[supervision]\nactor.attempts = 7\n"));
  ASSERT_TRUE(loaded.ok()) << to_string(loaded.errors);
  EXPECT_EQ(loaded.config.server.header_timeout, milliseconds(120'000));
  EXPECT_EQ(loaded.config.kv_cache.bytes, 2'097'152U);
  EXPECT_EQ(loaded.config.supervision.worker.pause_max, milliseconds(1500));
  EXPECT_EQ(loaded.config.supervision.actor.attempts, 7U);
}

TEST(Load, ReportsEveryErrorAtOnceInTheOrderOfTheFile) {
  LoadInput input = file("[server]\nport = 99999\nhost = 5\n\n[model]\nthreads = \"4\"\n");
  input.environment = {{"TROUPE_LOG_LEVEL", "loud"}};
  input.flags = {{"server.admin_port", "x", "--admin-port"}};
  std::vector<std::string> lines;
  for (const ConfigError& error : load(input).errors) lines.push_back(to_string(error));
  EXPECT_THAT(
      lines,
      ElementsAre("troupe.toml:2:8: server.port: 99999 is out of range; expected an integer, 0 to 65535",
                  "troupe.toml:3:8: server.host: is an integer; expected a text of 1 to 253 bytes",
                  "troupe.toml:6:11: model.threads: is a string; expected an integer, 0 to 1024 "
                  "threads; remove the quotes",
                  StartsWith("environment TROUPE_LOG_LEVEL: log.level: \"loud\" is not allowed"),
                  StartsWith("flag --admin-port: server.admin_port: \"x\" is not understood")));
}

TEST(Load, RefusesUnknownKeysWithTheNearestName) {
  EXPECT_EQ(errors("[server]\nprot = 1\n"),
            "troupe.toml:2:1: server.prot: no option has this name; did you mean port?\n");
  EXPECT_THAT(errors("port = 1\n"), HasSubstr("did you mean server.port?"));
  EXPECT_THAT(errors("[model]\nmax_num_seqs = 1\n"), HasSubstr("did you mean scheduler.max_num_seqs?"));
  EXPECT_THAT(errors("[server]\nfrobnicate = 1\n"), HasSubstr("troupe config schema"));
}

TEST(Load, RefusesUnknownTablesOnceWithTheNearestName) {
  EXPECT_EQ(errors("[sever]\nport = 1\nhost = 2\n"),
            "troupe.toml:1:2: sever: no table has this name; did you mean [server]?\n");
  EXPECT_THAT(errors("[supervision.workers]\nattempts = 1\n"),
              HasSubstr("did you mean [supervision.worker]?"));
}

TEST(Load, RefusesValuesOfTheWrongType) {
  EXPECT_THAT(errors("[server]\nport = 8080.0\n"), HasSubstr("is a float; expected an integer"));
  EXPECT_THAT(errors("[server]\nport = [1]\n"), HasSubstr("is an array"));
  EXPECT_THAT(errors("[server.port]\nx = 1\n"), HasSubstr("is a table"));
  EXPECT_THAT(errors("[kv_cache]\nprefix_caching = 1\n"), HasSubstr("expected true or false"));
  EXPECT_THAT(errors("[server]\nheader_timeout = 10:00:00\n"), HasSubstr("is a date or time"));
  EXPECT_THAT(errors("server = 1\n"), HasSubstr("expected a table: write its options under [server]"));
  EXPECT_THAT(errors("[[server]]\nport = 1\n"), HasSubstr("is an array; expected a table"));
  EXPECT_THAT(errors("[server]\nport = -1\n"), HasSubstr("0 to 65535"));
}

TEST(Load, PlacesSyntaxErrorsAndStillChecksTheRest) {
  LoadInput input = file("[server]\nport = = 2\n");
  input.flags = {{"server.port", "x", "--port"}};
  const LoadResult loaded = load(input);
  ASSERT_EQ(loaded.errors.size(), 2U);
  EXPECT_THAT(to_string(loaded.errors[0]), StartsWith("troupe.toml:2:8: not TOML: "));
  EXPECT_THAT(errors("[server]\nport = 1\nport = 2\n"), StartsWith("troupe.toml:3:"));
  EXPECT_THAT(errors("host = \"\xff\"\n"), HasSubstr("not TOML"));
}

TEST(Load, SurvivesHostileFiles) {
  for (const std::string& text :
       {std::string(100'000, '['), "a = " + std::string(100'000, '['), std::string(100'000, '{'),
        "a" + std::string(50'000, '.') + "b = 1", std::string("\0\0\0", 3), std::string("\xef\xbb\xbf"),
        std::string("\"\\u001b[31m\" = 1\n"), std::string(50'000, 'k') + " = 1\n"}) {
    for (const ConfigError& error : load(file(text)).errors) {
      EXPECT_EQ(to_string(error).find('\x1b'), std::string::npos);
      EXPECT_LT(to_string(error).size(), 1000U);
    }
  }
}

TEST(Load, RefusesKeysThatNestTooDeep) {
  std::string deep = "a";
  for (int i = 0; i < 200'000; ++i) deep += ".a";
  EXPECT_THAT(errors(deep + " = 1\n"), HasSubstr("nests too deep"));
  EXPECT_THAT(errors('[' + deep + "]\n"), HasSubstr("nests too deep"));
  EXPECT_THAT(errors("a" + deep.substr(deep.size() - 3800) + " = 1\n"), HasSubstr("no table has this name"));
  EXPECT_THAT(errors("  # " + std::string(5000, '.') + "\nlog.level = \"info\"\n"), IsEmpty());
}

TEST(Load, PointsBrokenRelationsToTheOptionThatWasSet) {
  EXPECT_THAT(errors("[scheduler]\nmax_num_seqs = 1000\n"),
              StartsWith("troupe.toml:2:16: scheduler.max_num_batched_tokens: 512 is less than"));
  LoadInput input;
  input.flags = {{"server.port", "8081", "--port"}};
  EXPECT_THAT(to_string(load(input).errors), StartsWith("flag --port: server.admin_port: "));
}

TEST(Load, SaysNothingOfRelationsToAnOptionThatIsItselfWrong) {
  EXPECT_EQ(load(file("[scheduler]\nmax_num_seqs = 1000\nmax_num_batched_tokens = 0\n")).errors.size(), 1U);
}

TEST(Load, AsksForAModelWhenServing) {
  LoadInput input;
  input.serving = true;
  EXPECT_THAT(to_string(load(input).errors), StartsWith("model.path: no model is named; give --model"));
  input.environment = {{"TROUPE_MODEL_PATH", "m.gguf"}};
  EXPECT_TRUE(load(input).ok());
}

TEST(Load, RefusesVariablesThatLookLikeOptionsAndIgnoresOthers) {
  LoadInput input;
  input.environment = {{"TROUPE_SERVER_PROT", "1"}, {"TROUPE_TEST_MODEL", "x"}, {"TROUPE_HOME", "y"}};
  EXPECT_EQ(to_string(load(input).errors),
            "environment TROUPE_SERVER_PROT: no option has this name; did you mean TROUPE_SERVER_PORT?\n");
}

TEST(Load, ExplainsTheVariableThatKubernetesSets) {
  LoadInput input;
  input.environment = {{"TROUPE_SERVER_PORT", "tcp://10.0.0.1:8080"}};
  EXPECT_THAT(to_string(load(input).errors), HasSubstr("enableServiceLinks"));
}

TEST(Load, TakesTheLastOfTwoEqualFlags) {
  LoadInput input;
  input.flags = {{"server.port", "1", "--port"}, {"server.port", "2", "--port"}};
  EXPECT_EQ(load(input).config.server.port, 2);
}

TEST(Load, NeverPrintsASecretInAnError) {
  std::vector<Option> list(options().begin(), options().end());
  for (Option& option : list) option.secret = option.name == "log.level";
  LoadInput input = file("[log]\nlevel = \"hunter2\"\n");
  input.list = list;
  input.environment = {{"TROUPE_LOG_LEVEL", "hunter3"}};
  const std::string text = to_string(load(input).errors);
  EXPECT_THAT(text, HasSubstr("troupe.toml:2:9: log.level: its value is not allowed"));
  EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
}

TEST(Load, SaysWhyAFileCannotBeRead) {
  const auto message = [](const std::filesystem::path& path) {
    LoadInput input;
    input.file = path;
    return to_string(load(input).errors);
  };
  EXPECT_EQ(message("/nonexistent/troupe.toml"),
            "/nonexistent/troupe.toml: cannot be read: No such file or directory\n");
  EXPECT_THAT(message("/"), HasSubstr("is a directory"));
  EXPECT_THAT(message("/dev/zero"), HasSubstr("larger than 1 MiB"));
}

TEST(Load, ReadsAFileFromDisk) {
  const auto path =
      std::filesystem::temp_directory_path() / ("troupe_load_" + std::to_string(getpid()) + ".toml");
  std::ofstream(path) << "[server]\nport = 4711\n";
  LoadInput input;
  input.file = path;
  const LoadResult loaded = load(input);
  std::filesystem::remove(path);
  EXPECT_TRUE(loaded.ok()) << to_string(loaded.errors);
  EXPECT_EQ(loaded.config.server.port, 4711);
}

TEST(Load, ListsOnlyOurVariablesOfTheProcess) {
  ASSERT_EQ(setenv("TROUPE_LOG_LEVEL", "a=b", 1), 0);
  const auto variables = process_environment();
  unsetenv("TROUPE_LOG_LEVEL");
  bool seen = false;
  for (const EnvironmentVariable& variable : variables) {
    EXPECT_THAT(variable.name, StartsWith("TROUPE_"));
    seen = seen || (variable.name == "TROUPE_LOG_LEVEL" && variable.value == "a=b");
  }
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace troupe::config
