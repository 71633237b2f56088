// SPDX-License-Identifier: Apache-2.0
#include "config/show.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace troupe::config {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

LoadResult load_text(std::string text) {
  LoadInput input;
  input.file = "t.toml";
  input.file_text = std::move(text);
  return load(input);
}

TEST(DefaultToml, EqualsTheListByteForByte) {
  EXPECT_EQ(contents("config/default.toml"), default_toml())
      << "config/default.toml is out of date: troupe config show --default > config/default.toml";
}

TEST(DefaultToml, SetsEveryOptionToItsDefault) {
  const LoadResult loaded = load_text(default_toml());
  EXPECT_TRUE(loaded.ok()) << to_string(loaded.errors);
  for (std::size_t i = 0; i < options().size(); ++i) {
    EXPECT_EQ(options()[i].get(loaded.config), options()[i].default_value()) << options()[i].name;
    EXPECT_EQ(loaded.origins[i].kind, Origin::Kind::file) << options()[i].name;
  }
}

TEST(DefaultToml, SaysMeaningBoundsAndUnitOfAnOption) {
  EXPECT_THAT(default_toml(), HasSubstr("Threads that compute a step"));
  EXPECT_THAT(
      default_toml(),
      HasSubstr("# Takes an integer, 0 to 1024 threads. Changing it restarts: stage.\nthreads = 0\n"));
}

TEST(Show, PrintsAFileThatLoadsToTheSameConfiguration) {
  const LoadResult first = load_text("[server]\nport = 4711\nhost = \"a\\\"b\"\nheader_timeout = 1500\n");
  ASSERT_TRUE(first.ok()) << to_string(first.errors);
  const LoadResult second = load_text(show_toml(first));
  ASSERT_TRUE(second.ok()) << to_string(second.errors);
  for (const Option& option : options())
    EXPECT_EQ(option.get(first.config), option.get(second.config)) << option.name;
}

TEST(Show, SaysWhereEachValueCameFrom) {
  const LoadResult loaded = load_text("[server]\nport = 4711\n");
  EXPECT_THAT(show_toml(loaded), HasSubstr("port = 4711  # t.toml:2:8\n"));
  EXPECT_THAT(show_toml(loaded), HasSubstr("admin_port = 8081  # default\n"));
  EXPECT_THAT(show_json(loaded),
              HasSubstr(R"({"name":"server.port","value":4711,"origin":"t.toml","line":2,"column":8})"));
  EXPECT_THAT(show_json(loaded),
              HasSubstr(R"({"name":"server.admin_port","value":8081,"origin":"default"})"));
}

TEST(Show, KeepsSecretsToItself) {
  std::vector<Option> list(options().begin(), options().end());
  for (Option& option : list) option.secret = option.name == "model.served_name";
  const LoadResult loaded = load_text("[model]\nserved_name = \"hunter2\"\n");
  EXPECT_THAT(show_toml(loaded, list), Not(HasSubstr("hunter2")));
  EXPECT_THAT(show_toml(loaded, list), HasSubstr("served_name = \"(secret)\""));
  EXPECT_THAT(show_json(loaded, list), Not(HasSubstr("hunter2")));
  EXPECT_THAT(show_json(loaded, list), HasSubstr(R"("name":"model.served_name","value":null)"));
}

TEST(Schema, PrintsEveryOptionAsTextAndJson) {
  for (const Option& option : options()) {
    EXPECT_THAT(schema_text(), HasSubstr("  " + std::string(option.name) + '\n'));
    EXPECT_THAT(schema_json(), HasSubstr("{\"name\":\"" + std::string(option.name) + "\",\"flag\":\""));
  }
  EXPECT_THAT(schema_json(), HasSubstr(R"("type":"duration","unit":"milliseconds","min":100,"max":3600000)"));
  EXPECT_THAT(schema_json(), HasSubstr(R"("choices":["auto","float32"],"default":"auto")"));
}

TEST(Wrap, BreaksAtSpacesAndLeavesLongWordsWhole) {
  EXPECT_EQ(wrap("one two three", "# ", 9), "# one two\n# three\n");
  EXPECT_EQ(wrap("abcdefghijkl xy", "", 5), "abcdefghijkl\nxy\n");
  EXPECT_EQ(wrap("", "# ", 9), "");
}

}  // namespace
}  // namespace troupe::config
