// SPDX-License-Identifier: Apache-2.0
#include "config/load.hpp"

#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>
#include <variant>

#include "config/merge.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe::config {
namespace {

Origin at(const std::string& file, const toml::source_region& region) {
  return {
      .kind = Origin::Kind::file, .source = file, .line = region.begin.line, .column = region.begin.column};
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a float";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    case toml::node_type::none:
      break;
  }
  return "nothing";
}

/// A string where a number or a boolean stands: most often only the quotes are too many.
std::string quotes_hint(const Domain& domain, const toml::node& node) {
  const auto* text = node.as_string();
  if (text == nullptr || !parse_value(domain, text->get()).value) return "";
  return "; remove the quotes";
}

ParsedValue read_node(const Domain& domain, const toml::node& node) {
  const bool sized = domain.kind == Kind::duration || domain.kind == Kind::bytes;
  const bool textual = domain.kind == Kind::text || domain.kind == Kind::choice;
  if (const auto* text = node.as_string(); text != nullptr && (sized || textual)) {
    return parse_value(domain, text->get());
  }
  if (const auto* number = node.as_integer(); number != nullptr && (sized || domain.kind == Kind::integer)) {
    return parse_value(domain, std::to_string(number->get()));
  }
  if (const auto* truth = node.as_boolean(); truth != nullptr && domain.kind == Kind::boolean) {
    return {Value(truth->get()), ""};
  }
  return {std::nullopt, "is " + std::string(type_name(node)) + "; expected " + describe_spelling(domain) +
                            quotes_hint(domain, node)};
}

bool is_section(std::span<const Option> list, const std::string& name) {
  return std::any_of(list.begin(), list.end(),
                     [&](const Option& option) { return option.name.starts_with(name + '.'); });
}

void refuse_name(Merge& merge, const Origin& origin, const std::string& section, std::string_view key,
                 bool is_table) {
  const std::string name = section.empty() ? std::string(key) : section + '.' + std::string(key);
  std::string shown;
  append_escaped(shown, std::string_view(name).substr(0, 100));
  merge.refuse(origin, shown,
               is_table ? "no table has this name" + suggest_section(merge.list(), name)
                        : "no option has this name" + suggest_option(merge.list(), section, key));
}

/// Walks one table; `section` is its dotted name, empty for the file's top.
void take_table(Merge& merge, const std::string& file, const std::string& section, const toml::table& table) {
  for (const auto& [key, node] : table) {
    const std::string name =
        section.empty() ? std::string(key.str()) : section + '.' + std::string(key.str());
    if (const Option* option = find_option(merge.list(), name)) {
      merge.take(*option, read_node(option->domain, node), at(file, node.source()));
    } else if (!is_section(merge.list(), name)) {
      refuse_name(merge, at(file, key.source()), section, key.str(), node.is_table());
    } else if (const toml::table* inner = node.as_table()) {
      take_table(merge, file, name, *inner);
    } else {
      merge.refuse(at(file, node.source()), name,
                   "is " + std::string(type_name(node)) + "; expected a table: write its options under [" +
                       name + "]");
    }
  }
}

/// Whether the file could nest so deep that taking it apart exhausts the stack: each dot of a key is a level,
/// and the parser bounds only what stands in brackets. Lines that are comments do not count.
bool nests_too_deep(std::string_view text) {
  constexpr std::ptrdiff_t most_dots = 2000;
  std::ptrdiff_t dots = 0;
  while (!text.empty() && dots <= most_dots) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::size_t start = line.find_first_not_of(" \t");
    if (start != std::string_view::npos && line[start] != '#')
      dots += std::count(line.begin(), line.end(), '.');
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return dots > most_dots;
}

void take_text(Merge& merge, const std::string& file, const std::string& text) {
  if (nests_too_deep(text)) {
    merge.refuse({.kind = Origin::Kind::file, .source = file}, "",
                 "nests too deep: more than 2000 dots in its keys and values");
    return;
  }
  try {
    take_table(merge, file, "", toml::parse(text, file));
  } catch (const toml::parse_error& error) {
    std::string what;
    append_escaped(what, error.description());
    merge.refuse(at(file, error.source()), "", "not TOML: " + what);
  }
  merge.sort_by_position();
}

/// The file's contents, or the sentence that says why there are none.
std::variant<std::string, ConfigError> read_file(const std::filesystem::path& path) {
  const auto failed = [&](const std::string& why) {
    return ConfigError{.source = path.string(), .line = 0, .column = 0, .option = "", .message = why};
  };
  std::error_code code;
  if (std::filesystem::is_directory(path, code)) return failed("is a directory; name a TOML file");
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed(std::string("cannot be read: ") + std::strerror(errno));
  std::string text(kMaxFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return failed(std::string("cannot be read: ") + std::strerror(errno));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxFileBytes) return failed("is larger than 1 MiB; a configuration is a few KiB");
  return text;
}

void take_file(Merge& merge, const LoadInput& input) {
  const std::string name = input.file ? input.file->string() : "configuration";
  if (input.file_text) {
    take_text(merge, name, *input.file_text);
    return;
  }
  auto read = read_file(*input.file);
  if (const auto* text = std::get_if<std::string>(&read)) {
    take_text(merge, name, *text);
  } else {
    const ConfigError& error = std::get<ConfigError>(read);
    merge.refuse({.kind = Origin::Kind::file, .source = error.source}, "", error.message);
  }
}

}  // namespace

std::vector<EnvironmentVariable> process_environment() {
  std::vector<EnvironmentVariable> ours;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kEnvironmentPrefix) || equals == std::string_view::npos) continue;
    ours.push_back({std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))});
  }
  return ours;
}

std::string to_string(const Origin& origin) {
  if (origin.kind == Origin::Kind::standard) return "default";
  if (origin.line == 0) return origin.source;
  return origin.source + ':' + std::to_string(origin.line) + ':' + std::to_string(origin.column);
}

LoadResult load(const LoadInput& input) {
  Merge merge(input.list);
  if (input.file || input.file_text) take_file(merge, input);
  take_environment(merge, input.environment);
  take_flags(merge, input.flags);
  return std::move(merge).finish(input.serving);
}

}  // namespace troupe::config
