// SPDX-License-Identifier: Apache-2.0
#include "actors/stage/step_queue.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

void StepQueue::reset(Generation generation, std::uint32_t stage, std::uint32_t stages) {
  generation_ = generation;
  stage_ = stage;
  stages_ = stages;
  next_step_ = 1;
  plans_.clear();
  hidden_.clear();
  slots_.clear();
}

void StepQueue::add(model::StepPlan&& plan) {
  if (plan.generation == generation_) plans_.push_back(std::move(plan));
}

void StepQueue::add(Generation generation, StepNumber step, std::shared_ptr<const gpu::HiddenStates> hidden) {
  if (generation == generation_) hidden_[step] = std::move(hidden);
}

std::vector<FedToken> StepQueue::add(const TokenFeed& feed) {
  std::vector<FedToken> fresh;
  if (feed.generation != generation_) return fresh;
  for (const FedToken& token : feed.tokens) {
    const auto slot = slots_.find(token.slot);
    // A slot may have a new owner by now: the old one's surplus token is not its history.
    if (slot == slots_.end() || slot->second.since > feed.step || slot->second.tokens != token.position)
      continue;
    ++slot->second.tokens;
    fresh.push_back(token);
  }
  return fresh;
}

bool StepQueue::tokens_known(const model::StepPlan& plan) const {
  if (stage_ != 0 || stages_ == 1) return true;  // a lone stage's executor appends what it samples
  return std::all_of(plan.rows.begin(), plan.rows.end(), [&](const model::RowRange& row) {
    const auto start = std::find_if(plan.start.begin(), plan.start.end(),
                                    [&](const model::SequenceStart& s) { return s.slot == row.slot; });
    if (start != plan.start.end()) return true;
    const auto slot = slots_.find(row.slot);
    return slot != slots_.end() && row.start + row.count <= slot->second.tokens;
  });
}

void StepQueue::note_starts(const model::StepPlan& plan) {
  if (stage_ != 0 || stages_ == 1) return;
  for (const model::Slot slot : plan.forget) slots_.erase(slot);
  for (const auto& start : plan.start) {
    slots_[start.slot] = {plan.step, static_cast<std::uint32_t>(start.tokens.size())};
  }
}

std::optional<ReadyStep> StepQueue::next() {
  // A gap means a lost plan: running the one behind it would leave a hole in the KV. The step's deadline
  // heals it.
  if (plans_.empty() || plans_.front().step != next_step_) return std::nullopt;
  const auto hidden = hidden_.find(plans_.front().step);
  if (stage_ > 0 && hidden == hidden_.end()) return std::nullopt;
  if (!tokens_known(plans_.front())) return std::nullopt;
  ReadyStep ready{std::move(plans_.front()), nullptr};
  plans_.pop_front();
  ++next_step_;
  if (hidden != hidden_.end()) {
    ready.hidden = std::move(hidden->second);
    hidden_.erase(hidden);
  }
  note_starts(ready.plan);
  return ready;
}

}  // namespace troupe::actors
