// SPDX-License-Identifier: Apache-2.0
#include "config/config_error.hpp"

namespace troupe::config {

std::string to_string(const ConfigError& error) {
  std::string text = error.source;
  if (error.line > 0) text += ':' + std::to_string(error.line) + ':' + std::to_string(error.column);
  if (!text.empty()) text += ": ";
  if (!error.option.empty()) text += error.option + ": ";
  return text + error.message;
}

std::string to_string(std::span<const ConfigError> errors) {
  std::string text;
  for (const ConfigError& error : errors) text += to_string(error) + '\n';
  return text;
}

}  // namespace troupe::config
