// SPDX-License-Identifier: Apache-2.0
#include "config/merge.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/check.hpp"
#include "config/suggest.hpp"
#include "config/text.hpp"

namespace troupe::config {
namespace {

/// Whether a variable looks like an option of ours: TROUPE_ and the name of a section. Other TROUPE_
/// variables belong to tests and scripts.
bool names_a_section(std::span<const Option> list, std::string_view variable) {
  return std::any_of(list.begin(), list.end(), [&](const Option& option) {
    const std::string own = option.environment();
    return variable.starts_with(own.substr(0, own.size() - option.key().size()));
  });
}

std::string kubernetes_hint(std::string_view value) {
  return value.starts_with("tcp://") ? "; Kubernetes sets this variable for a Service called troupe-server: "
                                       "set enableServiceLinks to false "
                                       "in the pod, or rename the Service"
                                     : "";
}

std::string suggest_variable(std::span<const Option> list, std::string_view variable) {
  std::vector<std::string> known;
  for (const Option& option : list) known.push_back(option.environment());
  const auto guess = nearest(variable, known);
  return guess ? "; did you mean " + *guess + "?" : "; `troupe config schema` lists every option";
}

}  // namespace

Merge::Merge(std::span<const Option> list) : list_(list) {
  result_.origins.resize(list.size());
}

void Merge::take(const Option& option, ParsedValue parsed, Origin origin) {
  if (!parsed.value) {
    wrong_.insert(option.name);
    refuse(origin, option.name,
           option.secret ? "its value is not allowed; expected " + describe(option.domain)
                         : std::move(parsed.problem));
    return;
  }
  option.set(result_.config, *parsed.value);
  result_.origins.at(static_cast<std::size_t>(&option - list_.data())) = std::move(origin);
}

void Merge::refuse(const Origin& where, std::string_view option, std::string message) {
  result_.errors.push_back({.source = where.source,
                            .line = where.line,
                            .column = where.column,
                            .option = std::string(option),
                            .message = std::move(message)});
}

void Merge::sort_by_position() {
  std::stable_sort(result_.errors.begin(), result_.errors.end(),
                   [](const ConfigError& a, const ConfigError& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
}

Origin Merge::place_of(const BrokenRelation& relation) const {
  for (const std::string_view name : relation.options) {
    const Option* option = find_option(list_, name);
    if (option == nullptr) continue;
    const Origin& origin = result_.origins.at(static_cast<std::size_t>(option - list_.data()));
    if (origin.kind != Origin::Kind::standard) return origin;
  }
  return {};
}

LoadResult Merge::finish(bool serving) && {
  std::vector<BrokenRelation> broken = check(result_.config, wrong_);
  if (serving && !wrong_.contains("model.path")) {
    for (BrokenRelation& missing : check_serve(result_.config)) broken.push_back(std::move(missing));
  }
  for (BrokenRelation& relation : broken) {
    refuse(place_of(relation), relation.options.front(), std::move(relation.message));
  }
  return std::move(result_);
}

std::string suggest_option(std::span<const Option> list, std::string_view section, std::string_view key) {
  std::vector<std::string> here;
  std::vector<std::string> keys;
  std::vector<std::string> dotted;
  for (const Option& option : list) {
    if (option.section() == section) here.emplace_back(option.key());
    keys.emplace_back(option.key());
    dotted.emplace_back(option.name);
  }
  const std::string full = section.empty() ? std::string(key) : std::string(section) + '.' + std::string(key);
  if (const auto guess = nearest(key, here)) return "; did you mean " + *guess + "?";
  if (const auto guess = nearest(full, dotted)) return "; did you mean " + *guess + "?";
  if (const auto guess = nearest(key, keys)) {
    const auto at = std::find(keys.begin(), keys.end(), *guess) - keys.begin();
    return "; did you mean " + dotted[static_cast<std::size_t>(at)] + "?";
  }
  return "; `troupe config schema` lists every option";
}

std::string suggest_section(std::span<const Option> list, std::string_view name) {
  std::vector<std::string> known;
  for (const Option& option : list) {
    if (known.empty() || known.back() != option.section()) known.emplace_back(option.section());
  }
  const auto guess = nearest(name, known);
  return guess ? "; did you mean [" + *guess + "]?" : "; `troupe config schema` lists every table";
}

void take_environment(Merge& merge, const std::vector<EnvironmentVariable>& environment) {
  for (const EnvironmentVariable& variable : environment) {
    const Origin origin{.kind = Origin::Kind::environment, .source = "environment " + variable.name};
    const auto list = merge.list();
    const auto found = std::find_if(list.begin(), list.end(), [&](const Option& option) {
      return option.environment() == variable.name;
    });
    if (found != list.end()) {
      ParsedValue parsed = parse_value(found->domain, variable.value);
      if (!parsed.value) parsed.problem += kubernetes_hint(variable.value);
      merge.take(*found, std::move(parsed), origin);
    } else if (names_a_section(list, variable.name)) {
      merge.refuse(origin, "", "no option has this name" + suggest_variable(list, variable.name));
    }
  }
}

void take_flags(Merge& merge, const std::vector<FlagValue>& flags) {
  for (const FlagValue& flag : flags) {
    const Origin origin{.kind = Origin::Kind::flag, .source = "flag " + flag.spelling};
    const Option* option = find_option(merge.list(), flag.option);
    if (option == nullptr) {
      merge.refuse(origin, "", "no option is called " + in_quotes(flag.option));
    } else {
      merge.take(*option, parse_value(option->domain, flag.value), origin);
    }
  }
}

}  // namespace troupe::config
