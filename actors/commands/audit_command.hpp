// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace troupe::actors {

/// `troupe audit verify`: what follows "audit" on the command line. Returns the exit status: 0 when every
/// record is as it was written, 1 when one is not, 2 when the command line is wrong or the log cannot be
/// read.
int run_audit_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace troupe::actors
