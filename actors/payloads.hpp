// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/codec.hpp"
#include "model/error.hpp"
#include "model/request.hpp"
#include "model/step.hpp"

/// Every payload that crosses a mailbox, as plain data: the classes that think see these and never CAF. In
/// the order a request meets them. Every payload names its replica's generation; a receiver drops any other
/// generation's.
namespace troupe::actors {

using model::BlockId;
using model::Generation;
using model::RequestId;
using model::SequenceId;
using model::StepNumber;
using model::Token;

/// A sequence as the scheduler needs it: the ingress's truth. Submitting it again is harmless.
struct SequenceSubmit {
  SequenceId id;
  std::uint64_t arrival = 0;  ///< the ingress's counter: the order of admission, and who is youngest
  std::vector<Token> tokens;  ///< prompt, then the answer accepted so far
  std::uint32_t prompt_tokens = 0;
  model::SamplingParams sampling;
  std::uint32_t max_tokens = 0;    ///< of the answer, accepted ones included
  std::vector<Token> stop_tokens;  ///< end the answer: the model's own (unless ignore_eos) and the request's
  std::uint32_t accepted() const { return static_cast<std::uint32_t>(tokens.size()) - prompt_tokens; }
  bool operator==(const SequenceSubmit&) const = default;
};

/// ingress -> scheduler: one sequence, new or once more.
struct Submit {
  Generation generation = 0;
  std::uint32_t ingress = 0;
  SequenceSubmit sequence;
  bool operator==(const Submit&) const = default;
};

/// ingress -> scheduler after every View: the complete list of open sequences in parts; what it omits is
/// cancelled.
struct OpenSetPart {
  Generation generation = 0;
  std::uint32_t ingress = 0;
  std::uint32_t part = 0;
  bool last = false;
  std::vector<SequenceSubmit> sequences;
  bool operator==(const OpenSetPart&) const = default;
};

/// scheduler -> ingress: part `part` arrived, send the next. Repeated parts are acknowledged again.
struct OpenSetCredit {
  Generation generation = 0;
  std::uint32_t part = 0;
  bool operator==(const OpenSetCredit&) const = default;
};

/// ingress -> scheduler: the sequence ended for the client (stop string, disconnect). Travels the submit's
/// own road: a high-priority cancel overtook its submit 500 of 500 times.
struct CancelSequence {
  Generation generation = 0;
  SequenceId id;
  bool operator==(const CancelSequence&) const = default;
};

/// scheduler -> ingress: this sequence cannot be served; nothing of it is kept.
struct Refused {
  Generation generation = 0;
  SequenceId id;
  model::Error error;
  bool operator==(const Refused&) const = default;
};

/// scheduler -> ingress: planning started, a token can flow.
struct Serving {
  Generation generation = 0;
  bool operator==(const Serving&) const = default;
};

/// scheduler -> kv_cache: lease blocks for a sequence that is about to run.
struct ReserveBlocks {
  Generation generation = 0;
  SequenceId id;
  std::uint64_t lease = 0;  ///< the scheduler's counter: late copies of older messages are told by it
  std::vector<Token> tokens;
  std::uint32_t blocks = 0;
  bool use_prefix = true;  ///< false when every position's logits are wanted (prompt log-probabilities)
  bool operator==(const ReserveBlocks&) const = default;
};

/// kv_cache -> scheduler. Not granted: `blocks` is empty, `free` says what there was.
struct BlockLease {
  Generation generation = 0;
  SequenceId id;
  std::uint64_t lease = 0;
  bool granted = false;
  std::vector<BlockId> blocks;
  std::uint32_t cached_tokens = 0;
  std::uint32_t free = 0;
  bool operator==(const BlockLease&) const = default;
};

/// One sequence's wish in ExtendLeases. `confirmed`: tokens whose KV is known to be written, from position
/// `confirmed_from` on; their full blocks may be shared later.
struct LeaseWish {
  SequenceId id;
  std::uint64_t lease = 0;
  std::uint32_t held =
      0;  ///< blocks the scheduler knows of: a repeated wish is answered with the same blocks
  std::uint32_t blocks = 0;
  std::uint32_t confirmed_from = 0;
  std::vector<Token> confirmed;
  bool operator==(const LeaseWish&) const = default;
};

/// scheduler -> kv_cache, at most one in flight: growth of running sequences, ahead of need.
struct ExtendLeases {
  Generation generation = 0;
  std::uint64_t number = 0;
  std::vector<LeaseWish> wishes;
  bool operator==(const ExtendLeases&) const = default;
};

struct LeaseGrant {
  SequenceId id;
  bool granted = false;
  std::uint32_t held = 0;  ///< as in the wish
  std::vector<BlockId> blocks;
  bool operator==(const LeaseGrant&) const = default;
};

/// kv_cache -> scheduler.
struct LeaseExtensions {
  Generation generation = 0;
  std::uint64_t number = 0;
  std::vector<LeaseGrant> grants;
  bool operator==(const LeaseExtensions&) const = default;
};

/// scheduler -> kv_cache: the sequence's steps have all returned; repeated until BlocksReleased.
struct ReleaseBlocks {
  Generation generation = 0;
  SequenceId id;
  std::uint64_t lease = 0;
  bool keep_prefix = true;
  std::vector<Token> confirmed;  ///< all tokens whose KV is written, from position 0
  bool operator==(const ReleaseBlocks&) const = default;
};

/// kv_cache -> scheduler.
struct BlocksReleased {
  Generation generation = 0;
  SequenceId id;
  std::uint64_t lease = 0;
  bool operator==(const BlocksReleased&) const = default;
};

/// kv_cache -> scheduler after a View: the pool is in order.
struct KvReady {
  Generation generation = 0;
  std::uint32_t total_blocks = 0;
  bool operator==(const KvReady&) const = default;
};

/// stage -> scheduler, kv_cache and supervisor: no older compute can still write into this store.
struct Fenced {
  Generation generation = 0;
  std::uint32_t stage = 0;
  std::uint64_t store = 0;  ///< names the bytes of the stage's KV: the same id, the same bytes
  bool operator==(const Fenced&) const = default;
};

/// last stage -> stage 0: what was sampled, so that the next step can read it without asking anyone.
struct FedToken {
  model::Slot slot = 0;
  std::uint32_t position = 0;
  Token token = 0;
  bool operator==(const FedToken&) const = default;
};
struct TokenFeed {
  Generation generation = 0;
  StepNumber step = 0;
  std::vector<FedToken> tokens;
  bool operator==(const TokenFeed&) const = default;
};

/// last stage -> each ingress, one per step: what is new for its sequences.
struct TokenBatch {
  Generation generation = 0;
  StepNumber step = 0;
  std::vector<model::SampledRow> sampled;
  std::vector<model::PromptScores> prompt_scores;
  bool operator==(const TokenBatch&) const = default;
};

/// What an audit record says of a request's end.
struct ClosedSummary {
  std::vector<std::string> finish_reasons;  ///< per choice
  std::uint32_t prompt_tokens = 0;
  std::uint32_t completion_tokens = 0;
  std::uint64_t ttft_microseconds = 0;
  std::uint64_t duration_microseconds = 0;
  std::string error;  ///< empty when it went well
  bool operator==(const ClosedSummary&) const = default;
};

/// ingress -> audit, repeated until acknowledged; the audit log knows (request, kind) and writes each once.
struct RequestOpened {
  std::uint32_t ingress = 0;
  RequestId id;
  std::string client_request_id;
  std::string tenant;
  std::string model;
  std::string fingerprint;
  std::uint32_t choices = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t max_tokens = 0;
  std::string prompt;  ///< its text, only with audit.record_prompts; several prompts are joined by U+001E
  bool operator==(const RequestOpened&) const = default;
};
struct RequestClosed {
  std::uint32_t ingress = 0;
  RequestId id;
  std::string client_request_id;
  ClosedSummary summary;
  bool operator==(const RequestClosed&) const = default;
};

/// audit -> ingress: the records of these requests are on disk.
struct AuditKey {
  RequestId id;
  bool closed = false;  ///< false: the opened record
  bool operator==(const AuditKey&) const = default;
};
struct AuditAck {
  std::vector<AuditKey> written;
  std::string error;  ///< not empty: none of these could be written; fail closed
  bool operator==(const AuditAck&) const = default;
};

/// anyone -> supervisor: a limit passed without the answer that should have come; make a new generation.
struct Suspect {
  Generation generation = 0;
  std::string actor;
  std::string reason;
  bool operator==(const Suspect&) const = default;
};

/// What `troupe ps` shows of an actor.
struct MemberInfo {
  std::string actor;  ///< "stage/0"
  std::string node;
  std::uint32_t pid = 0;
  Generation generation = 0;
  std::uint64_t incarnation = 0;
  std::string state;  ///< starting, running, restarting, failed
  std::uint32_t restarts = 0;
  std::int32_t mailbox = -1;  ///< messages that wait; -1: no answer within a quarter of a second
  bool operator==(const MemberInfo&) const = default;
};
struct MemberList {
  std::vector<MemberInfo> actors;
  bool operator==(const MemberList&) const = default;
};

template <class V>
void fields(V&& visit, SequenceSubmit& x) {
  visit(x.id, x.arrival, x.tokens, x.prompt_tokens, x.sampling, x.max_tokens, x.stop_tokens);
}
template <class V>
void fields(V&& visit, Submit& x) {
  visit(x.generation, x.ingress, x.sequence);
}
template <class V>
void fields(V&& visit, OpenSetPart& x) {
  visit(x.generation, x.ingress, x.part, x.last, x.sequences);
}
template <class V>
void fields(V&& visit, OpenSetCredit& x) {
  visit(x.generation, x.part);
}
template <class V>
void fields(V&& visit, CancelSequence& x) {
  visit(x.generation, x.id);
}
template <class V>
void fields(V&& visit, Refused& x) {
  visit(x.generation, x.id, x.error);
}
template <class V>
void fields(V&& visit, Serving& x) {
  visit(x.generation);
}
template <class V>
void fields(V&& visit, ReserveBlocks& x) {
  visit(x.generation, x.id, x.lease, x.tokens, x.blocks, x.use_prefix);
}
template <class V>
void fields(V&& visit, BlockLease& x) {
  visit(x.generation, x.id, x.lease, x.granted, x.blocks, x.cached_tokens, x.free);
}
template <class V>
void fields(V&& visit, LeaseWish& x) {
  visit(x.id, x.lease, x.held, x.blocks, x.confirmed_from, x.confirmed);
}
template <class V>
void fields(V&& visit, ExtendLeases& x) {
  visit(x.generation, x.number, x.wishes);
}
template <class V>
void fields(V&& visit, LeaseGrant& x) {
  visit(x.id, x.granted, x.held, x.blocks);
}
template <class V>
void fields(V&& visit, LeaseExtensions& x) {
  visit(x.generation, x.number, x.grants);
}
template <class V>
void fields(V&& visit, ReleaseBlocks& x) {
  visit(x.generation, x.id, x.lease, x.keep_prefix, x.confirmed);
}
template <class V>
void fields(V&& visit, BlocksReleased& x) {
  visit(x.generation, x.id, x.lease);
}
template <class V>
void fields(V&& visit, KvReady& x) {
  visit(x.generation, x.total_blocks);
}
template <class V>
void fields(V&& visit, Fenced& x) {
  visit(x.generation, x.stage, x.store);
}
template <class V>
void fields(V&& visit, FedToken& x) {
  visit(x.slot, x.position, x.token);
}
template <class V>
void fields(V&& visit, TokenFeed& x) {
  visit(x.generation, x.step, x.tokens);
}
template <class V>
void fields(V&& visit, TokenBatch& x) {
  visit(x.generation, x.step, x.sampled, x.prompt_scores);
}
template <class V>
void fields(V&& visit, ClosedSummary& x) {
  visit(x.finish_reasons, x.prompt_tokens, x.completion_tokens, x.ttft_microseconds, x.duration_microseconds,
        x.error);
}
template <class V>
void fields(V&& visit, RequestOpened& x) {
  visit(x.ingress, x.id, x.client_request_id, x.tenant, x.model, x.fingerprint, x.choices, x.prompt_tokens,
        x.max_tokens, x.prompt);
}
template <class V>
void fields(V&& visit, RequestClosed& x) {
  visit(x.ingress, x.id, x.client_request_id, x.summary);
}
template <class V>
void fields(V&& visit, AuditKey& x) {
  visit(x.id, x.closed);
}
template <class V>
void fields(V&& visit, AuditAck& x) {
  visit(x.written, x.error);
}
template <class V>
void fields(V&& visit, Suspect& x) {
  visit(x.generation, x.actor, x.reason);
}
template <class V>
void fields(V&& visit, MemberInfo& x) {
  visit(x.actor, x.node, x.pid, x.generation, x.incarnation, x.state, x.restarts, x.mailbox);
}
template <class V>
void fields(V&& visit, MemberList& x) {
  visit(x.actors);
}

}  // namespace troupe::actors
