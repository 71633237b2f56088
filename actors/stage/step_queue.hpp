// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "actors/payloads.hpp"
#include "gpu/stage_executor.hpp"

namespace troupe::actors {

/// A step whose parts are all here.
struct ReadyStep {
  model::StepPlan plan;
  std::shared_ptr<const gpu::HiddenStates> hidden;  ///< null on stage 0
};

/// Joins what a step needs before a stage can run it: its plan, the hidden states of the stage before, and on
/// stage 0 of a longer pipeline the tokens that the last stage sampled. Steps come out in their order, one by
/// one; what belongs to another generation never comes out.
///
/// Bound: the scheduler keeps at most stages + 1 steps in flight.
class StepQueue {
 public:
  /// `stage` of `stages`; everything older is dropped.
  void reset(Generation generation, std::uint32_t stage, std::uint32_t stages);

  void add(model::StepPlan&& plan);
  void add(Generation generation, StepNumber step, std::shared_ptr<const gpu::HiddenStates> hidden);
  /// Returns the tokens that this stage's executor must append (stage 0 of a longer pipeline): those of slots
  /// that still belong to the sequence they were sampled for.
  std::vector<FedToken> add(const TokenFeed& feed);

  /// The next step, once it can run.
  std::optional<ReadyStep> next();

 private:
  struct KnownSlot {
    StepNumber since = 0;      ///< the step that introduced its sequence
    std::uint32_t tokens = 0;  ///< history[0, tokens) is known here
  };
  bool tokens_known(const model::StepPlan& plan) const;
  void note_starts(const model::StepPlan& plan);

  Generation generation_ = 0;
  std::uint32_t stage_ = 0;
  std::uint32_t stages_ = 1;
  StepNumber next_step_ = 1;  ///< a generation's steps are numbered from 1
  std::deque<model::StepPlan> plans_;
  std::map<StepNumber, std::shared_ptr<const gpu::HiddenStates>> hidden_;
  std::map<model::Slot, KnownSlot> slots_;
};

}  // namespace troupe::actors
