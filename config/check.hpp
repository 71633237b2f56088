// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace troupe::config {

/// Options that are each allowed alone, but not together.
struct BrokenRelation {
  std::vector<std::string_view> options;  ///< dotted names; the first is the one that should change
  std::string message;                    ///< for an operator, about the first
};

/// Every relation between options that does not hold. Those that touch an option in `already_wrong` are left
/// out, since its value means nothing.
std::vector<BrokenRelation> check(const Config& config, const std::set<std::string_view>& already_wrong = {});

/// What is still missing to start a server: `troupe config check` does not ask for it, `troupe serve` does.
std::vector<BrokenRelation> check_serve(const Config& config);

}  // namespace troupe::config
