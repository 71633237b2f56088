// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace troupe::actors {

/// `troupe serve`: what follows it on the command line. Checks the configuration, says all that is wrong with
/// it, then becomes the launcher. Returns the exit status. Threads: the process must have a single one.
int run_serve_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace troupe::actors
