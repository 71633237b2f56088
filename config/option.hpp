// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.hpp"

namespace troupe::config {

/// What an option's value is. Durations are held in milliseconds, sizes in bytes.
enum class Kind : std::uint8_t { boolean, integer, duration, bytes, text, choice };

/// A value while it is on its way between text and a field of Config.
using Value = std::variant<bool, std::uint64_t, std::string>;

/// What is started again when an option changes.
enum class Part : std::uint8_t { server, supervisor, ingress, scheduler, kv_cache, stage, audit };
std::string_view to_string(Part part);

/// The values an option takes.
struct Domain {
  Kind kind = Kind::text;
  std::uint64_t min = 0;  ///< smallest number; for text the smallest length in bytes
  std::uint64_t max = 0;  ///< largest number; for text the largest length in bytes
  std::string_view unit;  ///< what an integer counts
  std::vector<std::string_view> choices;
};

/// Everything that is known of one option. The defaults are the initialisers of Config.
struct Option {
  std::string_view name;  ///< dotted, as in the file: "server.port"
  std::string_view flag;  ///< "--port"; empty for a secret, since argument lists are public
  Domain domain;
  std::string_view meaning;  ///< one sentence for an operator
  std::vector<Part> restarts;
  bool secret = false;
  Value (*get)(const Config& config) = nullptr;
  void (*set)(Config& config, const Value& value) = nullptr;  ///< the value must have passed check_value

  std::string_view section() const { return name.substr(0, name.rfind('.')); }  ///< the table: "server"
  std::string_view key() const { return name.substr(name.rfind('.') + 1); }     ///< in its table: "port"
  std::string environment() const;                                              ///< "TROUPE_SERVER_PORT"
  Value default_value() const { return get(Config{}); }
};

/// What every environment variable of ours starts with.
inline constexpr std::string_view kEnvironmentPrefix = "TROUPE_";

}  // namespace troupe::config
