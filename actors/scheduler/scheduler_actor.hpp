// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <chrono>
#include <functional>

#include "actors/protocol.hpp"
#include "actors/scheduler/scheduler.hpp"

namespace troupe::actors {

struct SchedulerContext {
  SchedulerLimits limits;
  std::function<void(const SchedulerLoad&)> observe_load = [](const auto&) {};  ///< after each step
  std::function<void(std::chrono::nanoseconds waited)> observe_admitted = [](auto) {};
  std::function<void(std::uint32_t rows)> observe_plan = [](auto) {};
  std::function<void(std::uint64_t microseconds)> observe_step = [](auto) {};
};

/// Starts the scheduler. Asks: kv_cache for leases, stages for steps. Answers: Submit by tokens (which the
/// last stage sends) or Refused. Loses on restart: everything, see Scheduler. Bound: SchedulerLimits.
SchedulerActor spawn_scheduler(caf::actor_system& system, SchedulerContext context);

}  // namespace troupe::actors
