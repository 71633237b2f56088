// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "actors/launcher/child_process.hpp"
#include "model/error.hpp"
#include "model/ids.hpp"

namespace troupe::actors {

/// What is kept of the death of a worker. Never prompt text.
struct CrashEvidence {
  std::chrono::system_clock::time_point time;
  pid_t pid = 0;
  ProcessEnd end;
  model::Generation first_generation = 0;  ///< of the block that it was started with
  std::chrono::milliseconds uptime{0};
  std::string decision;  ///< "restart after 20 ms", "given up: ..."
};

/// One JSON object, one line.
std::string to_json(const CrashEvidence& evidence);

/// Writes it to a new file of `directory` (created when missing), named after the time. Returns the file's
/// path. Errors: io.
model::Result<std::string> save_evidence(const std::string& directory, const CrashEvidence& evidence);

}  // namespace troupe::actors
