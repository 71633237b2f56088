// SPDX-License-Identifier: Apache-2.0
#include "net/openai/fields.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace troupe::net {
namespace {

namespace json = boost::json;

std::string short_number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return std::to_string(static_cast<std::int64_t>(value));
  std::string text = std::to_string(value);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

/// The value as an integer; nothing for fractions, texts and what 64 bits do not hold. 3.0 is an integer.
std::optional<std::int64_t> as_integer(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_double()) {
    const double number = value.get_double();
    if (std::abs(number) < 9007199254740992.0 && number == std::floor(number))
      return static_cast<std::int64_t>(number);
  }
  return std::nullopt;
}

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

const json::value* Fields::find(std::string_view name) const {
  const auto* value = object_->if_contains({name.data(), name.size()});
  return value == nullptr || value->is_null() ? nullptr : value;
}

void Fields::fail(std::string_view name, const std::string& message) {
  if (error_) return;
  const std::string param = prefix_ + std::string(name);
  error_ = model::Error{model::ErrorCode::invalid_request, param + " " + message, param};
}

bool Fields::boolean(std::string_view name, bool otherwise) {
  const auto* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_bool()) fail(name, "must be true or false");
  return value->is_bool() ? value->get_bool() : otherwise;
}

std::optional<std::int64_t> Fields::integer(std::string_view name, std::int64_t low, std::int64_t high) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value);
  if (number && *number >= low && *number <= high) return number;
  const std::string bounds = high == std::numeric_limits<std::int32_t>::max()
                                 ? "at least " + std::to_string(low)
                                 : "from " + std::to_string(low) + " to " + std::to_string(high);
  fail(name, "must be an integer " + bounds);
  return std::nullopt;
}

std::optional<std::uint64_t> Fields::seed(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_uint64()) return value->get_uint64();
  const auto number = as_integer(*value);
  if (number) return static_cast<std::uint64_t>(*number);
  fail(name, "must be an integer of at most 64 bits");
  return std::nullopt;
}

std::optional<double> Fields::number(std::string_view name, const Range& range) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) {
    const double number = value->is_double()  ? value->get_double()
                          : value->is_int64() ? static_cast<double>(value->get_int64())
                                              : static_cast<double>(value->get_uint64());
    const bool above = range.open_low ? number > range.low : number >= range.low;
    if (std::isfinite(number) && above && number <= range.high) return number;
  }
  fail(name, "must be a number " + std::string(range.open_low ? "above " : "from ") +
                 short_number(range.low) + (range.open_low ? ", at most " : " to ") +
                 short_number(range.high));
  return std::nullopt;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const auto* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::string(view(value->get_string()));
  fail(name, "must be a string");
  return std::nullopt;
}

std::vector<model::Token> Fields::tokens(std::string_view name, std::uint32_t vocab_size) {
  const auto* value = find(name);
  return value == nullptr ? std::vector<model::Token>{} : tokens_of(*value, std::string(name), vocab_size);
}

std::vector<model::Token> Fields::tokens_of(const json::value& value, const std::string& param,
                                            std::uint32_t vocab_size) {
  std::vector<model::Token> tokens;
  if (!value.is_array()) {
    fail(param, "must be a list of token ids");
    return tokens;
  }
  tokens.reserve(value.get_array().size());
  for (const auto& element : value.get_array()) {
    const auto token = as_integer(element);
    if (!token || *token < 0 || *token >= std::int64_t{vocab_size}) {
      fail(param, "must hold token ids from 0 to " + std::to_string(std::int64_t{vocab_size} - 1) +
                      ": element " + std::to_string(tokens.size()) + " is none");
      return tokens;
    }
    tokens.push_back(static_cast<model::Token>(*token));
  }
  return tokens;
}

void Fields::refuse_misspelt(std::span<const std::string_view> known) {
  constexpr std::size_t kShortest = 4;
  for (const auto& field : *object_) {
    const auto name = view(field.key());
    if (name.size() < kShortest || name.size() > 64) continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::size_t most = name.size() > 5 ? 2 : 1;
    const auto near = std::find_if(known.begin(), known.end(), [&](std::string_view candidate) {
      return candidate.size() >= kShortest && edit_distance(name, candidate) <= most;
    });
    if (near != known.end())
      fail(name, "is no field of this request: did you mean \"" + std::string(*near) + "\"?");
  }
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace troupe::net
