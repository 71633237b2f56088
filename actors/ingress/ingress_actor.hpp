// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <memory>

#include "actors/ingress/ingress_gate.hpp"
#include "actors/ingress/open_requests.hpp"
#include "actors/protocol.hpp"

namespace troupe::actors {

/// What an ingress works on. Both outlive the actor: a restarted ingress goes on with the same open requests.
struct IngressContext {
  std::shared_ptr<OpenRequests> requests;
  std::shared_ptr<IngressGate> gate;
};

/// Starts an ingress. Asks: scheduler for tokens, audit for records. Answers: sessions through their
/// AnswerSink. Loses on restart: nothing inside its process. Bound: IngressLimits.
IngressActor spawn_ingress(caf::actor_system& system, IngressContext context);

}  // namespace troupe::actors
