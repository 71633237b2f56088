// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace troupe::actors {

/// `troupe ps`. Returns the exit status: 1 when the server cannot be asked.
int run_ps_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace troupe::actors
