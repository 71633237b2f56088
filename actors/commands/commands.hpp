// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>

#include "actors/commands/command_table.hpp"

namespace troupe::actors {

/// Everything that the program can do, in the order of its help.
std::span<const Command> all_commands();

/// The program: `arguments` are what follows its name. Returns its exit status.
int run_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace troupe::actors
