// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <string>
#include <vector>

#include "actors/messages.hpp"

/// Every actor's interface, in the order a request meets them. One line per message it takes; who sends it
/// behind. All but the supervisor's questions are one-way: losses are repaired by sending the truth again,
/// never by waiting for an answer.
namespace troupe::actors {

/// Owns the truth of open requests; sessions on I/O threads talk to it through an IngressPort.
using IngressActor = caf::typed_actor<caf::reacts_to<View>,                       // supervisor
                                      caf::reacts_to<RequestsWaiting>,            // session
                                      caf::reacts_to<OpenSetCredit>,              // scheduler
                                      caf::reacts_to<Refused>,                    // scheduler
                                      caf::reacts_to<Serving>,                    // scheduler
                                      caf::reacts_to<TokenBatch>,                 // last stage
                                      caf::reacts_to<AuditAck>,                   // audit
                                      caf::reacts_to<Drain>,                      // supervisor
                                      caf::replies_to<Probe>::with<MailboxSize>,  // supervisor
                                      caf::reacts_to<Tick>>;                      // itself

/// Decides what runs in each step.
using SchedulerActor = caf::typed_actor<caf::reacts_to<View>,                       // supervisor
                                        caf::reacts_to<OpenSetPart>,                // ingress
                                        caf::reacts_to<Submit>,                     // ingress
                                        caf::reacts_to<CancelSequence>,             // ingress
                                        caf::reacts_to<Fenced>,                     // stage
                                        caf::reacts_to<KvReady>,                    // kv_cache
                                        caf::reacts_to<BlockLease>,                 // kv_cache
                                        caf::reacts_to<LeaseExtensions>,            // kv_cache
                                        caf::reacts_to<BlocksReleased>,             // kv_cache
                                        caf::reacts_to<model::StepResult>,          // last stage
                                        caf::replies_to<Probe>::with<MailboxSize>,  // supervisor
                                        caf::reacts_to<Tick>>;                      // itself

/// Owns block ids, leases and the prefix tree.
using KvCacheActor = caf::typed_actor<caf::reacts_to<View>,                        // supervisor
                                      caf::reacts_to<Fenced>,                      // stage
                                      caf::reacts_to<ReserveBlocks>,               // scheduler
                                      caf::reacts_to<ExtendLeases>,                // scheduler
                                      caf::reacts_to<ReleaseBlocks>,               // scheduler
                                      caf::replies_to<Probe>::with<MailboxSize>>;  // supervisor

/// A stage's front: always responsive; cancels and fences its compute side.
using StageActor = caf::typed_actor<caf::reacts_to<View>>;  // supervisor

/// A stage's compute side: runs steps in order, and sends what they give to where it is needed.
using ComputeActor = caf::typed_actor<caf::reacts_to<View>,             // its front
                                      caf::reacts_to<model::StepPlan>,  // scheduler
                                      caf::reacts_to<Activations>,      // the stage before
                                      caf::reacts_to<TokenFeed>,        // the last stage, to stage 0
                                      caf::replies_to<Probe>::with<MailboxSize>>;  // supervisor

/// Writes the append-only record.
using AuditActor = caf::typed_actor<caf::reacts_to<View>,                       // supervisor
                                    caf::reacts_to<RequestOpened>,              // ingress
                                    caf::reacts_to<RequestClosed>,              // ingress
                                    caf::replies_to<Probe>::with<MailboxSize>,  // supervisor
                                    caf::reacts_to<Tick>>;                      // itself

/// Starts the others, monitors them, makes generations. The only one that monitors, and the only source of
/// handles.
using SupervisorActor = caf::typed_actor<caf::reacts_to<Suspect>,                         // scheduler
                                         caf::reacts_to<Fenced>,                          // stage
                                         caf::reacts_to<RestartMember>,                   // admin
                                         caf::reacts_to<Drain>,                           // main
                                         caf::replies_to<ListMembers>::with<MemberList>,  // admin
                                         caf::reacts_to<Tick>>;                           // itself

/// A stage's two handles.
struct StageHandle {
  StageActor front;
  ComputeActor compute;
};

/// The supervisor's word about who is in the replica. Handles come only from here, at the start and after
/// every restart: one road for both.
struct View {
  Generation generation = 0;
  std::uint32_t index = 0;  ///< which of its kind the receiver is: stage 1, ingress 0
  std::vector<IngressActor> ingresses;
  SchedulerActor scheduler;
  KvCacheActor kv_cache;
  std::vector<StageHandle> stages;
  AuditActor audit;
  SupervisorActor supervisor;
  /// Incarnations by role, in the order ingresses, scheduler, kv_cache, stages, audit: who is new is seen by
  /// comparing.
  std::vector<std::uint64_t> incarnations;
};

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, StageHandle& x) {
  return f(caf::meta::type_name("StageHandle"), x.front, x.compute);
}
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, View& x) {
  return f(caf::meta::type_name("View"), x.generation, x.index, x.ingresses, x.scheduler, x.kv_cache,
           x.stages, x.audit, x.supervisor, x.incarnations);
}

}  // namespace troupe::actors
