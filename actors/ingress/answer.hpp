// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/request.hpp"

/// Between the HTTP side of the ingress (sessions on I/O threads) and the ingress actor: a request goes in
/// through an IngressPort, events come out through the AnswerSink that came with it.
namespace troupe::actors {

/// One token as the client will see it, for log-probabilities and usage.
struct AnswerToken {
  model::ScoredToken scored;
  std::string bytes;  ///< what the token stands for, maybe not whole code points
};

/// Something happened to an answer. Events of one request arrive in order, from one thread at a time.
struct AnswerEvent {
  std::uint32_t choice = 0;
  std::string text;                           ///< new text: whole code points, never part of a stop string
  std::vector<AnswerToken> tokens;            ///< the accepted tokens behind it
  std::vector<AnswerToken> prompt_scores;     ///< with SamplingParams::prompt_logprobs: once, before the text
  std::optional<model::FinishReason> finish;  ///< the choice's last event
  std::optional<std::string> stop_text;       ///< the stop string that ended it, if one did
  std::optional<model::Error> error;          ///< the whole request failed or was refused; implies `last`
  bool last = false;  ///< the request's one terminal event, after its audit record is on disk
};

/// Receives the events of one request. Held weakly by the ingress actor after the session let go of it.
/// Threads: deliver is called from the actor's thread; it must not block (post to the session's executor).
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void deliver(AnswerEvent event) = 0;
};

/// What the ingress says of itself to health checks.
struct IngressStatus {
  bool ready = false;     ///< a token can flow
  bool draining = false;  ///< SIGTERM was seen
  std::string reason;     ///< why not ready: "stage/0 is loading weights"
  std::size_t open = 0;   ///< requests that have not ended
};

/// The door to the ingress actor for sessions. Threads: any; never blocks.
class IngressPort {
 public:
  virtual ~IngressPort() = default;
  /// Opens a request. The outcome, refusals included, arrives at the sink, always ending with one `last`
  /// event.
  virtual void open(model::Request request, std::shared_ptr<AnswerSink> sink) = 0;
  /// The client went away (or its time is over): ends the request within one step. Safe at any time, any
  /// number of times.
  virtual void cancel(const model::RequestId& id) = 0;
  virtual IngressStatus status() const = 0;
};

}  // namespace troupe::actors
