// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/config_command.hpp"

#include <algorithm>
#include <ostream>
#include <utility>

#include "config/flags.hpp"
#include "config/show.hpp"
#include "config/suggest.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr int kOk = 0;
constexpr int kWrongConfig = 1;
constexpr int kWrongUsage = 2;

constexpr const char* kHelp = R"(troupe config: look at options before a server does

  troupe config check FILE [--json]
      Reads FILE and reports everything that is wrong with it, each with line
      and column. Exit status 0 when it is right, 1 when it is not.

  troupe config show [--config FILE] [--json] [FLAGS OF troupe serve]
      Prints the configuration that `troupe serve` would start with here, and
      where each value came from: a flag, the environment, FILE or the default.
      Secrets are not printed.

  troupe config show --default
      Prints a complete file of defaults with a comment on each option.

  troupe config schema [--json]
      Lists every option: meaning, what it takes, default, flag, environment
      variable, and what is restarted when it changes.
)";

using Arguments = std::span<const std::string>;

bool take_switch(std::vector<std::string>& arguments, const std::string& name) {
  return std::erase(arguments, name) > 0;
}

int wrong_usage(std::ostream& err, const std::string& message) {
  err << "troupe config: " << message << "; see troupe config --help\n";
  return kWrongUsage;
}

std::string json_errors(std::span<const config::ConfigError> errors) {
  std::string text;
  for (const config::ConfigError& error : errors) {
    text += (text.empty() ? "{\"source\":" : ",{\"source\":") + config::in_quotes(error.source);
    if (error.line > 0) {
      text += ",\"line\":" + std::to_string(error.line) + ",\"column\":" + std::to_string(error.column);
    }
    text += ",\"option\":" + config::in_quotes(error.option) +
            ",\"message\":" + config::in_quotes(error.message) + '}';
  }
  return "{\"ok\":" + std::string(errors.empty() ? "true" : "false") + ",\"errors\":[" + text + "]}\n";
}

int check(std::vector<std::string> arguments, std::ostream& out, std::ostream& err) {
  const bool json = take_switch(arguments, "--json");
  if (arguments.size() != 1 || arguments[0].starts_with("-")) return wrong_usage(err, "check takes one FILE");
  config::LoadInput input;
  input.file = arguments[0];
  const config::LoadResult loaded = config::load(input);
  if (json) {
    out << json_errors(loaded.errors);
  } else if (loaded.ok()) {
    const auto set =
        std::count_if(loaded.origins.begin(), loaded.origins.end(),
                      [](const config::Origin& origin) { return origin.kind == config::Origin::Kind::file; });
    out << arguments[0] << ": ok, sets " << set << " of " << loaded.origins.size() << " options\n";
  } else {
    err << config::to_string(loaded.errors);
  }
  return loaded.ok() ? kOk : kWrongConfig;
}

int show(std::vector<std::string> arguments, std::ostream& out, std::ostream& err,
         const std::vector<config::EnvironmentVariable>& environment) {
  const bool json = take_switch(arguments, "--json");
  if (take_switch(arguments, "--default")) {
    if (json || !arguments.empty()) return wrong_usage(err, "show --default takes nothing else");
    out << config::default_toml();
    return kOk;
  }
  config::ParsedFlags parsed = config::parse_flags(arguments);
  if (!parsed.errors.empty()) {
    err << config::to_string(parsed.errors);
    return kWrongUsage;
  }
  config::LoadInput input;
  input.file = parsed.file;
  input.environment = environment;
  input.flags = std::move(parsed.flags);
  const config::LoadResult loaded = config::load(input);
  if (!loaded.ok()) {
    err << config::to_string(loaded.errors);
    return kWrongConfig;
  }
  out << (json ? config::show_json(loaded) : config::show_toml(loaded));
  return kOk;
}

int schema(std::vector<std::string> arguments, std::ostream& out, std::ostream& err) {
  const bool json = take_switch(arguments, "--json");
  if (!arguments.empty()) return wrong_usage(err, "schema takes nothing but --json");
  out << (json ? config::schema_json() : config::schema_text());
  return kOk;
}

}  // namespace

int run_config_command(Arguments arguments, std::ostream& out, std::ostream& err,
                       const std::vector<config::EnvironmentVariable>& environment) {
  if (arguments.empty()) {
    err << kHelp;
    return kWrongUsage;
  }
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  const bool help = std::any_of(arguments.begin(), arguments.end(),
                                [](const std::string& word) { return word == "--help" || word == "-h"; });
  if (help) {
    out << kHelp;
    return kOk;
  }
  if (command == "check") return check(rest, out, err);
  if (command == "show") return show(rest, out, err, environment);
  if (command == "schema") return schema(rest, out, err);
  const std::vector<std::string> known = {"check", "show", "schema"};
  const auto guess = config::nearest(command, known);
  return wrong_usage(err, config::in_quotes(command) + " is not one of check, show, schema" +
                              (guess ? ", did you mean " + *guess + "?" : ""));
}

}  // namespace troupe::actors
