// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "actors/protocol.hpp"
#include "config/config.hpp"

namespace troupe::actors {

/// How each part of a replica is started: which role runs where is this data. Tests put doubles and faulty
/// links here.
struct Cast {
  std::uint32_t ingresses = 1;
  std::uint32_t stages = 1;
  std::function<IngressActor(std::uint32_t index)> ingress;
  std::function<SchedulerActor()> scheduler;
  std::function<KvCacheActor()> kv_cache;
  std::function<StageHandle(std::uint32_t index)> stage;
  std::function<AuditActor()> audit;
  /// The View as `recipient` ("stage/0") gets it: where links that lose or delay messages are put in.
  std::function<View(View view, const std::string& recipient)> link = [](View view, const std::string&) {
    return view;
  };
};

struct SupervisorContext {
  Cast cast;
  config::RestartPolicy policy;
  Generation first_generation = 1;  ///< from the launcher's persisted counter
  std::string node;                 ///< host name, for `troupe ps`
  std::chrono::nanoseconds fence_deadline = std::chrono::seconds(2);
  /// A part is beyond restarting: the process must end so that the launcher starts a new one.
  std::function<void(const std::string& reason)> escalate;
  std::function<void(const std::string& actor, Generation generation)> observe_restart = [](const auto&,
                                                                                            auto) {};
};

/// Starts the supervisor, which starts the cast. Monitors every part, restarts what dies by its policy, and
/// announces each change of membership as a View with a new generation. Loses on restart: not restarted; it
/// ends with its process.
SupervisorActor spawn_supervisor(caf::actor_system& system, SupervisorContext context);

}  // namespace troupe::actors
