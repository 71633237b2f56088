// SPDX-License-Identifier: Apache-2.0
#include "config/show.hpp"

#include <algorithm>
#include <array>

#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe::config {
namespace {

constexpr std::size_t kColumns = 110;

std::string restarts_of(const Option& option) {
  std::string text;
  for (const Part part : option.restarts) text += (text.empty() ? "" : ", ") + std::string(to_string(part));
  return text;
}

/// Calls `enter(section)` before the first option of each section, `visit(option, index)` for each option.
template <class Enter, class Visit>
void by_section(std::span<const Option> list, Enter enter, Visit visit) {
  std::string_view section;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i == 0 || list[i].section() != section) {
      section = list[i].section();
      enter(section);
    }
    visit(list[i], i);
  }
}

std::string json_value(const Value& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
  return in_quotes(std::get<std::string>(value));
}

template <class Words, class Spell>
std::string json_list(const Words& words, Spell spell) {
  std::string text = "[";
  for (const auto& word : words) text += (text.size() == 1 ? "" : ",") + in_quotes(spell(word));
  return text + ']';
}

std::string json_option(const Option& option) {
  static constexpr std::array<std::string_view, 6> types = {"boolean", "integer", "duration",
                                                            "bytes",   "text",    "choice"};
  const Domain& domain = option.domain;
  const bool bounded = domain.kind != Kind::boolean && domain.kind != Kind::choice;
  std::string text = "{\"name\":" + in_quotes(option.name) + ",\"flag\":" + in_quotes(option.flag) +
                     ",\"environment\":" + in_quotes(option.environment()) +
                     ",\"type\":" + in_quotes(types.at(static_cast<std::size_t>(domain.kind)));
  if (!domain.unit.empty()) text += ",\"unit\":" + in_quotes(domain.unit);
  if (bounded) text += ",\"min\":" + std::to_string(domain.min) + ",\"max\":" + std::to_string(domain.max);
  if (!domain.choices.empty()) {
    text += ",\"choices\":" + json_list(domain.choices, [](std::string_view word) { return word; });
  }
  return text + ",\"default\":" + json_value(option.default_value()) +
         ",\"meaning\":" + in_quotes(option.meaning) +
         ",\"restarts\":" + json_list(option.restarts, [](Part part) { return to_string(part); }) +
         ",\"secret\":" + (option.secret ? "true" : "false") + '}';
}

}  // namespace

std::string wrap(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out;
  const std::size_t room = width - indent.size();
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > room) {
      const std::size_t space = text.rfind(' ', room);
      end = space == std::string_view::npos ? std::min(text.find(' '), text.size()) : space;
    }
    out += std::string(indent) + std::string(text.substr(0, end)) + '\n';
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out;
}

std::string default_toml(std::span<const Option> list) {
  std::string text =
      "# Every option of Troupe with its default. Written by `troupe config show --default`; do not edit:\n"
      "# copy it, keep the lines you change, and start with `troupe serve --config FILE`.\n"
      "# A flag wins over the environment, the environment over the file.\n"
      "# Durations are written \"250ms\", \"10s\", \"2m\", \"1h\" or as milliseconds; sizes \"512MiB\", "
      "\"1GiB\" or as bytes.\n";
  const auto enter = [&](std::string_view section) {
    text += "\n# " + std::string(section_title(section)) + ".\n[" + std::string(section) + "]\n";
  };
  by_section(list, enter, [&](const Option& option, std::size_t) {
    text += wrap(option.meaning, "# ", kColumns);
    text += wrap("Takes " + describe(option.domain) + ". Changing it restarts: " + restarts_of(option) + '.',
                 "# ", kColumns);
    text += std::string(option.key()) + " = " + toml_value(option.domain, option.default_value()) + '\n';
  });
  return text;
}

std::string show_toml(const LoadResult& loaded, std::span<const Option> list) {
  std::string text;
  const auto enter = [&](std::string_view section) {
    text += (text.empty() ? "[" : "\n[") + std::string(section) + "]\n";
  };
  by_section(list, enter, [&](const Option& option, std::size_t index) {
    const std::string value =
        option.secret ? "\"(secret)\"" : toml_value(option.domain, option.get(loaded.config));
    std::string origin;
    append_escaped(origin, to_string(loaded.origins.at(index)));
    text += std::string(option.key()) + " = " + value + "  # " + origin + '\n';
  });
  return text;
}

std::string show_json(const LoadResult& loaded, std::span<const Option> list) {
  std::string text = "{\"options\":[";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Origin& origin = loaded.origins.at(i);
    const std::string source = origin.kind == Origin::Kind::standard ? "default" : origin.source;
    text += (i == 0 ? "{\"name\":" : ",{\"name\":") + in_quotes(list[i].name) +
            ",\"value\":" + (list[i].secret ? "null" : json_value(list[i].get(loaded.config))) +
            ",\"origin\":" + in_quotes(source);
    if (origin.line > 0) {
      text += ",\"line\":" + std::to_string(origin.line) + ",\"column\":" + std::to_string(origin.column);
    }
    text += '}';
  }
  return text + "]}\n";
}

std::string schema_text(std::span<const Option> list) {
  std::string text;
  const auto enter = [&](std::string_view section) {
    text += (text.empty() ? "[" : "\n[") + std::string(section) + "] " + std::string(section_title(section)) +
            '\n';
  };
  by_section(list, enter, [&](const Option& option, std::size_t) {
    const std::string value = format_value(option.domain, option.default_value());
    text += "  " + std::string(option.name) + (option.secret ? " (secret)" : "") + '\n';
    text += wrap(option.meaning, "      ", kColumns);
    text += wrap("Takes " + describe(option.domain) + "; default " + (value.empty() ? "empty" : value) + '.',
                 "      ", kColumns);
    text += "      ";
    if (!option.flag.empty()) text += std::string(option.flag) + ", ";
    text += option.environment() + "; changing it restarts: " + restarts_of(option) + '\n';
  });
  return text;
}

std::string schema_json(std::span<const Option> list) {
  std::string text = "{\"options\":[";
  for (const Option& option : list) text += (&option == list.data() ? "" : ",") + json_option(option);
  return text + "]}\n";
}

}  // namespace troupe::config
