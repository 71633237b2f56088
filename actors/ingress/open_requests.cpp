// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/open_requests.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

using model::Error;
using model::ErrorCode;
using model::FinishReason;

struct OpenRequests::Choice {
  SequenceId id;
  std::uint64_t arrival = 0;
  const model::Prompt* prompt = nullptr;
  model::SamplingParams sampling;
  std::vector<Token> accepted;
  std::uint32_t scores = 0;  ///< prompt scores received, from position 1 on
  std::vector<AnswerToken> prompt_scores;
  model::AnswerFold fold;
  std::optional<FinishReason> finished;
  Now progress_at{0};

  Choice(const model::Tokenizer& tokenizer, const model::StopParams& stop) : fold(tokenizer, stop) {}
  std::uint32_t next_position() const {
    return static_cast<std::uint32_t>(prompt->tokens.size() + accepted.size());
  }
  bool scored() const {
    return sampling.prompt_logprobs < 0 || scores + 1 >= static_cast<std::uint32_t>(prompt->tokens.size());
  }
};

struct OpenRequests::OpenRequestState {
  std::shared_ptr<const model::Request> request;
  std::shared_ptr<AnswerSink> sink;
  std::vector<Choice> choices;
  std::vector<AnswerEvent> held;  ///< until the opened record is on disk
  bool opened_on_disk = false;
  bool closing = false;
  std::optional<Error> error;
  Now opened_at{0};
  Now first_token_at{0};
  Now ended_at{0};
  Now audit_at{0};
  RequestClosed closed;
};

OpenRequests::OpenRequests(std::shared_ptr<const model::ServedModel> model, IngressLimits limits,
                           IngressObserver observer)
    : model_(std::move(model)), limits_(limits), observer_(std::move(observer)) {}
OpenRequests::~OpenRequests() = default;

OpenRequests::OpenRequestState* OpenRequests::find(const RequestId& id) {
  const auto it = requests_.find(id);
  return it == requests_.end() ? nullptr : it->second.get();
}

OpenRequests::Choice* OpenRequests::find(const SequenceId& id) {
  OpenRequestState* request = find(id.request);
  return request == nullptr || id.choice >= request->choices.size() ? nullptr : &request->choices[id.choice];
}

IngressStatus OpenRequests::status() const {
  const std::size_t open = requests_.size();
  if (draining_) return {false, true, "draining: the server is shutting down", open};
  if (audit_failed_) return {false, false, "the audit record cannot be written: " + audit_error_, open};
  if (!serving_)
    return {false, false, generation_ == 0 ? "starting" : "a new generation is being set up", open};
  return {true, false, "", open};
}

void OpenRequests::open(std::shared_ptr<const model::Request> request, std::shared_ptr<AnswerSink> sink,
                        Now now) {
  std::optional<Error> refusal;
  if (draining_) refusal = Error{ErrorCode::unavailable, "the server is shutting down; try another one", ""};
  if (audit_failed_) refusal = Error{ErrorCode::audit_unavailable, status().reason, ""};
  if (generation_ == 0)
    refusal = Error{ErrorCode::unavailable, "the server is starting; try again in a moment", ""};
  if (requests_.size() >= limits_.requests) {
    refusal = Error{
        ErrorCode::overloaded,
        std::to_string(limits_.requests) + " requests are open (server.max_connections); try again later",
        ""};
  }
  if (refusal) {
    AnswerEvent event;
    event.error = std::move(refusal);
    event.last = true;
    sink->deliver(std::move(event));
    return;
  }
  auto state = std::make_unique<OpenRequestState>();
  const RequestId id = request->id;
  state->request = std::move(request);
  state->sink = std::move(sink);
  state->opened_at = state->audit_at = now;
  OpenRequestState& r = *state;
  for (std::uint32_t c = 0; c < r.request->choices(); ++c) {
    Choice choice(*model_->tokenizer, r.request->stop);
    choice.id = {id, c};
    choice.arrival = next_arrival_++;
    choice.prompt = &r.request->prompts[c / r.request->n];
    choice.sampling = r.request->sampling;
    choice.sampling.seed += c % r.request->n;
    r.choices.push_back(std::move(choice));
  }
  requests_.emplace(id, std::move(state));
  send_opened(r, now);
  for (auto& choice : r.choices) {
    if (r.request->stop.max_tokens == 0 && choice.scored()) {
      finish(r, choice, FinishReason::length, {}, now);  // an echo without scores: nothing to compute
    } else {
      submit(r, choice, now);
    }
  }
}

SequenceSubmit OpenRequests::truth_of(const OpenRequestState& request, const Choice& choice) const {
  SequenceSubmit truth;
  truth.id = choice.id;
  truth.arrival = choice.arrival;
  truth.tokens = choice.prompt->tokens;
  truth.tokens.insert(truth.tokens.end(), choice.accepted.begin(), choice.accepted.end());
  truth.prompt_tokens = static_cast<std::uint32_t>(choice.prompt->tokens.size());
  truth.sampling = choice.sampling;
  if (choice.scored()) truth.sampling.prompt_logprobs = -1;
  truth.max_tokens = request.request->stop.max_tokens;
  truth.stop_tokens = request.request->stop.stop_token_ids;
  if (!request.request->stop.ignore_eos) {
    const auto& ends = model_->tokenizer->end_tokens();
    truth.stop_tokens.insert(truth.stop_tokens.end(), ends.begin(), ends.end());
  }
  return truth;
}

void OpenRequests::submit(OpenRequestState& request, Choice& choice, Now now) {
  choice.progress_at = now;
  if (open_set_) {  // behind what is already on its way, in the same list
    open_set_->todo.push_back(choice.id);
    send_open_set(now);
    return;
  }
  out_->submit({generation_, ingress_, truth_of(request, choice)});
}

void OpenRequests::on_view(Generation generation, std::uint32_t ingress, Now now) {
  generation_ = generation;
  ingress_ = ingress;
  serving_ = false;
  open_set_.emplace();
  std::vector<std::pair<std::uint64_t, SequenceId>> open;
  for (auto& [id, request] : requests_) {
    if (request->closing) continue;
    for (auto& choice : request->choices) {
      choice.progress_at = now;
      if (!choice.finished) open.emplace_back(choice.arrival, choice.id);
    }
  }
  std::sort(open.begin(), open.end());
  for (const auto& [arrival, id] : open) open_set_->todo.push_back(id);
  send_open_set(now);
}

void OpenRequests::send_open_set(Now now) {
  OpenSetSending& set = *open_set_;
  while (!set.last_sent && set.unacknowledged.size() < limits_.open_set_credits) {
    OpenSetPart part{generation_, ingress_, set.next_part++, false, {}};
    std::size_t tokens = 0;
    while (!set.todo.empty() && tokens < limits_.open_set_part_tokens) {
      const SequenceId id = set.todo.front();
      set.todo.pop_front();
      OpenRequestState* request = find(id.request);
      if (request == nullptr || request->closing || request->choices[id.choice].finished) continue;
      part.sequences.push_back(truth_of(*request, request->choices[id.choice]));
      tokens += part.sequences.back().tokens.size() + 1;
    }
    part.last = set.last_sent = set.todo.empty();
    set.unacknowledged.push_back(part);
    set.sent_at = now;
    out_->open_set(std::move(part));
  }
}

void OpenRequests::on_credit(const OpenSetCredit& credit, Now now) {
  if (credit.generation != generation_ || !open_set_) return;
  OpenSetSending& set = *open_set_;
  while (!set.unacknowledged.empty() && set.unacknowledged.front().part <= credit.part)
    set.unacknowledged.pop_front();
  if (!set.last_sent) return send_open_set(now);
  if (!set.unacknowledged.empty()) return;
  // Requests that came while the last part was under way go their ordinary road.
  const auto late = std::move(set.todo);
  open_set_.reset();
  for (const SequenceId& id : late) {
    OpenRequestState* request = find(id.request);
    if (request != nullptr && !request->closing) submit(*request, request->choices[id.choice], now);
  }
}

void OpenRequests::on_serving(const Serving& serving) {
  if (serving.generation == generation_) serving_ = true;
}

void OpenRequests::on_refused(const Refused& refused, Now now) {
  OpenRequestState* request = refused.generation == generation_ ? find(refused.id.request) : nullptr;
  if (request == nullptr || request->closing) return;
  close(*request, refused.error, now);
}

void OpenRequests::cancel(const RequestId& id, Now now) {
  OpenRequestState* request = find(id);
  if (request == nullptr || request->closing) return;
  close(*request, Error{ErrorCode::cancelled, "the client went away", ""}, now);
}

void OpenRequests::on_batch(TokenBatch&& batch, Now now) {
  if (batch.generation != generation_) return;
  const auto open_choice = [&](const SequenceId& id) -> Choice* {
    OpenRequestState* request = find(id.request);
    Choice* choice = request == nullptr || request->closing ? nullptr : find(id);
    return choice == nullptr || choice->finished ? nullptr : choice;
  };
  for (const auto& scores : batch.prompt_scores) {
    Choice* choice = open_choice(scores.id);
    if (choice != nullptr) accept_scores(*find(scores.id.request), *choice, scores);
  }
  for (const auto& row : batch.sampled) {
    Choice* choice = open_choice(row.id);
    if (choice == nullptr || row.position < choice->next_position()) continue;
    OpenRequestState& request = *find(row.id.request);
    if (row.position > choice->next_position() || !choice->scored()) {
      submit(request, *choice, now);  // a batch was lost: say the truth again
    } else {
      accept(request, *choice, row, now);
    }
  }
  for (const auto& scores : batch.prompt_scores) {
    Choice* choice = open_choice(scores.id);
    OpenRequestState* request = find(scores.id.request);
    if (choice != nullptr && request->request->stop.max_tokens == 0 && choice->scored()) {
      finish(*request, *choice, FinishReason::length, {}, now);
    }
  }
}

AnswerToken OpenRequests::answer_token(const model::ScoredToken& scored) const {
  return {scored, std::string(model_->tokenizer->bytes(scored.token))};
}

void OpenRequests::accept_scores(OpenRequestState& request, Choice& choice,
                                 const model::PromptScores& scores) {
  if (scores.first > choice.scores + 1) return;  // a gap: the missing ones come with the resubmission
  for (std::size_t i = choice.scores + 1 - scores.first; i < scores.scores.size(); ++i) {
    choice.prompt_scores.push_back(answer_token(scores.scores[i]));
    ++choice.scores;
  }
  if (!choice.scored() || choice.prompt_scores.empty()) return;
  AnswerEvent event;
  event.choice = choice.id.choice;
  event.prompt_scores = std::exchange(choice.prompt_scores, {});
  deliver(request, std::move(event));
}

void OpenRequests::accept(OpenRequestState& request, Choice& choice, const model::SampledRow& row, Now now) {
  choice.accepted.push_back(row.token.token);
  if (request.first_token_at == Now{0}) {
    request.first_token_at = now;
    observer_.first_token(now - request.opened_at);
  }
  if (choice.accepted.size() > 1) observer_.token_gap(now - choice.progress_at);
  observer_.tokens(1);
  choice.progress_at = now;
  model::FoldStep step = choice.fold.push(row.token.token);
  AnswerEvent event;
  event.choice = choice.id.choice;
  event.text = std::move(step.text);
  event.tokens.push_back(answer_token(row.token));
  event.stop_text = std::move(step.stop_text);
  if (step.finish) return finish(request, choice, *step.finish, std::move(event), now);
  deliver(request, std::move(event));
}

void OpenRequests::finish(OpenRequestState& request, Choice& choice, FinishReason reason, AnswerEvent&& event,
                          Now now) {
  choice.finished = reason;
  event.choice = choice.id.choice;
  event.finish = reason;
  event.text += choice.fold.finish();
  // The scheduler sees end tokens and lengths by itself; a stop string only we can see.
  if (event.stop_text) out_->cancel({generation_, choice.id});
  deliver(request, std::move(event));
  const bool all = std::all_of(request.choices.begin(), request.choices.end(),
                               [](const Choice& c) { return c.finished.has_value(); });
  if (all) close(request, std::nullopt, now);
}

void OpenRequests::close(OpenRequestState& request, std::optional<Error> error, Now now) {
  request.closing = true;
  request.error = std::move(error);
  request.ended_at = request.audit_at = now;
  ClosedSummary& summary = request.closed.summary;
  RequestOutcome outcome;
  const bool cancelled = request.error && request.error->code == ErrorCode::cancelled;
  for (auto& choice : request.choices) {
    if (!choice.finished) {
      choice.finished = cancelled ? FinishReason::cancelled : FinishReason::error;
      out_->cancel({generation_, choice.id});
    }
    outcome.reasons.push_back(*choice.finished);
    summary.finish_reasons.emplace_back(to_string(*choice.finished));
    outcome.answer_tokens += static_cast<std::uint32_t>(choice.accepted.size());
  }
  for (const auto& p : request.request->prompts)
    outcome.prompt_tokens += static_cast<std::uint32_t>(p.tokens.size());
  const auto microseconds = [](Now t) { return static_cast<std::uint64_t>(t.count() / 1000); };
  if (request.first_token_at != Now{0})
    outcome.time_to_first_token = request.first_token_at - request.opened_at;
  outcome.duration = now - request.opened_at;
  summary.prompt_tokens = outcome.prompt_tokens;
  summary.completion_tokens = outcome.answer_tokens;
  summary.ttft_microseconds = microseconds(outcome.time_to_first_token);
  summary.duration_microseconds = microseconds(outcome.duration);
  if (request.error) summary.error = to_string(request.error->code);
  request.closed.id = request.request->id;
  request.closed.client_request_id = request.request->client_request_id;
  observer_.ended(outcome);
  if (request.opened_on_disk) send_closed(request, now);
}

std::string OpenRequests::prompt_text(const model::Request& request) const {
  constexpr const char* kRecordSeparator = "\x1e";
  std::string text;
  for (const auto& prompt : request.prompts) {
    if (&prompt != &request.prompts.front()) text += kRecordSeparator;
    for (const Token token : prompt.tokens) text += model_->tokenizer->bytes(token);
  }
  return text;
}

void OpenRequests::send_opened(OpenRequestState& request, Now now) {
  request.audit_at = now;
  const model::Request& r = *request.request;
  std::uint32_t prompt_tokens = 0;
  for (const auto& p : r.prompts) prompt_tokens += static_cast<std::uint32_t>(p.tokens.size());
  out_->opened({ingress_, r.id, r.client_request_id, r.tenant, model_->name, model_->fingerprint, r.choices(),
                prompt_tokens, r.stop.max_tokens, limits_.record_prompts ? prompt_text(r) : std::string()});
}

void OpenRequests::end_unrecorded(const RequestId& id, const char* what) {
  OpenRequestState& request = *find(id);
  for (auto& choice : request.choices) {
    if (!choice.finished) out_->cancel({generation_, choice.id});
  }
  AnswerEvent last;
  last.error = Error{ErrorCode::audit_unavailable, std::string(what) + audit_error_, ""};
  last.last = true;
  request.sink->deliver(std::move(last));
  requests_.erase(id);
}

void OpenRequests::send_closed(OpenRequestState& request, Now now) {
  request.audit_at = now;
  request.closed.ingress = ingress_;
  out_->closed(request.closed);
}

void OpenRequests::deliver(OpenRequestState& request, AnswerEvent&& event) {
  if (!request.opened_on_disk) {
    request.held.push_back(std::move(event));
  } else {
    request.sink->deliver(std::move(event));
  }
}

void OpenRequests::on_audit_ack(const AuditAck& ack, Now now) {
  audit_failed_ = !ack.error.empty();
  audit_error_ = ack.error;
  for (const AuditKey& key : ack.written) {
    OpenRequestState* request = find(key.id);
    if (request == nullptr) continue;
    if (audit_failed_) {
      // Nothing of it was sent yet: fail closed. An end is tried again with the next tick.
      if (!key.closed && !request->opened_on_disk)
        end_unrecorded(key.id, "the audit record cannot be written: ");
    } else if (!key.closed && !request->opened_on_disk) {
      request->opened_on_disk = true;
      for (auto& event : std::exchange(request->held, {})) request->sink->deliver(std::move(event));
      if (request->closing) send_closed(*request, now);
    } else if (key.closed && request->closing) {
      AnswerEvent last;
      last.error = request->error;
      last.last = true;
      request->sink->deliver(std::move(last));
      requests_.erase(key.id);
    }
  }
}

void OpenRequests::on_tick(Now now) {
  if (open_set_ && !open_set_->unacknowledged.empty() && now - open_set_->sent_at > limits_.repeat_after) {
    open_set_->sent_at = now;
    for (const auto& part : open_set_->unacknowledged) out_->open_set(part);
  }
  std::vector<RequestId> unrecorded;
  for (auto& [id, request] : requests_) {
    if (request->closing && now - request->ended_at > limits_.audit_deadline) {
      unrecorded.push_back(id);
    } else if (now - request->audit_at > limits_.repeat_after) {
      if (!request->opened_on_disk) {
        send_opened(*request, now);
      } else if (request->closing) {
        send_closed(*request, now);
      }
    }
    if (request->closing) continue;
    for (auto& choice : request->choices) {
      if (!choice.finished && serving_ && now - choice.progress_at > limits_.resubmit_after) {
        submit(*request, choice, now);
      }
    }
  }
  for (const auto& id : unrecorded) end_unrecorded(id, "the end of the answer cannot be recorded: ");
}

}  // namespace troupe::actors
