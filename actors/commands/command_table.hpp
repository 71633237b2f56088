// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <iosfwd>
#include <span>
#include <string>

namespace troupe::actors {

/// One thing that `troupe` can be told to do.
struct Command {
  std::string name;
  std::string summary;  ///< one line; empty: not listed (it is for the program itself)
  std::function<int(std::span<const std::string> arguments, std::ostream& out, std::ostream& err)> run;
};

/// Runs the command that `arguments` begin with and returns its exit status. Without one, or with --help,
/// lists them; an unknown one is answered with the nearest. An exception that reaches this far is reported in
/// one line.
int run_command(std::span<const Command> commands, std::span<const std::string> arguments, std::ostream& out,
                std::ostream& err);

}  // namespace troupe::actors
