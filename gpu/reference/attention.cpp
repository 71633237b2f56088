// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "gpu/elementary.hpp"
#include "gpu/lanes.hpp"
#include "gpu/reference/reference_ops.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {
namespace {

constexpr std::uint32_t kTile = model::kTokensPerBlock;
constexpr std::uint32_t kSplit = 512;

/// Softmax-weighted sum of values over some positions: sum_t e^(s_t - maximum) v_t, with the sum of the
/// weights. Source: Milakov and Gimelshein 2018, Online normalizer calculation for softmax.
struct Partial {
  float maximum = -std::numeric_limits<float>::infinity();
  float weight = 0;
  float* sum;  // [head_dim]
};

/// Gives the accumulated sums a new maximum.
void rescale(Partial& partial, float maximum, std::uint32_t head_dim) {
  const float factor = exponential(partial.maximum - maximum);
  partial.maximum = maximum;
  partial.weight *= factor;
  for (std::uint32_t d = 0; d < head_dim; ++d) partial.sum[d] *= factor;
}

/// Adds the first `count` tokens of one block.
void add_tile(Partial& partial, const float* q, float scale, const float* keys, std::uint32_t count,
              std::uint32_t head_dim) {
  const float* values = keys + std::size_t{kTile} * head_dim;
  float scores[kTile];
  float maximum = partial.maximum;
  for (std::uint32_t t = 0; t < count; ++t) {
    dot_in_lanes<1>(q, keys + std::size_t{t} * head_dim, head_dim, head_dim, &scores[t]);
    scores[t] *= scale;
    maximum = std::max(maximum, scores[t]);
  }
  rescale(partial, maximum, head_dim);
  for (std::uint32_t t = 0; t < count; ++t) {
    const float probability = exponential(scores[t] - maximum);
    partial.weight += probability;
    const float* v = values + std::size_t{t} * head_dim;
    for (std::uint32_t d = 0; d < head_dim; ++d) partial.sum[d] += probability * v[d];
  }
}

/// Adds a later split's partial to the total.
void merge(Partial& total, Partial& part, std::uint32_t head_dim) {
  const float maximum = std::max(total.maximum, part.maximum);
  rescale(total, maximum, head_dim);
  rescale(part, maximum, head_dim);
  total.weight += part.weight;
  for (std::uint32_t d = 0; d < head_dim; ++d) total.sum[d] += part.sum[d];
}

/// One row, one head. `memory`: two sums.
void attend(const AttentionShape& shape, const float* q, std::uint32_t position, const SequenceRows& sequence,
            const KvLayer& kv, std::uint32_t kv_head_index, float* memory, float* out) {
  const std::uint32_t length = position + 1;
  std::fill_n(memory, std::size_t{shape.head_dim} * 2, 0.0F);
  Partial total{.sum = memory};
  for (std::uint32_t split = 0; split < length; split += kSplit) {
    Partial part{.sum = memory + shape.head_dim};
    std::fill_n(part.sum, shape.head_dim, 0.0F);
    for (std::uint32_t tile = split; tile < std::min(length, split + kSplit); tile += kTile) {
      const float* keys = kv_head(kv, sequence.blocks[tile / kTile], shape, kv_head_index);
      add_tile(part, q, shape.scale, keys, std::min(kTile, length - tile), shape.head_dim);
    }
    merge(total, part, shape.head_dim);
  }
  for (std::uint32_t d = 0; d < shape.head_dim; ++d) out[d] = total.sum[d] / total.weight;
}

}  // namespace

void ReferenceOps::attention(const AttentionShape& shape, const StepRows& step, const float* qkv,
                             const KvLayer& kv, const Linear& consumer, Rows& out) {
  auto& result = static_cast<ReferenceRows&>(out);
  result.count = step.count;
  place_rows(step);
  const std::uint32_t heads_per_kv_head = shape.heads / shape.kv_heads;
  team_.run(step.count * shape.heads, [&](std::uint32_t item, std::uint32_t worker) {
    const std::uint32_t row = item / shape.heads;
    const std::uint32_t head = item % shape.heads;
    const auto [sequence, position] = places_[row];
    const float* q = qkv + std::size_t{row} * shape.qkv_width() + std::size_t{head} * shape.head_dim;
    float* sums =
        result.values.data() + std::size_t{row} * consumer.inputs() + std::size_t{head} * shape.head_dim;
    attend(shape, q, position, *sequence, kv, head / heads_per_kv_head, scratch_[worker].data(), sums);
  });
}

}  // namespace troupe::gpu
