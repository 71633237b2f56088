// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "config/load.hpp"
#include "config/value.hpp"

namespace troupe::config {
namespace {

/// Converts to anything: how many of them an aggregate takes is how many fields it has.
struct Anything {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

template <class Aggregate, class... Fields>
constexpr std::size_t count_fields() {
  if constexpr (requires { Aggregate{Fields{}..., Anything{}}; }) {
    return count_fields<Aggregate, Fields..., Anything>();
  } else {
    return sizeof...(Fields);
  }
}

/// A value of the option that is not its default.
Value other_value(const Option& option) {
  const Value standard = option.default_value();
  if (const bool* truth = std::get_if<bool>(&standard)) return !*truth;
  if (const auto* number = std::get_if<std::uint64_t>(&standard)) {
    return *number == option.domain.max ? option.domain.min : option.domain.max;
  }
  if (option.domain.kind != Kind::choice) return std::string("other \"text\" \\ \xc3\xa9");
  const auto found =
      std::find_if(option.domain.choices.begin(), option.domain.choices.end(),
                   [&](std::string_view choice) { return Value(std::string(choice)) != standard; });
  return std::string(*found);
}

/// The option's own errors; setting one option to an extreme may break a relation to another.
std::string errors_of(const LoadResult& loaded, const Option& option) {
  std::string text;
  for (const ConfigError& error : loaded.errors) {
    const bool range = error.message.find("expected") != std::string::npos;
    if (error.option == option.name && range) text += to_string(error);
  }
  return text;
}

std::size_t options_in(std::string_view section) {
  return static_cast<std::size_t>(std::count_if(
      options().begin(), options().end(), [&](const Option& option) { return option.section() == section; }));
}

TEST(Schema, ListsEveryFieldOfConfig) {
  EXPECT_EQ(options_in("server"), count_fields<Config::Server>());
  EXPECT_EQ(options_in("model"), count_fields<Config::Model>());
  EXPECT_EQ(options_in("scheduler"), count_fields<Config::Scheduler>());
  EXPECT_EQ(options_in("kv_cache"), count_fields<Config::KvCache>());
  EXPECT_EQ(options_in("audit"), count_fields<Config::Audit>());
  EXPECT_EQ(options_in("log"), count_fields<Config::Log>());
  EXPECT_EQ(options_in("supervision.worker"), count_fields<RestartPolicy>());
  EXPECT_EQ(options_in("supervision.actor"), count_fields<RestartPolicy>());
  EXPECT_EQ(count_fields<Config::Supervision>(), 2U);
  EXPECT_EQ(count_fields<Config>(), 7U) << "a section without a line in this test";
}

TEST(Schema, BindsEachOptionToAFieldOfItsOwn) {
  for (const Option& changed : options()) {
    Config config;
    changed.set(config, other_value(changed));
    for (const Option& option : options()) {
      EXPECT_EQ(option.get(config) == option.default_value(), &option != &changed)
          << "setting " << changed.name << ", reading " << option.name;
    }
  }
}

TEST(Schema, HoldsTheWholeRangeOfEachNumberInItsField) {
  for (const Option& option : options()) {
    if (!std::holds_alternative<std::uint64_t>(option.default_value())) continue;
    for (const std::uint64_t bound : {option.domain.min, option.domain.max}) {
      Config config;
      option.set(config, bound);
      EXPECT_EQ(option.get(config), Value(bound)) << option.name;
    }
  }
}

TEST(Schema, AllowsEveryDefault) {
  for (const Option& option : options()) {
    EXPECT_EQ(check_value(option.domain, option.default_value()), std::nullopt) << option.name;
  }
}

TEST(Schema, NamesEachOptionFlagAndVariableOnce) {
  std::set<std::string> names;
  std::set<std::string> flags;
  std::set<std::string> variables;
  for (const Option& option : options()) {
    EXPECT_TRUE(names.emplace(option.name).second) << option.name;
    EXPECT_TRUE(flags.emplace(option.flag).second) << option.flag;
    EXPECT_TRUE(variables.insert(option.environment()).second) << option.name;
  }
}

TEST(Schema, KeepsSecretsOutOfArgumentLists) {
  for (const Option& option : options()) EXPECT_EQ(option.secret, option.flag.empty()) << option.name;
}

TEST(Schema, TellsOperatorsWhatEachOptionMeansAndRestarts) {
  for (const Option& option : options()) {
    EXPECT_TRUE(option.meaning.ends_with('.')) << option.name;
    EXPECT_GE(option.meaning.size(), 20U) << option.name;
    EXPECT_FALSE(option.restarts.empty()) << option.name;
    EXPECT_NE(section_title(option.section()), option.section())
        << "no title for the section of " << option.name;
  }
}

TEST(Schema, SpellsFlagsAsVllmDoes) {
  const auto flag = [](std::string_view name) { return find_option(options(), name)->flag; };
  EXPECT_EQ(flag("server.host"), "--host");
  EXPECT_EQ(flag("server.port"), "--port");
  EXPECT_EQ(flag("model.path"), "--model");
  EXPECT_EQ(flag("model.served_name"), "--served-model-name");
  EXPECT_EQ(flag("model.dtype"), "--dtype");
  EXPECT_EQ(flag("model.max_model_len"), "--max-model-len");
  EXPECT_EQ(flag("scheduler.max_num_seqs"), "--max-num-seqs");
  EXPECT_EQ(flag("scheduler.max_num_batched_tokens"), "--max-num-batched-tokens");
  EXPECT_EQ(flag("kv_cache.bytes"), "--kv-cache-memory-bytes");
  EXPECT_EQ(flag("kv_cache.prefix_caching"), "--enable-prefix-caching");
  EXPECT_EQ(find_option(options(), "server.port")->environment(), "TROUPE_SERVER_PORT");
}

TEST(Schema, ReadsEveryOptionBackFromAFile) {
  for (const Option& option : options()) {
    const Value value = other_value(option);
    LoadInput input;
    input.file_text = "[" + std::string(option.section()) + "]\n" + std::string(option.key()) + " = " +
                      toml_value(option.domain, value) + "\n";
    const LoadResult loaded = load(input);
    EXPECT_EQ(errors_of(loaded, option), "");
    EXPECT_EQ(option.get(loaded.config), value) << option.name;
  }
}

TEST(Schema, ReadsEveryOptionBackFromFlagsAndEnvironment) {
  for (const Option& option : options()) {
    const Value value = other_value(option);
    const std::string text = format_value(option.domain, value);
    LoadInput flags;
    flags.flags = {{std::string(option.name), text, std::string(option.flag)}};
    EXPECT_EQ(errors_of(load(flags), option), "");
    EXPECT_EQ(option.get(load(flags).config), value) << option.name;
    LoadInput environment;
    environment.environment = {{option.environment(), text}};
    EXPECT_EQ(option.get(load(environment).config), value) << option.name;
  }
}

}  // namespace
}  // namespace troupe::config
