// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <cstdint>
#include <functional>
#include <memory>

#include "actors/protocol.hpp"
#include "gpu/stage_executor.hpp"
#include "model/error.hpp"

namespace troupe::actors {

/// What a stage's executor works on; a restarted stage opens it again and finds the weights, and maybe the KV bytes,
/// where they were.
struct OpenedStage {
  std::unique_ptr<gpu::StageExecutor> executor;
  std::uint64_t store = 0;  ///< names the KV bytes
};

struct StageContext {
  std::function<model::Result<OpenedStage>()> open;  ///< called on the compute side; may take long
  bool detached = true;  ///< compute on a thread of its own; false under the test coordinator
};

/// Starts a stage: a scheduled front that is always responsive, and a compute side (detached in production) that is
/// linked to it. Asks: nobody. Answers: a StepPlan by Activations to the next stage, or StepResult to the scheduler and
/// one TokenBatch to each ingress. Loses on restart: the step it was in; KV bytes only when its store is lost.
/// Bound: stages + 1 steps in flight.
StageHandle spawn_stage(caf::actor_system& system, StageContext context);

}  // namespace troupe::actors
