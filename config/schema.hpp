// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "config/option.hpp"

namespace troupe::config {

/// The one list of options, in the order that files and listings show them: grouped by section.
/// Threads: any; built once.
std::span<const Option> options();

/// What a section is about, in a line: "server" -> "Listeners, limits and where data is kept".
std::string_view section_title(std::string_view section);

/// The option with that dotted name, null where there is none.
const Option* find_option(std::span<const Option> list, std::string_view name);

}  // namespace troupe::config
