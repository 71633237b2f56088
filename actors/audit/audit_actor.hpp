// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/audit/audit_storage.hpp"
#include "actors/protocol.hpp"

namespace troupe::actors {

struct AuditContext {
  std::function<std::unique_ptr<AuditStorage>()> storage;
  std::function<std::chrono::system_clock::time_point()> wall = [] {
    return std::chrono::system_clock::now();
  };
  std::chrono::milliseconds group_commit{2};  ///< records that come within it share one fsync
  bool detached = true;  ///< fsync blocks: a thread of its own, except under the test coordinator
  std::function<void(std::uint64_t records, std::chrono::nanoseconds fsync)> observe = [](auto, auto) {};
};

/// Starts the audit log. Answers: RequestOpened and RequestClosed by AuditAck once they are on disk, or with
/// why they cannot be. Loses on restart: nothing that was acknowledged. Bound: AuditLogLimits::pending_bytes.
AuditActor spawn_audit(caf::actor_system& system, AuditContext context);

}  // namespace troupe::actors
