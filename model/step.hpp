// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/ids.hpp"
#include "model/sampling.hpp"

/// The vocabulary of a step: what the scheduler plans, what the stages execute, what comes back. Plans are
/// deltas: a sequence is introduced to the stages once per generation, later plans only name its slot.
namespace troupe::model {

/// Introduces a sequence to every stage. Its tokens are the prompt followed by the answer accepted so far (a
/// replay after a death has some); the tokens that are sampled later are appended by the stages themselves.
struct SequenceStart {
  Slot slot = 0;
  SequenceId id;
  std::uint32_t ingress = 0;        ///< index into View::ingresses: who gets its tokens
  std::vector<Token> tokens;        ///< history[0, n)
  std::uint32_t prompt_tokens = 0;  ///< of these, how many are the prompt (penalties count the rest)
  SamplingParams sampling;
  std::vector<BlockId> blocks;      ///< leased so far; block i holds positions [32 i, 32 i + 32)
  std::uint32_t cached_tokens = 0;  ///< positions [0, cached) already have their KV in `blocks`
  bool operator==(const SequenceStart&) const = default;
};

/// Appends leased blocks to a sequence's block table.
struct BlockGrant {
  Slot slot = 0;
  std::vector<BlockId> blocks;
  bool operator==(const BlockGrant&) const = default;
};

/// Positions [start, start + count) of one sequence. Position p reads history[p]; when history is one short,
/// the token is the result of the row before, which an earlier step in flight samples. `sample`: the logits
/// of the last row give the token at position start + count.
struct RowRange {
  Slot slot = 0;
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  bool sample = false;
  bool operator==(const RowRange&) const = default;
};

/// One step of the whole batch, applied in this order: forget, start, grants, rows.
struct StepPlan {
  Generation generation = 0;
  StepNumber step = 0;
  std::vector<Slot> forget;
  std::vector<SequenceStart> start;
  std::vector<BlockGrant> grants;
  std::vector<RowRange> rows;
  bool operator==(const StepPlan&) const = default;
};

/// What a row range with `sample` produced.
struct SampledRow {
  SequenceId id;
  Slot slot = 0;
  std::uint32_t ingress = 0;
  std::uint32_t position = 0;  ///< absolute position of the token in prompt + answer
  ScoredToken token;
  bool operator==(const SampledRow&) const = default;
};

/// Log-probabilities of prompt tokens [first, first + scores.size()); scores[i] is of the token at first + i.
struct PromptScores {
  SequenceId id;
  std::uint32_t ingress = 0;
  std::uint32_t first = 0;
  std::vector<ScoredToken> scores;
  bool operator==(const PromptScores&) const = default;
};

/// The outcome of a step, from the last stage.
struct StepResult {
  Generation generation = 0;
  StepNumber step = 0;
  std::vector<SampledRow> sampled;
  std::vector<PromptScores> prompt_scores;
  std::uint64_t compute_microseconds = 0;
  bool operator==(const StepResult&) const = default;
};

}  // namespace troupe::model
