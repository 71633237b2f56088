// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/ingress/answer.hpp"
#include "actors/payloads.hpp"
#include "model/answer_fold.hpp"
#include "model/served_model.hpp"

namespace troupe::actors {

/// What the ingress sends. Payloads are complete.
class IngressOut {
 public:
  virtual ~IngressOut() = default;
  virtual void submit(Submit message) = 0;
  virtual void open_set(OpenSetPart message) = 0;
  virtual void cancel(CancelSequence message) = 0;
  virtual void opened(RequestOpened message) = 0;
  virtual void closed(RequestClosed message) = 0;
};

/// A request that ended, for metrics.
struct RequestOutcome {
  std::vector<model::FinishReason> reasons;  ///< per choice
  std::uint32_t prompt_tokens = 0;
  std::uint32_t answer_tokens = 0;
  std::chrono::nanoseconds time_to_first_token{0};  ///< 0: no token came
  std::chrono::nanoseconds duration{0};
};

/// What happens to requests, for metrics and the log. Called from the actor's thread.
struct IngressObserver {
  std::function<void(std::uint32_t answer_tokens)> tokens = [](auto) {};
  std::function<void(std::chrono::nanoseconds)> first_token = [](auto) {};
  std::function<void(std::chrono::nanoseconds)> token_gap = [](auto) {};
  std::function<void(const RequestOutcome&)> ended = [](const auto&) {};
};

struct IngressLimits {
  std::uint32_t requests = 4096;  ///< open at once; one more is refused
  std::uint32_t open_set_part_tokens = 16'384;
  std::uint32_t open_set_credits = 4;  ///< parts in flight
  bool record_prompts = false;         ///< prompt text goes into the opened record
  std::chrono::nanoseconds resubmit_after =
      std::chrono::seconds(10);                                     ///< no token for that long: say it again
  std::chrono::nanoseconds repeat_after = std::chrono::seconds(1);  ///< audit and open set
  std::chrono::nanoseconds audit_deadline = std::chrono::seconds(30);  ///< an end that cannot be recorded
};

/// The truth of every open request: prompt, parameters, accepted tokens. Everything behind the ingress is a
/// cache of this. Outlives the actor that drives it, so that a restarted ingress goes on where it was. Only
/// the ingress ends a request, with exactly one `last` event, after the record of its end is on disk.
///
/// Threads: one at a time (the actor's).
class OpenRequests {
 public:
  using Now = std::chrono::nanoseconds;

  OpenRequests(std::shared_ptr<const model::ServedModel> model, IngressLimits limits,
               IngressObserver observer);
  ~OpenRequests();

  /// Where messages go; a restarted actor attaches itself.
  void attach(IngressOut* out) { out_ = out; }

  void on_view(Generation generation, std::uint32_t ingress, Now now);
  void open(std::shared_ptr<const model::Request> request, std::shared_ptr<AnswerSink> sink, Now now);
  void cancel(const RequestId& id, Now now);
  void on_credit(const OpenSetCredit& credit, Now now);
  void on_refused(const Refused& refused, Now now);
  void on_serving(const Serving& serving);
  void on_batch(TokenBatch&& batch, Now now);
  void on_audit_ack(const AuditAck& ack, Now now);
  void drain() { draining_ = true; }
  /// Repeats what was not acknowledged, resubmits what stands still. Call a few times a second.
  void on_tick(Now now);

  IngressStatus status() const;
  std::size_t size() const { return requests_.size(); }

 private:
  struct Choice;
  struct OpenRequestState;

  OpenRequestState* find(const RequestId& id);
  Choice* find(const SequenceId& id);
  SequenceSubmit truth_of(const OpenRequestState& request, const Choice& choice) const;
  void submit(OpenRequestState& request, Choice& choice, Now now);
  void send_open_set(Now now);
  void accept(OpenRequestState& request, Choice& choice, const model::SampledRow& row, Now now);
  void accept_scores(OpenRequestState& request, Choice& choice, const model::PromptScores& scores);
  AnswerToken answer_token(const model::ScoredToken& scored) const;
  void finish(OpenRequestState& request, Choice& choice, model::FinishReason reason, AnswerEvent&& event,
              Now now);
  void close(OpenRequestState& request, std::optional<model::Error> error, Now now);
  std::string prompt_text(const model::Request& request) const;
  void send_opened(OpenRequestState& request, Now now);
  void send_closed(OpenRequestState& request, Now now);
  /// Ends a request whose record cannot be written; erases it.
  void end_unrecorded(const RequestId& id, const char* what);
  void deliver(OpenRequestState& request, AnswerEvent&& event);

  std::shared_ptr<const model::ServedModel> model_;
  IngressLimits limits_;
  IngressObserver observer_;
  IngressOut* out_ = nullptr;
  Generation generation_ = 0;
  std::uint32_t ingress_ = 0;
  bool serving_ = false;
  bool draining_ = false;
  bool audit_failed_ = false;
  std::string audit_error_;
  std::uint64_t next_arrival_ = 1;
  std::map<RequestId, std::unique_ptr<OpenRequestState>> requests_;

  /// The open set of this generation: what is not sent yet, and parts without credit.
  struct OpenSetSending {
    std::deque<SequenceId> todo;
    std::deque<OpenSetPart> unacknowledged;
    std::uint32_t next_part = 0;
    bool last_sent = false;
    Now sent_at{0};
  };
  std::optional<OpenSetSending> open_set_;
};

}  // namespace troupe::actors
