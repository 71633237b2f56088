// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/memory.hpp"
#include "gpu/op_set.hpp"

namespace troupe::gpu::cpu {

/// Spreads attention over a team. A unit is the query heads of one KV head at a few positions of one
/// sequence. Where units are few and sequences long, the splits of a unit run on different threads; each
/// split's state is formed alone and merged in ascending order either way, so the bits are the same.
class AttentionJob {
 public:
  AttentionJob(const Kernels& kernels, const OpLimits& limits, Team& team);

  /// out: [step.count, heads * head_dim].
  void run(const AttentionShape& shape, const StepRows& step, const float* qkv, const KvLayer& kv,
           float* out);

 private:
  struct Step;
  struct Unit;
  Unit unit(const Step& step, std::uint32_t index) const;
  void attend_split(const Step& step, const Unit& unit, std::uint32_t split, std::uint32_t worker,
                    float* states) const;
  void finish(const Step& step, const Unit& unit, const float* states) const;
  void run_units(const Step& step) const;
  void run_splits(const Step& step) const;

  float* scratch(std::uint32_t worker) const { return scratch_.as<float>() + worker * scratch_floats_; }

  const Kernels& kernels_;
  Team& team_;
  std::size_t state_floats_;  // of all queries of a unit
  std::size_t query_floats_;
  std::size_t scratch_floats_;
  std::uint32_t max_splits_;
  Memory scratch_;      // [threads][scaled queries, states, states of a later split]
  Memory splits_;       // [units < 4 threads][splits][states]
  Memory first_units_;  // [max_rows + 1]
};

}  // namespace troupe::gpu::cpu
