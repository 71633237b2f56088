// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "gpu/elementary.hpp"
#include "gpu/lanes.hpp"
#include "gpu/reference/reference_ops.hpp"
#include "gpu/rope_table.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {

void ReferenceOps::rms_norm(const float* x, std::uint32_t rows, const float* gain, float eps,
                            const Linear& consumer, Rows& out) {
  auto& result = static_cast<ReferenceRows&>(out);
  const std::uint32_t width = consumer.inputs();
  result.count = rows;
  team_.run(rows, [&](std::uint32_t row, std::uint32_t) {
    const float* in = x + std::size_t{row} * width;
    float* normed = result.values.data() + std::size_t{row} * width;
    const float squares = sum_in_lanes(width, [&](std::uint32_t k) { return in[k] * in[k]; });
    const float inverse = 1.0F / std::sqrt(squares / static_cast<float>(width) + eps);
    for (std::uint32_t k = 0; k < width; ++k) normed[k] = in[k] * inverse * gain[k];
  });
}

void ReferenceOps::silu_multiply(const float* gate_up, std::uint32_t rows, const Linear& consumer,
                                 Rows& out) {
  auto& result = static_cast<ReferenceRows&>(out);
  const std::uint32_t width = consumer.inputs();
  result.count = rows;
  team_.run(rows, [&](std::uint32_t row, std::uint32_t) {
    const float* gate = gate_up + std::size_t{row} * 2 * width;
    const float* up = gate + width;
    float* product = result.values.data() + std::size_t{row} * width;
    for (std::uint32_t k = 0; k < width; ++k) product[k] = gate[k] / (1.0F + exponential(-gate[k])) * up[k];
  });
}

void ReferenceOps::place_rows(const StepRows& step) {
  for (const SequenceRows& sequence : step.sequences) {
    for (std::uint32_t i = 0; i < sequence.count; ++i) {
      places_[sequence.first + i] = {&sequence, sequence.start + i};
    }
  }
}

namespace {

void rotate_pairs(float* head, std::uint32_t head_dim, const float* cosine, const float* sine) {
  for (std::uint32_t i = 0; i < head_dim / 2; ++i) {
    const float a = head[2 * i];
    const float b = head[2 * i + 1];
    head[2 * i] = a * cosine[i] - b * sine[i];
    head[2 * i + 1] = a * sine[i] + b * cosine[i];
  }
}

}  // namespace

void ReferenceOps::rope_and_write_kv(const AttentionShape& shape, const RopeTable& rope, const StepRows& step,
                                     float* qkv, const KvLayer& kv) {
  place_rows(step);
  team_.run(step.count, [&](std::uint32_t row, std::uint32_t) {
    const auto [sequence, position] = places_[row];
    float* q = qkv + std::size_t{row} * shape.qkv_width();
    float* k = q + std::size_t{shape.heads} * shape.head_dim;
    const float* v = k + std::size_t{shape.kv_heads} * shape.head_dim;
    for (std::uint32_t h = 0; h < shape.heads + shape.kv_heads; ++h) {
      rotate_pairs(q + std::size_t{h} * shape.head_dim, shape.head_dim, rope.cosine(position),
                   rope.sine(position));
    }
    const model::BlockId block = sequence->blocks[position / model::kTokensPerBlock];
    const std::size_t place = std::size_t{position % model::kTokensPerBlock} * shape.head_dim;
    const std::size_t plane = std::size_t{model::kTokensPerBlock} * shape.head_dim;
    for (std::uint32_t h = 0; h < shape.kv_heads; ++h) {
      float* head = kv_head(kv, block, shape, h);
      std::copy_n(k + std::size_t{h} * shape.head_dim, shape.head_dim, head + place);
      std::copy_n(v + std::size_t{h} * shape.head_dim, shape.head_dim, head + plane + place);
    }
  });
}

}  // namespace troupe::gpu
