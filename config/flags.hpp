// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config_error.hpp"
#include "config/load.hpp"
#include "config/option.hpp"
#include "config/schema.hpp"

namespace troupe::config {

/// What a command line says about options.
struct ParsedFlags {
  std::vector<FlagValue> flags;
  std::optional<std::filesystem::path> file;  ///< --config FILE
  bool help = false;                          ///< -h or --help
  std::vector<ConfigError> errors;
};

/// Reads argument tokens: "--port 8081", "--port=8081", "--enable-prefix-caching",
/// "--no-enable-prefix-caching". Underscores in flags count as hyphens, as in vLLM. Values are checked later,
/// by load().
ParsedFlags parse_flags(std::span<const std::string> arguments, std::span<const Option> list = options());

/// The option part of a --help: every flag by section, with its meaning, what it takes, its default and its
/// environment variable. At most 80 columns, ends with a line end.
std::string flags_help(std::span<const Option> list = options());

}  // namespace troupe::config
