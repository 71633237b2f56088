// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "config/load.hpp"
#include "config/option.hpp"
#include "config/schema.hpp"

/// The list of options, and a configuration, for people and programs to read.
namespace troupe::config {

/// A complete file of defaults, with each option's meaning, what it takes and what restarts with it as
/// comments. config/default.toml is this text, by test.
std::string default_toml(std::span<const Option> list = options());

/// The configuration as a TOML file, each line with a comment that says where its value came from. Secrets
/// stand as
/// "(secret)".
std::string show_toml(const LoadResult& loaded, std::span<const Option> list = options());

/// {"options":[{"name","value","origin"[,"line","column"]}]}; durations in milliseconds, sizes in bytes,
/// secrets null.
std::string show_json(const LoadResult& loaded, std::span<const Option> list = options());

/// Every option with flag, variable, what it takes, default and restart scope.
std::string schema_text(std::span<const Option> list = options());

/// The same as JSON:
/// {"options":[{"name","flag","environment","type","unit","min","max","choices","default","meaning",
/// "restarts","secret"}]}.
std::string schema_json(std::span<const Option> list = options());

/// Text broken at spaces into lines of at most `width` columns, each after `indent`, each ended.
std::string wrap(std::string_view text, std::string_view indent, std::size_t width);

}  // namespace troupe::config
