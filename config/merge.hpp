// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/check.hpp"
#include "config/load.hpp"
#include "config/value.hpp"

namespace troupe::config {

/// A configuration while it is put together from its sources, weakest first.
class Merge {
 public:
  explicit Merge(std::span<const Option> list);

  std::span<const Option> list() const { return list_; }

  /// Takes a value that one source gives to an option, or keeps what is wrong with it.
  void take(const Option& option, ParsedValue parsed, Origin origin);
  void refuse(const Origin& where, std::string_view option, std::string message);

  /// Brings the errors so far into the order of the file.
  void sort_by_position();

  /// Checks the relations between options; each error points to where one of them was set.
  LoadResult finish(bool serving) &&;

 private:
  /// Where the first option of the relation that is not at its default was set.
  Origin place_of(const BrokenRelation& relation) const;

  std::span<const Option> list_;
  LoadResult result_;
  std::set<std::string_view> wrong_;
};

/// "; did you mean ...?" for a key that no option has: a key of the same table, a dotted name, a key of any
/// table.
std::string suggest_option(std::span<const Option> list, std::string_view section, std::string_view key);
/// The same for a table; `name` is dotted.
std::string suggest_section(std::span<const Option> list, std::string_view name);

void take_environment(Merge& merge, const std::vector<EnvironmentVariable>& environment);
void take_flags(Merge& merge, const std::vector<FlagValue>& flags);

}  // namespace troupe::config
