// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/step_driver.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::gpu {
namespace {

template <class T>
T must(model::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}

}  // namespace

std::vector<model::Token> TestAnswer::ids() const {
  std::vector<model::Token> ids;
  for (const auto& scored : tokens) ids.push_back(scored.token);
  return ids;
}

struct StepDriver::Running {
  const TestRequest* request;
  TestAnswer answer;
  std::uint32_t known = 0;     // tokens of its history
  std::uint32_t computed = 0;  // positions with KV
  bool started = false;
  bool ended = false;
};

StepDriver::StepDriver(const std::vector<std::shared_ptr<const StageWeights>>& stages,
                       const DriverOptions& options)
    : options_(options) {
  for (const auto& weights : stages) {
    auto store = must(KvStore::create(weights->kv_layout(), weights->layers().count(), options.blocks));
    stages_.push_back(must(
        make_executor(weights, store, {.threads = options.threads, .max_rows = 4096, .max_positions = 0})));
  }
  // Neighbouring blocks of a sequence lie apart.
  for (std::uint32_t i = 0; i < options.blocks; ++i) free_.push_back((i * 37 + 11) % options.blocks);
  for (const model::BlockId block : free_) {
    for (const auto& stage : stages_) {
      if (options.poison) stage->poison_block(block);
    }
  }
}

std::vector<TestAnswer> StepDriver::run(const std::vector<TestRequest>& requests) {
  std::vector<Running> sequences;
  for (const TestRequest& request : requests) sequences.push_back({.request = &request, .answer = {}});
  model::StepPlan plan;
  for (std::uint32_t now = 0;
       std::any_of(sequences.begin(), sequences.end(), [](auto& s) { return !s.ended; }); ++now) {
    plan.step = ++step_;
    plan.start.clear();
    plan.grants.clear();
    plan.rows.clear();
    for (std::uint32_t slot = 0; slot < sequences.size(); ++slot) {
      if (!sequences[slot].ended && sequences[slot].request->arrival <= now)
        plan_rows(sequences[slot], slot, plan);
    }
    model::StepResult result = step(plan);
    plan.forget.clear();
    for (model::PromptScores& scores : result.prompt_scores) {
      auto& all = sequences[scores.id.choice].answer.prompt_scores;
      if (scores.first != all.size() + 1) throw std::runtime_error("prompt scores out of order");
      all.insert(all.end(), scores.scores.begin(), scores.scores.end());
    }
    for (model::SampledRow& row : result.sampled) {
      Running& sequence = sequences[row.slot];
      if (row.position != sequence.known) throw std::runtime_error("a token at an unexpected position");
      sequence.answer.tokens.push_back(std::move(row.token));
      ++sequence.known;
      if (sequence.answer.tokens.size() < sequence.request->new_tokens) continue;
      sequence.ended = true;
      plan.forget.push_back(row.slot);
    }
  }
  plan.start.clear();
  plan.grants.clear();
  plan.rows.clear();
  step(plan);
  std::vector<TestAnswer> answers;
  for (Running& sequence : sequences) answers.push_back(std::move(sequence.answer));
  return answers;
}

void StepDriver::plan_rows(Running& sequence, std::uint32_t slot, model::StepPlan& plan) {
  const TestRequest& request = *sequence.request;
  std::vector<model::BlockId> granted;
  if (!sequence.started) {
    model::SequenceStart start;
    start.slot = slot;
    start.id.choice = slot;
    start.tokens = request.prompt;
    start.tokens.insert(start.tokens.end(), request.known.begin(), request.known.end());
    start.prompt_tokens = static_cast<std::uint32_t>(request.prompt.size());
    start.sampling = request.sampling;
    start.cached_tokens = request.cached_tokens;
    sequence.known = static_cast<std::uint32_t>(start.tokens.size());
    sequence.computed = request.cached_tokens;
    sequence.answer.blocks = request.cached_blocks;
    lease(sequence, std::min(sequence.known, sequence.computed + options_.chunk), granted);
    start.blocks = sequence.answer.blocks;
    plan.start.push_back(std::move(start));
    sequence.started = true;
  }
  const std::uint32_t count = std::min(options_.chunk, sequence.known - sequence.computed);
  granted.clear();
  lease(sequence, sequence.computed + count, granted);
  if (!granted.empty()) plan.grants.push_back({.slot = slot, .blocks = granted});
  plan.rows.push_back({.slot = slot,
                       .start = sequence.computed,
                       .count = count,
                       .sample = sequence.computed + count == sequence.known});
  sequence.computed += count;
}

void StepDriver::lease(Running& sequence, std::uint32_t positions, std::vector<model::BlockId>& out) {
  auto& blocks = sequence.answer.blocks;
  while (blocks.size() * model::kTokensPerBlock < positions) {
    if (free_.empty()) throw std::runtime_error("the test ran out of blocks");
    blocks.push_back(free_.back());
    out.push_back(free_.back());
    free_.pop_back();
  }
}

model::StepResult StepDriver::step(const model::StepPlan& plan) {
  const std::atomic<bool> cancel{false};
  HiddenStates hidden[2];
  model::StepResult result;
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const bool last = i + 1 == stages_.size();
    result = must(stages_[i]->execute(plan, i == 0 ? nullptr : &hidden[(i + 1) % 2],
                                      last ? nullptr : &hidden[i % 2], cancel));
  }
  for (const model::SampledRow& row : result.sampled) {
    for (std::size_t i = 0; i + 1 < stages_.size(); ++i)
      stages_[i]->append(row.slot, row.position, row.token.token);
  }
  return result;
}

}  // namespace troupe::gpu
