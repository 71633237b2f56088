// SPDX-License-Identifier: Apache-2.0
#include "config/value.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>
#include <vector>

#include "config/suggest.hpp"
#include "config/text.hpp"

namespace troupe::config {
namespace {

/// A unit's spelling and how many of the base unit (millisecond, byte) it is; smallest first.
struct Unit {
  std::string_view name;
  std::uint64_t scale;
};
constexpr Unit kDurations[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
constexpr Unit kSizes[] = {
    {"B", 1}, {"KiB", 1ULL << 10U}, {"MiB", 1ULL << 20U}, {"GiB", 1ULL << 30U}, {"TiB", 1ULL << 40U}};

std::span<const Unit> units_of(Kind kind) {
  if (kind == Kind::duration) return kDurations;
  if (kind == Kind::bytes) return kSizes;
  return {};
}

std::string format_number(Kind kind, std::uint64_t number) {
  const std::span<const Unit> units = units_of(kind);
  if (units.empty()) return std::to_string(number);
  const Unit* best = units.data();
  for (const Unit& unit : units) {
    if (number >= unit.scale && number % unit.scale == 0) best = &unit;
  }
  return std::to_string(number / best->scale) + std::string(best->name);
}

std::string join(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

/// What was written, quoted; only its start where it is long.
std::string shown(std::string_view text) {
  constexpr std::size_t longest = 60;
  return in_quotes(text.substr(0, longest)) + (text.size() > longest ? "..." : "");
}

std::string not_understood(const Domain& domain, std::string_view text) {
  return shown(text) + " is not understood; expected " + describe_spelling(domain);
}

ParsedValue checked(const Domain& domain, Value value) {
  if (auto problem = check_value(domain, value)) return {std::nullopt, std::move(*problem)};
  return {std::move(value), ""};
}

ParsedValue parse_boolean(const Domain& domain, std::string_view text) {
  if (text == "true") return {Value(true), ""};
  if (text == "false") return {Value(false), ""};
  return {std::nullopt, not_understood(domain, text)};
}

ParsedValue parse_number(const Domain& domain, std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  const std::string out_of_range = shown(text) + " is out of range; expected " + describe(domain);
  if (error == std::errc::result_out_of_range) return {std::nullopt, out_of_range};
  const bool negative =
      text.size() > 1 && text[0] == '-' && text.find_first_not_of("0123456789", 1) == std::string_view::npos;
  if (negative) return {std::nullopt, out_of_range};
  if (error != std::errc()) return {std::nullopt, not_understood(domain, text)};
  if (rest == end) return checked(domain, number);
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  for (const Unit& unit : units_of(domain.kind)) {
    if (suffix != unit.name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.scale) return {std::nullopt, out_of_range};
    return checked(domain, number * unit.scale);
  }
  return {std::nullopt, not_understood(domain, text)};
}

std::optional<std::string> check_text(const Domain& domain, const std::string& text) {
  if (!is_clean_text(text)) return shown(text) + " contains control characters or is not UTF-8";
  if (text.size() < domain.min && text.empty()) return "must not be empty";
  if (text.size() >= domain.min && text.size() <= domain.max) return std::nullopt;
  return "has " + std::to_string(text.size()) + " bytes; expected " + describe(domain);
}

std::optional<std::string> check_choice(const Domain& domain, const std::string& text) {
  if (std::find(domain.choices.begin(), domain.choices.end(), text) != domain.choices.end())
    return std::nullopt;
  std::string problem = shown(text) + " is not allowed; expected " + describe(domain);
  const std::vector<std::string> known(domain.choices.begin(), domain.choices.end());
  if (const auto guess = nearest(text, known)) problem += "; did you mean " + in_quotes(*guess) + "?";
  return problem;
}

}  // namespace

ParsedValue parse_value(const Domain& domain, std::string_view text) {
  switch (domain.kind) {
    case Kind::boolean:
      return parse_boolean(domain, text);
    case Kind::integer:
    case Kind::duration:
    case Kind::bytes:
      return parse_number(domain, text);
    case Kind::text:
    case Kind::choice:
      break;
  }
  return checked(domain, std::string(text));
}

std::optional<std::string> check_value(const Domain& domain, const Value& value) {
  if (domain.kind == Kind::boolean) return std::nullopt;
  if (domain.kind == Kind::text) return check_text(domain, std::get<std::string>(value));
  if (domain.kind == Kind::choice) return check_choice(domain, std::get<std::string>(value));
  const std::uint64_t number = std::get<std::uint64_t>(value);
  if (number >= domain.min && number <= domain.max) return std::nullopt;
  return format_number(domain.kind, number) + " is out of range; expected " + describe(domain);
}

std::string describe(const Domain& domain) {
  const auto range = [&] {
    return format_number(domain.kind, domain.min) + " to " + format_number(domain.kind, domain.max);
  };
  switch (domain.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::integer:
      return "an integer, " + range() + (domain.unit.empty() ? "" : " " + std::string(domain.unit));
    case Kind::duration:
      return "a duration, " + range();
    case Kind::bytes:
      return "a size, " + range();
    case Kind::text:
      return "a text of " + range() + " bytes";
    case Kind::choice:
      return "one of " + join(domain.choices);
  }
  return "";
}

std::string describe_spelling(const Domain& domain) {
  std::string text = describe(domain);
  if (domain.kind == Kind::duration)
    text += R"( (such as "250ms", "10s", "2m"; a bare integer is milliseconds))";
  if (domain.kind == Kind::bytes) text += R"( (such as "512MiB", "1GiB"; a bare integer is bytes))";
  return text;
}

std::string format_value(const Domain& domain, const Value& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return format_number(domain.kind, *number);
  return std::get<std::string>(value);
}

std::string toml_value(const Domain& domain, const Value& value) {
  const std::string text = format_value(domain, value);
  const bool bare = domain.kind == Kind::boolean || domain.kind == Kind::integer;
  return bare ? text : in_quotes(text);
}

}  // namespace troupe::config
