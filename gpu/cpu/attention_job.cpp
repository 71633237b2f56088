// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/attention_job.hpp"

#include <algorithm>

#include "gpu/team.hpp"

namespace troupe::gpu::cpu {
namespace {

constexpr std::uint32_t kTilesPerSplit = 512 / model::kTokensPerBlock;
/// With fewer units per thread than this, splits are worth their extra pass.
constexpr std::uint32_t kUnitsPerThread = 4;

std::uint32_t divide_up(std::uint32_t n, std::uint32_t by) {
  return (n + by - 1) / by;
}

std::uint32_t splits_up_to(std::uint32_t position) {
  return position / (kTilesPerSplit * model::kTokensPerBlock) + 1;
}

}  // namespace

struct AttentionJob::Step {
  const AttentionShape& shape;
  const StepRows& rows;
  const float* qkv;
  const KvLayer& kv;
  float* out;
  std::uint32_t heads_per_kv;
  std::uint32_t head_parts;      // a KV head with more query heads than a tile is several units
  std::uint32_t heads_per_part;  // the last part may have fewer
  std::uint32_t positions_per_unit;
  std::uint32_t units;
};

struct AttentionJob::Unit {
  const SequenceRows* sequence;
  std::uint32_t head;  // the first query head
  std::uint32_t heads;
  std::uint32_t first;  // row within the sequence
  std::uint32_t positions;
  std::uint32_t splits;
};

AttentionJob::AttentionJob(const Kernels& kernels, const OpLimits& limits, Team& team)
    : kernels_(kernels), team_(team) {
  const std::size_t state = (std::size_t{limits.attention.head_dim} + 31) / 32 * 32 + 16;
  state_floats_ = kernels.query_tile * state;
  query_floats_ = (std::size_t{limits.attention.head_dim} * kernels.query_tile + 15) / 16 * 16;
  scratch_floats_ = query_floats_ + 2 * state_floats_;
  max_splits_ = splits_up_to(std::max(limits.max_positions, 1U) - 1);
  scratch_ = Memory(team.size() * scratch_floats_ * sizeof(float));
  splits_ = Memory(std::size_t{kUnitsPerThread} * team.size() * max_splits_ * state_floats_ * sizeof(float));
  first_units_ = Memory((std::size_t{limits.max_rows} + 1) * sizeof(std::uint32_t));
}

void AttentionJob::run(const AttentionShape& shape, const StepRows& rows, const float* qkv, const KvLayer& kv,
                       float* out) {
  Step step{shape, rows, qkv, kv, out, shape.heads / shape.kv_heads, 0, 0, 0, 0};
  step.head_parts = divide_up(step.heads_per_kv, kernels_.query_tile);
  step.heads_per_part = divide_up(step.heads_per_kv, step.head_parts);
  step.positions_per_unit = kernels_.query_tile / step.heads_per_part;
  auto* const first_units = first_units_.as<std::uint32_t>();
  std::uint32_t last = 0;
  for (std::size_t s = 0; s < rows.sequences.size(); ++s) {
    const SequenceRows& sequence = rows.sequences[s];
    first_units[s] = step.units;
    step.units += shape.kv_heads * step.head_parts * divide_up(sequence.count, step.positions_per_unit);
    if (sequence.count != 0) last = std::max(last, sequence.start + sequence.count - 1);
  }
  if (step.units < kUnitsPerThread * team_.size() && splits_up_to(last) > 1 && team_.size() > 1) {
    run_splits(step);
  } else {
    run_units(step);
  }
}

AttentionJob::Unit AttentionJob::unit(const Step& step, std::uint32_t index) const {
  const auto* first_units = first_units_.as<const std::uint32_t>();
  const std::size_t sequences = step.rows.sequences.size();
  const auto* after = std::upper_bound(first_units, first_units + sequences, index);
  const SequenceRows& sequence = step.rows.sequences[static_cast<std::size_t>(after - first_units) - 1];
  index -= after[-1];
  const std::uint32_t groups = divide_up(sequence.count, step.positions_per_unit);
  const std::uint32_t part = index / groups;
  const std::uint32_t in_kv_head = part % step.head_parts * step.heads_per_part;
  Unit u{};
  u.sequence = &sequence;
  u.head = part / step.head_parts * step.heads_per_kv + in_kv_head;
  u.heads = std::min(step.heads_per_part, step.heads_per_kv - in_kv_head);
  u.first = index % groups * step.positions_per_unit;
  u.positions = std::min(step.positions_per_unit, sequence.count - u.first);
  u.splits = splits_up_to(sequence.start + u.first + u.positions - 1);
  return u;
}

void AttentionJob::attend_split(const Step& step, const Unit& u, std::uint32_t split, std::uint32_t worker,
                                float* states) const {
  const std::size_t head_dim = step.shape.head_dim;
  AttentionTask task;
  task.q_stride = step.shape.qkv_width();
  task.q = step.qkv + (u.sequence->first + u.first) * task.q_stride + u.head * head_dim;
  task.positions = u.positions;
  task.heads = u.heads;
  task.head_dim = step.shape.head_dim;
  task.start = u.sequence->start + u.first;
  task.scale = step.shape.scale;
  task.kv = step.kv.base + std::size_t{u.head / step.heads_per_kv} * 128 * head_dim;
  task.block_bytes = step.kv.block_stride;
  task.blocks = u.sequence->blocks.data();
  task.first_tile = split * kTilesPerSplit;
  task.end_tile = task.first_tile + kTilesPerSplit;
  task.scratch = scratch(worker);
  task.states = states;
  kernels_.attend(task);
}

void AttentionJob::finish(const Step& step, const Unit& u, const float* states) const {
  const std::size_t head_dim = step.shape.head_dim;
  const std::size_t width = step.shape.heads * head_dim;
  const std::size_t state = state_floats_ / kernels_.query_tile;
  for (std::uint32_t i = 0; i < u.positions * u.heads; ++i) {
    const std::size_t row = u.sequence->first + u.first + i / u.heads;
    kernels_.finish_query(states + i * state, step.shape.head_dim,
                          step.out + row * width + (u.head + i % u.heads) * head_dim);
  }
}

void AttentionJob::run_units(const Step& step) const {
  team_.run(step.units, [&](std::uint32_t item, std::uint32_t worker) {
    // Later positions see more tokens: the longest units first, so that the last ones are short.
    const Unit u = unit(step, step.units - 1 - item);
    float* states = scratch(worker) + query_floats_;
    float* later = states + state_floats_;
    attend_split(step, u, 0, worker, states);
    for (std::uint32_t split = 1; split < u.splits; ++split) {
      attend_split(step, u, split, worker, later);
      kernels_.merge_splits(states, later, u.positions * u.heads, step.shape.head_dim);
    }
    finish(step, u, states);
  });
}

void AttentionJob::run_splits(const Step& step) const {
  const auto states_of = [&](std::uint32_t index, std::uint32_t split) {
    return splits_.as<float>() + (std::size_t{index} * max_splits_ + split) * state_floats_;
  };
  team_.run(step.units * max_splits_, [&](std::uint32_t item, std::uint32_t worker) {
    const std::uint32_t index = item / max_splits_;
    const std::uint32_t split = item % max_splits_;
    const Unit u = unit(step, index);
    if (split < u.splits) attend_split(step, u, split, worker, states_of(index, split));
  });
  team_.run(step.units, [&](std::uint32_t index, std::uint32_t) {
    const Unit u = unit(step, index);
    float* states = states_of(index, 0);
    for (std::uint32_t split = 1; split < u.splits; ++split) {
      kernels_.merge_splits(states, states_of(index, split), u.positions * u.heads, step.shape.head_dim);
    }
    finish(step, u, states);
  });
}

}  // namespace troupe::gpu::cpu
