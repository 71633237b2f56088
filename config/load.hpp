// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/config_error.hpp"
#include "config/option.hpp"
#include "config/schema.hpp"

namespace troupe::config {

/// A value given on the command line.
struct FlagValue {
  std::string option;    ///< dotted name: "server.port"
  std::string value;     ///< "8081"
  std::string spelling;  ///< as it was written, for errors: "--port"
};

/// A variable of the environment.
struct EnvironmentVariable {
  std::string name;
  std::string value;
};

/// The variables of this process that start with TROUPE_.
/// Threads: not while another thread changes the environment.
std::vector<EnvironmentVariable> process_environment();

/// Where values come from. A flag wins over the environment, that over the file, that over the default; of
/// two equal flags the last one wins.
struct LoadInput {
  std::optional<std::filesystem::path> file;  ///< TOML; also names it in errors
  std::optional<std::string> file_text;       ///< the file's contents, instead of reading it
  std::vector<EnvironmentVariable> environment;
  std::vector<FlagValue> flags;
  bool serving = false;  ///< also ask for what a server cannot start without
  std::span<const Option> list = options();
};

/// Where a value came from.
struct Origin {
  enum class Kind : std::uint8_t { standard, file, environment, flag };
  Kind kind = Kind::standard;
  std::string
      source;  ///< "troupe.toml", "environment TROUPE_SERVER_PORT", "flag --port"; empty for a default
  std::size_t line = 0;
  std::size_t column = 0;
};

/// "default", "troupe.toml:3:8", "environment TROUPE_SERVER_PORT", "flag --port".
std::string to_string(const Origin& origin);

/// A configuration, or everything that is wrong with it.
struct LoadResult {
  Config config;
  std::vector<Origin> origins;      ///< one per option, in the order of the list
  std::vector<ConfigError> errors;  ///< file by position, then environment, then flags, then relations

  bool ok() const { return errors.empty(); }
};

/// Reads, checks and merges. Never stops at the first error. Values of secret options never stand in errors.
LoadResult load(const LoadInput& input);

/// A configuration file larger than this is refused unread.
inline constexpr std::size_t kMaxFileBytes = 1U << 20U;

}  // namespace troupe::config
