// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <span>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace troupe::actors {

/// `troupe config check|show|schema`: what follows "config" on the command line.
/// Returns the exit status: 0; 1 where a configuration is wrong; 2 where the command line is.
int run_config_command(
    std::span<const std::string> arguments, std::ostream& out, std::ostream& err,
    const std::vector<config::EnvironmentVariable>& environment = config::process_environment());

}  // namespace troupe::actors
