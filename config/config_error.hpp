// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace troupe::config {

/// One thing that is wrong with a configuration, and where an operator wrote it.
struct ConfigError {
  std::string source;      ///< the file's name, "environment TROUPE_SERVER_PORT", "flag --port"
  std::size_t line = 0;    ///< from 1; 0 outside files
  std::size_t column = 0;  ///< from 1; 0 outside files
  std::string option;      ///< dotted name; empty where none applies (a syntax error)
  std::string message;     ///< what is wrong, what is allowed, what to do
  bool operator==(const ConfigError&) const = default;
};

/// "troupe.toml:3:8: server.port: 99999 is out of range: 0 to 65535".
std::string to_string(const ConfigError& error);

/// One error a line, each line ended.
std::string to_string(std::span<const ConfigError> errors);

}  // namespace troupe::config
