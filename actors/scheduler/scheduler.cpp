// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler/scheduler.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {
namespace {

/// Growth is asked for this many positions before it is needed: more than the steps in flight can consume.
constexpr std::uint32_t kLeaseAhead = 8;

std::uint32_t blocks_for(std::uint32_t positions) {
  return (positions + model::kTokensPerBlock - 1) / model::kTokensPerBlock;
}

}  // namespace

void Scheduler::on_view(Generation generation, std::uint32_t ingresses, std::uint32_t stages, Now now) {
  generation_ = generation;
  serving_ = false;
  kv_ready_ = false;
  view_at_ = now;
  limits_.batch.stages = stages;
  sequences_.clear();
  in_flight_.clear();
  to_forget_.clear();
  free_slots_.clear();
  // One slot for each sequence that can be anywhere between running and releasing.
  for (std::uint32_t i = 2 * limits_.batch.sequences; i > 0; --i) free_slots_.push_back(i - 1);
  extension_.reset();
  pressure_ = admission_blocked_ = false;
  next_step_ = 1;
  unfenced_.clear();
  for (std::uint32_t i = 0; i < stages; ++i) unfenced_.insert(i);
  open_set_next_.assign(ingresses, 0U);
}

void Scheduler::on_open_set(OpenSetPart&& part, Now now) {
  if (part.generation != generation_ || part.ingress >= open_set_next_.size()) return;
  auto& next = open_set_next_[part.ingress];
  if (next && part.part > *next) return;  // an earlier part was lost; its repetition brings this one again
  if (next && part.part == *next) {
    for (auto& sequence : part.sequences) add(part.ingress, std::move(sequence), false, now);
    next = part.last ? std::nullopt : std::optional(*next + 1);
  }
  port_.credit(part.ingress, {generation_, part.part});
  start_serving(now);
}

void Scheduler::on_fenced(const Fenced& fenced, Now now) {
  if (fenced.generation != generation_) return;
  unfenced_.erase(fenced.stage);
  start_serving(now);
}

void Scheduler::on_kv_ready(const KvReady& ready, Now now) {
  if (ready.generation != generation_) return;
  kv_ready_ = true;
  total_blocks_ = ready.total_blocks;
  start_serving(now);
}

void Scheduler::start_serving(Now now) {
  const bool complete =
      std::none_of(open_set_next_.begin(), open_set_next_.end(), [](const auto& n) { return n; });
  if (serving_ || !complete || !unfenced_.empty() || !kv_ready_) return;
  serving_ = true;
  port_.serving({generation_});
  advance(now);
}

void Scheduler::on_submit(Submit&& submit, Now now) {
  if (submit.generation != generation_) return;
  Sequence* known = find(submit.sequence.id);
  if (known == nullptr) {
    add(submit.ingress, std::move(submit.sequence), true, now);
  } else if (submit.sequence.accepted() < known->truth.accepted() ||
             submit.sequence.sampling.prompt_logprobs >= 0) {
    // Results were lost on the way to the ingress. Its truth is computed again; the same bits come out.
    known->replacement = std::move(submit.sequence);
    if (known->phase == Phase::waiting) known->truth = *std::exchange(known->replacement, std::nullopt);
    if (known->phase == Phase::running) end(*known, true, now);
    known->wanted = true;
  }
  advance(now);
}

void Scheduler::add(std::uint32_t ingress, SequenceSubmit&& submit, bool bounded, Now now) {
  const SequenceId id = submit.id;
  Sequence s;
  s.truth = std::move(submit);
  s.ingress = ingress;
  s.waits_since = now;
  if (bounded && load().waiting >= limits_.waiting) {
    port_.refuse(ingress, {generation_,
                           id,
                           {model::ErrorCode::overloaded,
                            "the waiting queue is full: " + std::to_string(limits_.waiting) +
                                " sequences wait (scheduler.max_waiting); try again later",
                            ""}});
    return;
  }
  sequences_.insert_or_assign(id, std::move(s));
}

void Scheduler::on_cancel(const CancelSequence& cancel, Now now) {
  if (cancel.generation != generation_) return;
  Sequence* s = find(cancel.id);
  if (s == nullptr) return;
  s->replacement.reset();
  s->wanted = false;
  if (s->phase == Phase::waiting) {
    sequences_.erase(cancel.id);
  } else if (s->phase == Phase::running) {
    end(*s, false, now);
  }
  advance(now);
}

bool Scheduler::never_fits(const Sequence& s) {
  const std::uint32_t needed = blocks_for(s.final_length());
  if (needed <= total_blocks_) return false;
  port_.refuse(s.ingress,
               {generation_,
                s.truth.id,
                {model::ErrorCode::context_length,
                 "this request can never fit: " + std::to_string(s.truth.prompt_tokens) + " prompt + " +
                     std::to_string(s.truth.max_tokens) + " answer tokens need " + std::to_string(needed) +
                     " KV blocks of " + std::to_string(model::kTokensPerBlock) + " tokens, the pool has " +
                     std::to_string(total_blocks_) + "; ask for fewer tokens or raise kv_cache.bytes",
                 "max_tokens"}});
  return true;
}

void Scheduler::advance(Now now) {
  if (!serving_) return;
  grow(now);
  admit(now);
  plan(now);
}

void Scheduler::admit(Now now) {
  std::uint32_t active =
      static_cast<std::uint32_t>(in_phase(Phase::running).size() + in_phase(Phase::reserving).size());
  if (pressure_ && active > 0) return;
  pressure_ = false;
  if (admission_blocked_) return;
  for (Sequence* s : in_phase(Phase::waiting)) {
    if (active >= limits_.batch.sequences || free_slots_.empty()) return;
    if (never_fits(*s)) {
      sequences_.erase(s->truth.id);
      continue;
    }
    s->phase = Phase::reserving;
    s->lease = next_lease_++;
    send_reserve(*s, now);
    ++active;
  }
}

void Scheduler::send_reserve(Sequence& s, Now now) {
  s.asked_at = now;
  const std::uint32_t positions = std::min(s.known() + kLeaseAhead, s.final_length());
  port_.reserve({generation_, s.truth.id, s.lease, s.truth.tokens, std::max(blocks_for(positions), 1U),
                 s.truth.sampling.prompt_logprobs < 0});
}

void Scheduler::on_lease(BlockLease&& lease, Now now) {
  if (lease.generation != generation_) return;
  Sequence* s = find(lease.id);
  if (s == nullptr || s->phase != Phase::reserving || s->lease != lease.lease) return;
  if (!lease.granted) {
    s->phase = Phase::waiting;
    admission_blocked_ = true;
    if (!s->wanted) sequences_.erase(lease.id);
    // Nothing runs and nothing is on its way back: the pool is as empty as it gets, so only a race can have
    // denied it.
    if (in_phase(Phase::running).empty() && in_phase(Phase::draining).empty() &&
        in_phase(Phase::releasing).empty() && in_phase(Phase::reserving).empty()) {
      admission_blocked_ = false;
    }
    return advance(now);
  }
  s->blocks_held = static_cast<std::uint32_t>(lease.blocks.size());
  s->blocks_untold = std::move(lease.blocks);
  s->cached_tokens = s->planned = s->computed = s->confirmed = lease.cached_tokens;
  s->phase = Phase::running;
  port_.admitted(now - s->waits_since);
  s->slot = free_slots_.back();
  free_slots_.pop_back();
  s->introduced = false;
  if (!s->wanted || s->replacement) end(*s, s->wanted, now);
  advance(now);
}

void Scheduler::grow(Now now) {
  if (extension_) return;
  const bool returning = !in_phase(Phase::draining).empty() || !in_phase(Phase::releasing).empty();
  if (pressure_ && returning) return;  // blocks are on their way back: ask when they are there
  ExtendLeases message{generation_, next_lease_++, {}};
  for (Sequence* s : in_phase(Phase::running)) {
    if (s->capacity() >= std::min(s->planned + kLeaseAhead, s->final_length())) continue;
    LeaseWish wish{s->truth.id, s->lease, s->blocks_held, 1, s->confirmed, {}};
    const std::uint32_t until = std::min(s->computed, s->known());
    if (until > s->confirmed) {
      wish.confirmed.assign(s->truth.tokens.begin() + s->confirmed, s->truth.tokens.begin() + until);
      s->confirmed = until;
    }
    message.wishes.push_back(std::move(wish));
  }
  if (message.wishes.empty()) return;
  extension_ = message;
  extension_at_ = now;
  port_.extend(std::move(message));
}

void Scheduler::on_extensions(LeaseExtensions&& extensions, Now now) {
  if (extensions.generation != generation_ || !extension_ || extensions.number != extension_->number) return;
  extension_.reset();
  bool denied = false;
  for (auto& grant : extensions.grants) {
    Sequence* s = find(grant.id);
    if (s == nullptr || s->phase != Phase::running || grant.held != s->blocks_held) continue;
    denied = denied || !grant.granted;
    s->blocks_held += static_cast<std::uint32_t>(grant.blocks.size());
    s->blocks_untold.insert(s->blocks_untold.end(), grant.blocks.begin(), grant.blocks.end());
  }
  if (denied) {
    pressure_ = true;
    if (in_phase(Phase::draining).empty() && in_phase(Phase::releasing).empty()) preempt_youngest(now);
  }
  advance(now);
}

void Scheduler::preempt_youngest(Now now) {
  const auto running = in_phase(Phase::running);
  if (running.empty()) return;
  Sequence* youngest = running.front();
  for (Sequence* s : running) {
    if (s->youngest_before(*youngest)) youngest = s;
  }
  ++preemptions_;
  end(*youngest, true, now);
}

void Scheduler::end(Sequence& s, bool wanted, Now now) {
  s.phase = Phase::draining;
  s.wanted = wanted;
  release_if_drained(s, now);
}

void Scheduler::release_if_drained(Sequence& s, Now now) {
  if (s.phase != Phase::draining || s.steps_in_flight > 0) return;
  s.phase = Phase::releasing;
  to_forget_.push_back(s.slot);
  send_release(s, now);
}

void Scheduler::send_release(Sequence& s, Now now) {
  s.asked_at = now;
  const std::uint32_t until = std::min(s.computed, s.known());
  port_.release({generation_, s.truth.id, s.lease, true,
                 std::vector<Token>(s.truth.tokens.begin(), s.truth.tokens.begin() + until)});
}

void Scheduler::on_released(const BlocksReleased& released, Now now) {
  if (released.generation != generation_) return;
  Sequence* s = find(released.id);
  if (s == nullptr || s->phase != Phase::releasing || s->lease != released.lease) return;
  admission_blocked_ = false;
  if (!s->wanted) {
    pressure_ = false;
    sequences_.erase(released.id);
  } else {
    Sequence again;
    again.truth = s->replacement ? std::move(*s->replacement) : std::move(s->truth);
    again.ingress = s->ingress;
    again.waits_since = now;
    *s = std::move(again);
  }
  advance(now);
}

void Scheduler::plan(Now now) {
  while (in_flight_.size() < limits_.batch.stages + 1U) {
    const auto rows = plan_batch(in_phase(Phase::running), limits_.batch);
    if (rows.empty()) return;
    port_.execute(make_plan(rows, now));
  }
}

model::StepPlan Scheduler::make_plan(const std::vector<PlannedRows>& rows, Now now) {
  model::StepPlan plan;
  plan.generation = generation_;
  plan.step = next_step_++;
  plan.forget = std::exchange(to_forget_, {});
  free_slots_.insert(free_slots_.end(), plan.forget.begin(), plan.forget.end());
  StepInFlight flight{plan.step, now, {}};
  for (const PlannedRows& r : rows) {
    Sequence& s = *r.sequence;
    if (!s.introduced) {
      plan.start.push_back({s.slot, s.truth.id, s.ingress, s.truth.tokens, s.truth.prompt_tokens,
                            s.truth.sampling, std::exchange(s.blocks_untold, {}), s.cached_tokens});
      s.introduced = true;
    } else if (!s.blocks_untold.empty()) {
      plan.grants.push_back({s.slot, std::exchange(s.blocks_untold, {})});
    }
    plan.rows.push_back({s.slot, r.start, r.count, r.sample});
    flight.rows.push_back({s.truth.id, s.lease, r.start + r.count, r.sample});
    s.planned = r.start + r.count;
    s.unresolved += r.sample ? 1 : 0;
    s.last_step = plan.step;
    ++s.steps_in_flight;
  }
  in_flight_.push_back(std::move(flight));
  return plan;
}

void Scheduler::on_step_result(const model::StepResult& result, Now now) {
  if (result.generation != generation_ || in_flight_.empty() || result.step < in_flight_.front().step) return;
  if (result.step > in_flight_.front().step) {
    port_.suspect(
        {generation_, "stage", "step " + std::to_string(in_flight_.front().step) + " never returned"});
    return;
  }
  const StepInFlight flight = std::move(in_flight_.front());
  in_flight_.pop_front();
  std::map<SequenceId, Token> tokens;
  for (const auto& row : result.sampled) tokens[row.id] = row.token.token;
  for (const auto& row : flight.rows) {
    Sequence* s = find(row.id);
    if (s == nullptr || s->lease != row.lease) continue;
    --s->steps_in_flight;
    s->computed = std::max(s->computed, row.end);
    const auto token = tokens.find(row.id);
    if (row.sample) {
      --s->unresolved;
      if (token != tokens.end() && s->known() == row.end && s->wanted)
        s->truth.tokens.push_back(token->second);
    }
    const bool answered = row.sample && token != tokens.end() && stops(*s, token->second);
    const bool scored = s->truth.max_tokens == 0 && s->computed >= s->known();
    if ((answered || scored) && s->wanted && !s->replacement) {
      s->wanted = false;
      if (s->phase == Phase::running) end(*s, false, now);
    }
    release_if_drained(*s, now);
  }
  advance(now);
}

bool Scheduler::stops(const Sequence& s, Token token) const {
  const auto& stops = s.truth.stop_tokens;
  return s.truth.accepted() >= s.truth.max_tokens ||
         std::find(stops.begin(), stops.end(), token) != stops.end();
}

void Scheduler::on_tick(Now now) {
  if (generation_ == 0) return;
  if (!serving_) {
    if (now - view_at_ > limits_.gather_deadline) {
      std::string missing = kv_ready_ ? "" : " kv_cache";
      if (!unfenced_.empty()) missing += " stage/" + std::to_string(*unfenced_.begin());
      view_at_ = now;
      port_.suspect({generation_, "replica", "generation does not come to serve; missing:" + missing});
    }
    return;
  }
  if (!in_flight_.empty() && now - in_flight_.front().sent > limits_.step_deadline) {
    in_flight_.front().sent = now;
    port_.suspect(
        {generation_, "stage", "step " + std::to_string(in_flight_.front().step) + " passed its deadline"});
  }
  if (extension_ && now - extension_at_ > limits_.repeat_after) {
    extension_at_ = now;
    port_.extend(*extension_);
  }
  for (auto& [id, s] : sequences_) {
    if (now - s.asked_at <= limits_.repeat_after) continue;
    if (s.phase == Phase::reserving) send_reserve(s, now);
    if (s.phase == Phase::releasing) send_release(s, now);
  }
}

std::vector<Sequence*> Scheduler::in_phase(Phase phase) {
  std::vector<Sequence*> found;
  for (auto& [id, s] : sequences_) {
    if (s.phase == phase) found.push_back(&s);
  }
  std::sort(found.begin(), found.end(),
            [](const Sequence* a, const Sequence* b) { return b->youngest_before(*a); });
  return found;
}

Sequence* Scheduler::find(const SequenceId& id) {
  const auto it = sequences_.find(id);
  return it == sequences_.end() ? nullptr : &it->second;
}

SchedulerLoad Scheduler::load() const {
  SchedulerLoad load;
  load.preemptions = preemptions_;
  for (const auto& [id, s] : sequences_) {
    if (s.phase == Phase::running) ++load.running;
    if (s.phase == Phase::waiting || s.phase == Phase::reserving) ++load.waiting;
  }
  return load;
}

std::vector<std::string> Scheduler::check() const {
  std::vector<std::string> broken;
  std::map<SequenceId, std::uint32_t> steps;
  for (const auto& flight : in_flight_) {
    for (const auto& row : flight.rows) ++steps[row.id];
  }
  for (const auto& [id, s] : sequences_) {
    const auto name = to_string(id);
    if (s.planned > s.capacity()) broken.push_back(name + ": planned beyond its blocks");
    if (s.phase == Phase::running && s.truth.accepted() > s.truth.max_tokens)
      broken.push_back(name + ": too long");
    const auto it = steps.find(id);
    const std::uint32_t flying = it == steps.end() ? 0 : it->second;
    if (s.steps_in_flight > flying) broken.push_back(name + ": waits for steps that are not in flight");
  }
  return broken;
}

}  // namespace troupe::actors
