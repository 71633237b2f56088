// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/error.hpp>
#include <caf/meta/load_callback.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/sec.hpp>
#include <caf/type_id.hpp>
#include <memory>

#include "actors/payloads.hpp"
#include "gpu/stage_executor.hpp"

/// How payloads travel through CAF: inside a process as they are, between processes as model/codec bytes (CAF
/// 0.17.6 corrupts floats and copies integer vectors element by element).
namespace troupe::actors {

namespace detail {
struct AnyFields {
  template <class... Fields>
  void operator()(Fields&...) const {}
};
}  // namespace detail

/// A payload with a field list.
template <class T>
concept Encodable = requires(T& x) {
  fields(detail::AnyFields{}, x);
};

/// CAF's view of an encodable payload: one byte string.
template <class Inspector, class T>
typename Inspector::result_type inspect_encoded(Inspector& f, T& x) {
  std::string bytes;
  if constexpr (Inspector::reads_state) bytes = model::encode(x);
  auto load = [&bytes, &x]() -> caf::error {
    auto decoded = model::decode<T>(bytes);
    if (!decoded) return caf::sec::invalid_argument;
    x = std::move(*decoded);
    return caf::none;
  };
  return f(bytes, caf::meta::load_callback(std::move(load)));
}

template <class Inspector, Encodable T>
typename Inspector::result_type inspect(Inspector& f, T& x) {
  return inspect_encoded(f, x);
}

/// session -> ingress: the gate (actors/ingress/ingress_gate.hpp) holds something new. The request itself
/// waits in the gate and not in a mailbox, where an ingress's death would lose it without a word.
struct RequestsWaiting {
  std::uint64_t unused = 0;
};
template <class V>
void fields(V&& visit, RequestsWaiting& x) {
  visit(x.unused);
}

/// stage i -> stage i + 1, inside one process: hidden states of a step by pointer. Between processes UCX
/// carries them.
struct Activations {
  model::Generation generation = 0;
  model::StepNumber step = 0;
  std::shared_ptr<const gpu::HiddenStates> hidden;
};

/// A timer of an actor to itself.
struct Tick {
  std::uint64_t number = 0;
};
template <class V>
void fields(V&& visit, Tick& x) {
  visit(x.number);
}

/// supervisor -> anyone: stop taking new requests; finish those that are open (SIGTERM).
struct Drain {
  std::uint64_t unused = 0;
};
template <class V>
void fields(V&& visit, Drain& x) {
  visit(x.unused);
}

/// supervisor -> member: how many messages wait? Answered from the member's own thread: it also says that it
/// lives.
struct Probe {
  std::uint64_t unused = 0;
};
template <class V>
void fields(V&& visit, Probe& x) {
  visit(x.unused);
}
struct MailboxSize {
  std::uint32_t waiting = 0;
};
template <class V>
void fields(V&& visit, MailboxSize& x) {
  visit(x.waiting);
}

/// Asks the supervisor for what `troupe ps` shows.
struct ListMembers {
  std::uint64_t unused = 0;
};
template <class V>
void fields(V&& visit, ListMembers& x) {
  visit(x.unused);
}

/// operator or test -> supervisor: end this actor and start it again.
struct RestartMember {
  std::string actor;
};
template <class V>
void fields(V&& visit, RestartMember& x) {
  visit(x.actor);
}

struct View;  // protocol.hpp: it holds handles

}  // namespace troupe::actors

namespace troupe::model {
template <class Inspector, actors::Encodable T>
typename Inspector::result_type inspect(Inspector& f, T& x) {
  return actors::inspect_encoded(f, x);
}
}  // namespace troupe::model

// Append only: CAF 0.17.6 numbers types by their place in this list.
CAF_BEGIN_TYPE_ID_BLOCK(troupe, first_custom_type_id)
CAF_ADD_TYPE_ID(troupe, (troupe::actors::View))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Submit))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::OpenSetPart))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::OpenSetCredit))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::CancelSequence))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Refused))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Serving))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::ReserveBlocks))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::BlockLease))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::ExtendLeases))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::LeaseExtensions))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::ReleaseBlocks))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::BlocksReleased))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::KvReady))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Fenced))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::TokenFeed))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::TokenBatch))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::RequestOpened))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::RequestClosed))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::AuditAck))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Suspect))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::MemberList))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::RequestsWaiting))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Tick))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Drain))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::ListMembers))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::RestartMember))
CAF_ADD_TYPE_ID(troupe, (troupe::model::StepPlan))
CAF_ADD_TYPE_ID(troupe, (troupe::model::StepResult))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::Probe))
CAF_ADD_TYPE_ID(troupe, (troupe::actors::MailboxSize))
CAF_END_TYPE_ID_BLOCK(troupe)

// A pointer: never leaves its process.
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::Activations)
