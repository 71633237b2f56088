// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/config_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/show.hpp"

namespace troupe::actors {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome run(std::vector<std::string> arguments, std::vector<config::EnvironmentVariable> environment = {}) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = run_config_command(arguments, out, err, environment);
  return {status, out.str(), err.str()};
}

/// A file that is gone after the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() /
              ("troupe_command_" + std::to_string(getpid()) + ".toml")) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string name() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(ConfigCommand, ChecksAGoodFile) {
  const Outcome outcome = run({"check", "config/default.toml"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const std::string count = std::to_string(config::options().size());
  EXPECT_EQ(outcome.out, "config/default.toml: ok, sets " + count + " of " + count + " options\n");
}

TEST(ConfigCommand, ReportsEveryErrorOfAFileAndFails) {
  const TemporaryFile file("[server]\nport = 70000\nprot = 1\n");
  const Outcome outcome = run({"check", file.name()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, IsEmpty());
  EXPECT_THAT(outcome.err, StartsWith(file.name() + ":2:8: server.port: 70000 is out of range"));
  EXPECT_THAT(outcome.err,
              HasSubstr(file.name() + ":3:1: server.prot: no option has this name; did you mean port?"));
}

TEST(ConfigCommand, ReportsErrorsAsJson) {
  const TemporaryFile file("[server]\nport = 70000\n");
  const Outcome outcome = run({"check", "--json", file.name()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.out, StartsWith(R"({"ok":false,"errors":[{"source":")"));
  EXPECT_THAT(outcome.out,
              HasSubstr(R"("line":2,"column":8,"option":"server.port","message":"70000 is out)"));
  EXPECT_EQ(run({"check", "--json", "config/default.toml"}).out, "{\"ok\":true,\"errors\":[]}\n");
}

TEST(ConfigCommand, ShowsTheEffectiveConfigurationOfFileEnvironmentAndFlags) {
  const TemporaryFile file("[server]\nport = 4711\nhost = \"h\"\n");
  const Outcome outcome =
      run({"show", "--config", file.name(), "--host", "flag.example"}, {{"TROUPE_LOG_LEVEL", "debug"}});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("host = \"flag.example\"  # flag --host\n"));
  EXPECT_THAT(outcome.out, HasSubstr("port = 4711  # " + file.name() + ":2:8\n"));
  EXPECT_THAT(outcome.out, HasSubstr("level = \"debug\"  # environment TROUPE_LOG_LEVEL\n"));
  EXPECT_THAT(run({"show", "--json"}).out, StartsWith(R"({"options":[{"name":"server.host",)"));
}

TEST(ConfigCommand, PrintsTheDefaultFile) {
  EXPECT_EQ(run({"show", "--default"}).out, config::default_toml());
  EXPECT_EQ(run({"show", "--default", "--json"}).status, 2);
}

TEST(ConfigCommand, PrintsTheSchema) {
  EXPECT_EQ(run({"schema"}).out, config::schema_text());
  EXPECT_EQ(run({"schema", "--json"}).out, config::schema_json());
}

TEST(ConfigCommand, TellsAWrongCommandLineFromAWrongConfiguration) {
  EXPECT_EQ(run({}).status, 2);
  EXPECT_EQ(run({"check"}).status, 2);
  EXPECT_EQ(run({"check", "a", "b"}).status, 2);
  EXPECT_EQ(run({"schema", "x"}).status, 2);
  EXPECT_EQ(run({"show", "--prot", "1"}).status, 2);
  EXPECT_EQ(run({"show", "--port", "x"}).status, 1);
  EXPECT_THAT(run({"shwo"}).err, HasSubstr("did you mean show?"));
}

TEST(ConfigCommand, HasHelp) {
  const Outcome outcome = run({"check", "--help"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("troupe config schema"));
}

}  // namespace
}  // namespace troupe::actors
