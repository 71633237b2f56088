// SPDX-License-Identifier: Apache-2.0
#include "gpu/executor.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "gpu/head.hpp"
#include "gpu/sequence_table.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;

class Executor final : public StageExecutor {
 public:
  Executor(std::shared_ptr<const StageWeights> weights, std::shared_ptr<KvStore> store,
           const ExecutorOptions& options);

  Result<model::StepResult> execute(const model::StepPlan& plan, const HiddenStates* in, HiddenStates* out,
                                    const std::atomic<bool>& cancel) override;
  void append(model::Slot slot, std::uint32_t position, model::Token token) override;
  void reset() override { sequences_.clear(); }
  void poison_block(model::BlockId block) override {
    if (block < store_->blocks()) store_->poison(block);
  }

 private:
  Result<void> apply(const model::StepPlan& plan);
  void zero_blocks(std::span<const model::BlockId> blocks);
  Result<void> lay_out(const model::StepPlan& plan);
  Result<void> add_tokens(const model::RowRange& range, const StageSequence& sequence);
  Result<void> add_head_rows(const model::RowRange& range, const StageSequence& sequence);
  Result<void> fill_residual(const HiddenStates* in);
  Result<void> run_layers(const std::atomic<bool>& cancel);
  Result<void> finish(const model::StepPlan& plan, model::StepResult& result,
                      const std::atomic<bool>& cancel);

  std::shared_ptr<const StageWeights> weights_;
  std::shared_ptr<KvStore> store_;
  std::uint32_t max_rows_;
  Team team_;
  std::unique_ptr<Forward> forward_;
  std::optional<Head> head_;
  SequenceTable sequences_;
  std::vector<float> residual_;  // [max_rows, hidden_size]

  // The step being executed.
  std::uint32_t rows_ = 0;
  std::vector<SequenceRows> step_;    // one per row range
  std::vector<model::Token> tokens_;  // [rows], on the first stage
  std::vector<HeadRow> head_rows_;    // on the last stage, in the order of the ranges
};

Executor::Executor(std::shared_ptr<const StageWeights> weights, std::shared_ptr<KvStore> store,
                   const ExecutorOptions& options)
    : weights_(std::move(weights)),
      store_(std::move(store)),
      max_rows_(options.max_rows),
      team_(options.threads),
      forward_(weights_->make_forward(options.max_rows, options.max_positions, team_)),
      sequences_({.vocab_size = weights_->config().vocab_size,
                  .max_positions = options.max_positions,
                  .blocks = store_->blocks()}),
      residual_(std::size_t{options.max_rows} * weights_->config().hidden_size) {
  if (weights_->is_last()) head_.emplace(weights_->config(), team_);
}

Result<model::StepResult> Executor::execute(const model::StepPlan& plan, const HiddenStates* in,
                                            HiddenStates* out, const std::atomic<bool>& cancel) {
  const auto started = std::chrono::steady_clock::now();
  const FlushDenormals flush;
  if ((in == nullptr) != weights_->is_first() || (out == nullptr) != weights_->is_last()) {
    return Error{ErrorCode::internal,
                 "step: hidden states come in on all stages but the first, and leave all but the last", ""};
  }
  if (auto ok = apply(plan); !ok) return ok.error();
  if (auto ok = lay_out(plan); !ok) return ok.error();
  if (auto ok = fill_residual(in); !ok) return ok.error();
  if (auto ok = run_layers(cancel); !ok) return ok.error();

  model::StepResult result;
  result.generation = plan.generation;
  result.step = plan.step;
  if (out != nullptr) {
    out->values.assign(residual_.begin(), residual_.begin() + static_cast<std::ptrdiff_t>(rows_) *
                                                                  weights_->config().hidden_size);
  } else if (auto ok = finish(plan, result, cancel); !ok) {
    return ok.error();
  }
  result.compute_microseconds = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started)
          .count());
  return result;
}

void Executor::append(model::Slot slot, std::uint32_t position, model::Token token) {
  StageSequence* sequence = sequences_.find(slot);
  // A token of a sequence that was forgotten meanwhile, or one that a replay already knows, changes nothing.
  if (sequence == nullptr || position != sequence->history().size()) return;
  sequence->start.tokens.push_back(token);
}

Result<void> Executor::apply(const model::StepPlan& plan) {
  for (const model::Slot slot : plan.forget) {
    if (auto ok = sequences_.forget(slot); !ok) return ok;
  }
  for (const model::SequenceStart& start : plan.start) {
    if (auto ok = sequences_.start(start); !ok) return ok;
    const std::size_t cached = (start.cached_tokens + model::kTokensPerBlock - 1) / model::kTokensPerBlock;
    zero_blocks(std::span(start.blocks).subspan(cached));
  }
  for (const model::BlockGrant& grant : plan.grants) {
    if (auto ok = sequences_.grant(grant); !ok) return ok;
    zero_blocks(grant.blocks);
  }
  return {};
}

void Executor::zero_blocks(std::span<const model::BlockId> blocks) {
  team_.run(static_cast<std::uint32_t>(blocks.size()),
            [&](std::uint32_t i, std::uint32_t) { store_->zero(blocks[i]); });
}

Result<void> Executor::lay_out(const model::StepPlan& plan) {
  rows_ = 0;
  step_.clear();
  tokens_.clear();
  head_rows_.clear();
  for (const model::RowRange& range : plan.rows) {
    const auto sequence = sequences_.check(range);
    if (!sequence) return sequence.error();
    if (std::uint64_t{rows_} + range.count > max_rows_) {
      return plan_error(range.slot,
                        "the step has more than the " + std::to_string(max_rows_) + " rows of a stage");
    }
    if (weights_->is_first()) {
      if (auto ok = add_tokens(range, **sequence); !ok) return ok;
    }
    if (weights_->is_last()) {
      if (auto ok = add_head_rows(range, **sequence); !ok) return ok;
    }
    (*sequence)->filled = std::max((*sequence)->filled, range.start + range.count);
    step_.push_back(
        {.first = rows_, .count = range.count, .start = range.start, .blocks = (*sequence)->start.blocks});
    rows_ += range.count;
  }
  return {};
}

Result<void> Executor::add_tokens(const model::RowRange& range, const StageSequence& sequence) {
  const auto& history = sequence.history();
  if (std::size_t{range.start} + range.count > history.size()) {
    return plan_error(range.slot,
                      "the token at position " + std::to_string(history.size()) + " is not known yet");
  }
  const auto first = history.begin() + range.start;
  tokens_.insert(tokens_.end(), first, first + range.count);
  return {};
}

Result<void> Executor::add_head_rows(const model::RowRange& range, const StageSequence& sequence) {
  const std::uint32_t end = range.start + range.count;
  if (sequence.start.sampling.prompt_logprobs >= 0) {
    for (std::uint32_t position = range.start + 1; position <= end; ++position) {
      if (position >= sequence.start.prompt_tokens) break;
      head_rows_.push_back({.row = rows_ + position - 1 - range.start,
                            .position = position,
                            .sequence = &sequence,
                            .sample = false,
                            .token = {}});
    }
  }
  if (!range.sample) return {};
  if (end > sequence.history().size()) {
    return plan_error(range.slot, "the token at position " + std::to_string(sequence.history().size()) +
                                      " is not known yet");
  }
  head_rows_.push_back(
      {.row = rows_ + range.count - 1, .position = end, .sequence = &sequence, .sample = true, .token = {}});
  return {};
}

Result<void> Executor::fill_residual(const HiddenStates* in) {
  if (in == nullptr) {
    forward_->embed(tokens_, residual_.data());
    return {};
  }
  const std::size_t expected = std::size_t{rows_} * weights_->config().hidden_size;
  if (in->values.size() != expected) {
    return Error{ErrorCode::internal,
                 "step: " + std::to_string(in->values.size()) + " hidden values came for a plan that needs " +
                     std::to_string(expected),
                 ""};
  }
  std::copy(in->values.begin(), in->values.end(), residual_.begin());
  return {};
}

Result<void> Executor::run_layers(const std::atomic<bool>& cancel) {
  const StepRows step{.count = rows_, .sequences = step_};
  for (std::uint32_t i = 0; i < weights_->layers().count(); ++i) {
    if (cancel.load(std::memory_order_relaxed)) return Error{ErrorCode::cancelled, "step abandoned", ""};
    if (rows_ > 0) forward_->layer(i, step, store_->layer(i), residual_.data());
  }
  return {};
}

Result<void> Executor::finish(const model::StepPlan& plan, model::StepResult& result,
                              const std::atomic<bool>& cancel) {
  if (auto ok = head_->run(*forward_, residual_.data(), head_rows_, cancel); !ok) return ok;
  auto row = head_rows_.begin();
  for (const model::RowRange& range : plan.rows) {
    StageSequence& sequence = *sequences_.find(range.slot);
    const model::SequenceStart& start = sequence.start;
    model::PromptScores scores{
        .id = start.id, .ingress = start.ingress, .first = range.start + 1, .scores = {}};
    // The rows of a range lie together: its scores, then its sample.
    for (; row != head_rows_.end() && row->sequence == &sequence && !row->sample; ++row) {
      if (row->position <= range.start || row->position > range.start + range.count) break;
      scores.scores.push_back(std::move(row->token));
    }
    if (!scores.scores.empty()) result.prompt_scores.push_back(std::move(scores));
    if (!range.sample) continue;
    append(range.slot, row->position, row->token.token);
    result.sampled.push_back({.id = start.id,
                              .slot = range.slot,
                              .ingress = start.ingress,
                              .position = row->position,
                              .token = std::move(row->token)});
    ++row;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<StageExecutor>> make_executor(std::shared_ptr<const StageWeights> weights,
                                                     std::shared_ptr<KvStore> store,
                                                     const ExecutorOptions& options) {
  if (store->layout() != weights->kv_layout() || store->layers() != weights->layers().count()) {
    return Error{ErrorCode::bad_config, "the KV store was made for other layers or another precision", ""};
  }
  ExecutorOptions full = options;
  const std::uint32_t most = weights->config().max_position_embeddings;
  if (full.max_positions == 0) full.max_positions = most;
  if (full.max_positions > most) {
    return Error{ErrorCode::bad_config,
                 "max_model_len " + std::to_string(full.max_positions) + " exceeds the " +
                     std::to_string(most) + " positions of the model",
                 "max_model_len"};
  }
  full.max_rows = std::max(full.max_rows, 1U);
  return std::unique_ptr<StageExecutor>(
      std::make_unique<Executor>(std::move(weights), std::move(store), full));
}

}  // namespace troupe::gpu
