// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/option.hpp"

namespace troupe::config {

/// A value, or what is wrong with the text it was to be read from.
struct ParsedValue {
  std::optional<Value> value;
  std::string problem;  ///< for an operator; without the option's name; empty when there is a value
};

/// Reads a value as flags and environment variables spell it, and checks that it is allowed.
/// Durations: "250ms", "10s", "2m", "1h", or a bare integer in milliseconds. Sizes: "512MiB", "1GiB", or a
/// bare integer in bytes. Booleans: true or false.
ParsedValue parse_value(const Domain& domain, std::string_view text);

/// What is wrong with a value of the right type; nothing when it is allowed.
std::optional<std::string> check_value(const Domain& domain, const Value& value);

/// What may be written, e.g. "an integer, 0 to 65535", "one of auto, float32".
std::string describe(const Domain& domain);

/// The same with examples of units, for somebody who got them wrong.
std::string describe_spelling(const Domain& domain);

/// The value as a person writes it: "10s", "1GiB", "true"; parse_value reads it back.
std::string format_value(const Domain& domain, const Value& value);

/// The value as it stands in a TOML file: 8080, true, "10s".
std::string toml_value(const Domain& domain, const Value& value);

}  // namespace troupe::config
