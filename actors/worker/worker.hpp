// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

namespace troupe::actors {

/// The process under the launcher: `troupe worker ...` with what follows "worker". Serves until SIGTERM, then
/// lets open requests finish. Returns 0 after a clean drain, kCannotStart (78) when a restart is useless;
/// ends the process with 70 when a part is beyond restarting, so that the launcher starts it anew.
int run_worker(std::span<const std::string> arguments);

}  // namespace troupe::actors
