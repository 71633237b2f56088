// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/ingress/ingress_gate.hpp"
#include "actors/ingress/open_requests.hpp"
#include "actors/kv_cache/kv_cache.hpp"
#include "actors/payloads.hpp"
#include "actors/scheduler/scheduler.hpp"
#include "actors/stage/opened_stage.hpp"
#include "config/config.hpp"

namespace troupe::actors {

/// What is seen of a running replica, for metrics. Called from the actors' threads.
struct ReplicaObserver {
  std::function<void(const SchedulerLoad&)> load = [](const auto&) {};
  std::function<void(std::chrono::nanoseconds waited)> admitted = [](auto) {};
  std::function<void(std::uint32_t rows)> plan = [](auto) {};
  std::function<void(std::uint64_t microseconds)> step = [](auto) {};
  std::function<void(const KvCacheStats&)> kv = [](const auto&) {};
  std::function<void(std::uint64_t records, std::chrono::nanoseconds fsync)> audit = [](auto, auto) {};
  std::function<void(const std::string& actor, Generation generation)> restart = [](const auto&, auto) {};
};

struct ReplicaContext {
  config::Config config;
  std::shared_ptr<OpenRequests> requests;
  std::shared_ptr<IngressGate> gate;
  std::uint32_t kv_blocks = 0;
  std::function<OpenStage(std::uint32_t index)> stage;
  std::uint32_t stages = 1;
  Generation first_generation = 1;
  std::string node;
  std::function<void(const std::string& reason)> escalate;
  ReplicaObserver observer;
};

/// A replica that runs in this process. Its interface is for those who know no actors: main and the admin
/// server. Threads: any.
class Replica {
 public:
  virtual ~Replica() = default;
  /// What `troupe ps` shows; waits a moment for probes, never long.
  virtual MemberList list() = 0;
  virtual void restart(const std::string& actor) = 0;
  virtual void drain() = 0;
};

/// Starts the actor system with its supervisor and the whole cast. The destructor ends them.
std::unique_ptr<Replica> start_replica(ReplicaContext context);

}  // namespace troupe::actors
