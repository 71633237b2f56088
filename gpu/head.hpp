// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "gpu/sampler.hpp"
#include "gpu/sequence_table.hpp"
#include "gpu/stage_weights.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {

/// One row whose logits are needed.
struct HeadRow {
  std::uint32_t row = 0;       ///< of the step
  std::uint32_t position = 0;  ///< of the token that the logits are about
  const StageSequence* sequence = nullptr;
  bool sample = false;       ///< choose the token; otherwise score the prompt's token at `position`
  model::ScoredToken token;  ///< the outcome
};

/// The last stage's end: final norm, logits, sampling and scoring, kHeadRows rows at a time.
///
/// Threads: one caller at a time.
class Head {
 public:
  Head(const model::ModelConfig& config, Team& team);

  /// Fills the tokens of `rows`. x: the step's residual [step rows, hidden_size].
  /// Errors: cancelled; internal when logits are not finite.
  model::Result<void> run(Forward& forward, const float* x, std::span<HeadRow> rows,
                          const std::atomic<bool>& cancel);

 private:
  bool finish(HeadRow& row, std::span<const float> logits, Sampler& sampler) const;

  std::uint32_t hidden_;
  std::uint32_t vocab_;
  Team& team_;
  std::vector<float> selected_;    // [kHeadRows, hidden_size]
  std::vector<float> logits_;      // [kHeadRows, vocab_size]
  std::vector<Sampler> samplers_;  // [worker]
};

}  // namespace troupe::gpu
