// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/cpu_ops.hpp"

#include <algorithm>

#include "gpu/cpu/multiply.hpp"
#include "gpu/rope_table.hpp"

namespace troupe::gpu::cpu {
namespace {

/// body(row, worker) for every row. A row takes less than a microsecond, so a few rows stay on one thread.
template <class Body>
void each_row(Team& team, std::uint32_t rows, Body body) {
  constexpr std::uint32_t kAlone = 2;
  constexpr std::uint32_t kMostPerItem = 8;
  const std::uint32_t per_item =
      rows <= kAlone ? kAlone : std::clamp<std::uint32_t>(rows / (2 * team.size()), 1, kMostPerItem);
  team.run((rows + per_item - 1) / per_item, [&](std::uint32_t item, std::uint32_t worker) {
    const std::uint32_t end = std::min(rows, (item + 1) * per_item);
    for (std::uint32_t row = item * per_item; row < end; ++row) body(row, worker);
  });
}

const PackedLinear& packed(const Linear& linear) {
  return static_cast<const PackedLinear&>(linear);
}

}  // namespace

CpuOps::CpuOps(const Kernels& kernels, const OpLimits& limits, Team& team)
    : kernels_(kernels),
      team_(team),
      scratch_stride_((std::size_t{limits.max_width} + 31) / 16 * 16),
      scratch_(team.size() * scratch_stride_ * sizeof(float)),
      attention_out_(std::size_t{limits.max_rows} * limits.attention.heads * limits.attention.head_dim *
                     sizeof(float)),
      sequence_of_row_(limits.max_rows * sizeof(std::uint32_t)),
      attention_(kernels, limits, team) {}

std::unique_ptr<Rows> CpuOps::make_rows(std::uint32_t max_rows, std::uint32_t max_width) const {
  return std::make_unique<PackedRows>(max_rows, max_width);
}

void CpuOps::rms_norm(const float* x, std::uint32_t rows, const float* gain, float eps,
                      const Linear& consumer, Rows& out) {
  auto& filled = static_cast<PackedRows&>(out);
  filled.begin(rows, packed(consumer));
  const std::uint32_t width = consumer.inputs();
  each_row(team_, rows, [&](std::uint32_t row, std::uint32_t worker) {
    kernels_.rms_norm(x + std::size_t{row} * width, gain, eps, width, row_scratch(worker), filled.sink(row));
  });
}

void CpuOps::linear(const Linear& weight, const Rows& in, float* out, Epilogue epilogue) {
  const auto& rows = static_cast<const PackedRows&>(in);
  multiply(kernels_, packed(weight), rows.view(), rows.count(), out, epilogue, team_);
}

void CpuOps::rope_and_write_kv(const AttentionShape& shape, const RopeTable& rope, const StepRows& step,
                               float* qkv, const KvLayer& kv) {
  auto* const sequence_of_row = sequence_of_row_.as<std::uint32_t>();
  for (std::uint32_t s = 0; s < step.sequences.size(); ++s) {
    const SequenceRows& rows = step.sequences[s];
    std::fill_n(sequence_of_row + rows.first, rows.count, s);
  }
  const std::size_t head_dim = shape.head_dim;
  each_row(team_, step.count, [&](std::uint32_t row, std::uint32_t) {
    const SequenceRows& sequence = step.sequences[sequence_of_row[row]];
    const std::uint32_t position = sequence.start + row - sequence.first;
    float* q = qkv + std::size_t{row} * shape.qkv_width();
    kernels_.rotate(q, shape.heads + shape.kv_heads, shape.head_dim, rope.cosine(position),
                    rope.sine(position));
    const float* k = q + shape.heads * head_dim;
    const float* v = k + shape.kv_heads * head_dim;
    std::byte* at = kv.block(sequence.blocks[position / model::kTokensPerBlock]);
    for (std::uint32_t head = 0; head < shape.kv_heads; ++head) {
      kernels_.write_kv(k, v, shape.head_dim, position % model::kTokensPerBlock, at, at + 64 * head_dim);
      k += head_dim;
      v += head_dim;
      at += 128 * head_dim;
    }
  });
}

void CpuOps::attention(const AttentionShape& shape, const StepRows& step, const float* qkv, const KvLayer& kv,
                       const Linear& consumer, Rows& out) {
  float* const heads = attention_out_.as<float>();
  attention_.run(shape, step, qkv, kv, heads);
  auto& filled = static_cast<PackedRows&>(out);
  filled.begin(step.count, packed(consumer));
  const std::uint32_t width = consumer.inputs();
  each_row(team_, step.count, [&](std::uint32_t row, std::uint32_t) {
    kernels_.emit_floats(heads + std::size_t{row} * width, width, filled.sink(row));
  });
}

void CpuOps::silu_multiply(const float* gate_up, std::uint32_t rows, const Linear& consumer, Rows& out) {
  auto& filled = static_cast<PackedRows&>(out);
  filled.begin(rows, packed(consumer));
  const std::uint32_t width = consumer.inputs();
  each_row(team_, rows, [&](std::uint32_t row, std::uint32_t worker) {
    kernels_.silu_multiply(gate_up + std::size_t{row} * 2 * width, width, row_scratch(worker),
                           filled.sink(row));
  });
}

}  // namespace troupe::gpu::cpu
