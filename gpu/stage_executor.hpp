// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/kv_layout.hpp"
#include "model/step.hpp"

namespace troupe::gpu {

/// The hidden states of a step between two stages: float32 [rows, hidden_size], row-major, rows in the plan's
/// order.
struct HiddenStates {
  std::vector<float> values;
  /// Tokens that the last stage sampled travel back to the stages that need the history, not in here.
};

/// Executes one stage's layers for one step after another: what a stage's compute side drives. Owns a view of
/// the weights and of the KV store; remembers the sequences that plans introduced.
///
/// Threads: one caller at a time (the compute actor); it spreads the work over its own Team.
/// Errors: a plan that breaks the rules (unknown slot, a position without a block, a missing token) is an
/// Error `internal` that names the slot; the executor then is in an undefined state and must be dropped.
class StageExecutor {
 public:
  virtual ~StageExecutor() = default;

  /// Applies the plan's forget, start, grants, then runs its rows through this stage's layers.
  /// `in` is null on stage 0; `out` is null on the last stage, which fills the result's sampled tokens
  /// instead. `cancel` is looked at between layers: when it turns true the step is abandoned with Error
  /// `cancelled`, and only `reset` may follow.
  virtual model::Result<model::StepResult> execute(const model::StepPlan& plan, const HiddenStates* in,
                                                   HiddenStates* out, const std::atomic<bool>& cancel) = 0;

  /// Appends a token sampled by the last stage to the history of its sequence, on a stage that is not the
  /// last.
  virtual void append(model::Slot slot, std::uint32_t position, model::Token token) = 0;

  /// Forgets every sequence (a new generation begins). KV bytes stay.
  virtual void reset() = 0;

  /// Fills a block with NaN in every layer of this stage: tests show that free blocks are never read.
  virtual void poison_block(model::BlockId block) = 0;
};

/// The KV bytes of one stage. Outlives the actor, so that a restarted stage finds them where they were.
class KvStore;
/// The weights of a range of layers as the kernels read them; immutable, shared by restarts.
class StageWeights;

/// What a deployment chose about numerics. Part of the fingerprint: mismatched stages refuse each other.
struct NumericsOptions {
  bool float32 = false;  ///< --dtype float32: the reference precision
  std::string isa =
      "auto";  ///< auto, amx, avx512, avx2, portable: what the fast path may use; bits do not depend on it
  std::uint32_t threads = 0;  ///< 0: one per physical core
};

}  // namespace troupe::gpu
