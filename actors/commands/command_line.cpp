// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <sstream>

#include "config/suggest.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr std::size_t kColumns = 80;

template <class Number>
bool read_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Words of `text` from column `indent` on, broken before column 80.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::istringstream words(text);
  std::string out;
  std::size_t column = indent;
  for (std::string word; words >> word;) {
    if (column > indent && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string table_row(const std::string& left, std::size_t width, const std::string& right) {
  return "  " + left + std::string(width - left.size() + 2, ' ') + wrapped(right, width + 4) + "\n";
}

}  // namespace

CommandLine::CommandLine(std::string name, std::string about, std::string examples)
    : name_(std::move(name)), about_(std::move(about)), examples_(std::move(examples)) {}

void CommandLine::option(std::string flag, bool& target, std::string help) {
  options_.push_back(
      {std::move(flag), "", std::move(help), "", [&target](const std::string&) { return target = true; }});
}

void CommandLine::option(std::string flag, std::string value, std::string& target, std::string help) {
  options_.push_back(
      {std::move(flag), std::move(value), std::move(help), target, [&target](const std::string& text) {
         target = text;
         return true;
       }});
}

void CommandLine::option(std::string flag, std::string value, std::uint64_t& target, std::string help) {
  options_.push_back({std::move(flag), std::move(value), std::move(help), std::to_string(target),
                      [&target](const std::string& text) { return read_number(text, target); }});
}

void CommandLine::option(std::string flag, std::string value, std::optional<std::uint64_t>& target,
                         std::string help) {
  options_.push_back({std::move(flag), std::move(value), std::move(help), "",
                      [&target](const std::string& text) { return read_number(text, target.emplace()); }});
}

void CommandLine::option(std::string flag, std::string value, std::optional<double>& target,
                         std::string help) {
  options_.push_back(
      {std::move(flag), std::move(value), std::move(help), "", [&target](const std::string& text) {
         return read_number(text, target.emplace()) && std::isfinite(*target) && *target >= 0;
       }});
}

void CommandLine::positional(std::string name, std::string& target, std::string help, bool required) {
  positionals_.push_back({std::move(name), std::move(help), required, &target});
}

const CommandLine::Option* CommandLine::find(const std::string& flag) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.flag == flag; });
  return found == options_.end() ? nullptr : &*found;
}

int CommandLine::wrong(std::ostream& err, const std::string& message) const {
  err << name_ << ": " << message << "; see " << name_ << " --help\n";
  return kWrongUsage;
}

std::string CommandLine::suggestion(const std::string& flag) const {
  std::vector<std::string> known;
  for (const Option& option : options_) known.push_back(option.flag);
  const auto guess = config::nearest(flag, known);
  return guess ? ", did you mean " + *guess + "?" : "";
}

std::optional<std::string> CommandLine::take_option(std::span<const std::string> arguments,
                                                    std::size_t& at) const {
  const std::string& word = arguments[at];
  const std::size_t equals = word.find('=');
  const bool inside = equals != std::string::npos;
  const std::string flag = word.substr(0, equals);
  const Option* option = find(flag);
  if (option == nullptr) return config::in_quotes(flag) + " is no option" + suggestion(flag);
  std::string value;
  if (option->value.empty()) {
    if (inside) return flag + " takes no value";
  } else if (inside) {
    value = word.substr(equals + 1);
  } else {
    if (at + 1 == arguments.size()) return flag + " needs a value: " + option->value;
    value = arguments[++at];
  }
  if (!option->take(value)) return flag + " takes a number not less than 0, not " + config::in_quotes(value);
  return std::nullopt;
}

std::optional<int> CommandLine::parse(std::span<const std::string> arguments, std::ostream& out,
                                      std::ostream& err) const {
  std::size_t place = 0;
  bool options_end = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (options_end || word.size() < 2 || word.front() != '-') {
      if (place == positionals_.size())
        return wrong(err, config::in_quotes(word) + " is one argument too many");
      *positionals_[place++].target = word;
    } else if (word == "--") {
      options_end = true;
    } else if (word == "--help" || word == "-h") {
      out << help();
      return 0;
    } else if (const auto message = take_option(arguments, i)) {
      return wrong(err, *message);
    }
  }
  if (place < positionals_.size() && positionals_[place].required) {
    return wrong(err, positionals_[place].name + " is missing");
  }
  return std::nullopt;
}

std::string CommandLine::help() const {
  std::string text = "Usage: " + name_;
  std::size_t width = std::string("-h, --help").size();
  for (const Positional& p : positionals_) {
    text += ' ';
    text += p.required ? p.name : "[" + p.name + "]";
    width = std::max(width, p.name.size());
  }
  for (const Option& o : options_) width = std::max(width, o.flag.size() + 1 + o.value.size());
  text += " [options]\n\n" + about_ + "\n";
  for (const Positional& p : positionals_) text += table_row(p.name, width, p.help);
  if (!positionals_.empty()) text += "\n";
  for (const Option& o : options_) {
    const std::string left = o.value.empty() ? o.flag : o.flag + " " + o.value;
    text += table_row(left, width, o.standard.empty() ? o.help : o.help + " (default " + o.standard + ")");
  }
  return text + table_row("-h, --help", width, "Show this.") + "\nExamples\n" + examples_;
}

}  // namespace troupe::actors
