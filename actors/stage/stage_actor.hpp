// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>

#include "actors/protocol.hpp"
#include "actors/stage/opened_stage.hpp"

namespace troupe::actors {

struct StageContext {
  OpenStage open;
  bool detached = true;  ///< compute on a thread of its own; false under the test coordinator
};

/// Starts a stage: a scheduled front that is always responsive, and a compute side (detached in production)
/// that is linked to it. Asks: nobody. Answers: a StepPlan by Activations to the next stage, or StepResult to
/// the scheduler and one TokenBatch to each ingress. Loses on restart: the step it was in; KV bytes only when
/// its store is lost. Bound: stages + 1 steps in flight.
StageHandle spawn_stage(caf::actor_system& system, StageContext context);

}  // namespace troupe::actors
