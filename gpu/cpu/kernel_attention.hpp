// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernel_exp.hpp"
#include "gpu/cpu/kernels.hpp"

// Attention in tiles of 32 tokens with a running maximum (Dao et al. 2022, FlashAttention, algorithm 1). The
// queries of a task share the loads of a tile; each query's arithmetic is its own:
//   score = q . k, one fused multiply-add per dimension, ascending; q already carries the scale;
//   p = exp(score - maximum), exactly 0 beyond the query's position; sums of p by add_lanes(p_low + p_high);
//   out = out * correction, then one fused multiply-add per token, ascending, up to the query's position.
// A token beyond the query's position is never multiplied, so what lies there cannot show, not even NaN.
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

inline constexpr std::ptrdiff_t kTileTokens = 32;

/// The queries of a task while they pass over a split.
struct Queries {
  const float* q;      // [head_dim][stride], scaled
  std::size_t stride;  // queries of the task
  std::size_t head_dim;
  float* states;  // [stride][state_floats(head_dim)]: out, then maximum and sum
  std::size_t state_stride;
};

TROUPE_INLINE std::size_t padded(std::size_t head_dim) {
  return (head_dim + 31) / 32 * 32;
}

/// The K and V of a tile's tokens, and what to bring into the cache meanwhile: blocks lie anywhere, so the
/// hardware cannot guess the next one.
struct Tile {
  const std::byte* keys;
  const std::byte* values;
  const std::byte* next;  // as many bytes as this tile
};

/// scores[r][32] of R queries from `first` on.
template <int R>
void score_tile(const Queries& queries, std::uint32_t first, const Tile& tile, float* scores) {
  const std::byte* keys = tile.keys;
  const std::byte* next = tile.next;
  Floats low[R];
  Floats high[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) low[r] = high[r] = zeros();
  const float* q = queries.q + first;
  for (std::uint32_t d = 0; d < queries.head_dim; ++d, keys += 64, q += queries.stride) {
    prefetch(next);
    next += 64;
    const Ints pairs = load_ints(keys);
    const Floats k_low = as_floats(left32<16>(pairs));
    const Floats k_high = as_floats(pairs & splat_int(-0x10000));
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      low[r] = fused(splat(q[r]), k_low, low[r]);
      high[r] = fused(splat(q[r]), k_high, high[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    store(scores + kTileTokens * r, low[r]);
    store(scores + kTileTokens * r + 16, high[r]);
  }
}

/// Turns the scores of `count` tokens into probabilities relative to the new maximum; corrections[r] is what
/// everything summed so far must be multiplied by.
template <int R>
TROUPE_INLINE void soften(const Queries& queries, std::uint32_t first, int count, float* scores,
                          float* corrections) {
  const Floats nothing = splat(-__builtin_inff());
  alignas(64) float before[16];
  alignas(64) float after[16];
  store(before, zeros());
  store(after, zeros());
  float* state = queries.states + first * queries.state_stride + padded(queries.head_dim);
  for (int r = 0; r < R; ++r) {
    const Floats low = first_else(count, load(scores + kTileTokens * r), nothing);
    const Floats high = first_else(count - 16, load(scores + kTileTokens * r + 16), nothing);
    before[r] = state[r * queries.state_stride];
    const float largest = max_lanes(maximum(low, high));
    after[r] = before[r] > largest ? before[r] : largest;
    state[r * queries.state_stride] = after[r];
  }
  store(corrections, exponential(load(before) - load(after)));
  for (int r = 0; r < R; ++r) {
    const Floats maximum_of_row = splat(after[r]);
    float* p = scores + kTileTokens * r;
    const Floats low = first_else(count, exponential(load(p) - maximum_of_row), zeros());
    const Floats high = first_else(count - 16, exponential(load(p + 16) - maximum_of_row), zeros());
    store(p, low);
    store(p + 16, high);
    float& sum = state[r * queries.state_stride + 1];
    sum = __builtin_fmaf(sum, corrections[r], add_lanes(low + high));
  }
}

/// out = out * correction + p V for 32 dimensions of R queries.
template <int R>
TROUPE_INLINE void add_values(const float* p, int count, const std::byte* values, const std::byte* next,
                              std::size_t token_bytes, const float* corrections, float* out,
                              std::size_t out_stride) {
  Floats low[R];
  Floats high[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    low[r] = load(out + r * out_stride) * splat(corrections[r]);
    high[r] = load(out + r * out_stride + 16) * splat(corrections[r]);
  }
  for (int t = 0; t < count; ++t, values += token_bytes, next += 64, ++p) {
    prefetch(next);
    const Ints pairs = load_ints(values);
    const Floats v_low = as_floats(left32<16>(pairs));
    const Floats v_high = as_floats(pairs & splat_int(-0x10000));
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      low[r] = fused(splat(p[kTileTokens * r]), v_low, low[r]);
      high[r] = fused(splat(p[kTileTokens * r]), v_high, high[r]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    store(out + r * out_stride, low[r]);
    store(out + r * out_stride + 16, high[r]);
  }
}

/// Brings the dimensions after the last whole 32 of each token, which are stored in plain order, into the
/// order of the others.
TROUPE_INLINE void gather_rest(const std::byte* values, std::size_t token_bytes, int count, std::size_t rest,
                               std::uint16_t* out) {
  for (int t = 0; t < count; ++t) {
    for (std::uint32_t i = 0; i < rest; ++i) {
      __builtin_memcpy(out + 32 * t + 2 * (i % 16) + i / 16, values + t * token_bytes + 2 * i, 2);
    }
  }
}

/// One tile of `count` visible tokens for R queries from `first` on.
template <int R>
void attend_tile(const Queries& queries, std::uint32_t first, int count, const Tile& tile) {
  alignas(64) float scores[R * kTileTokens];
  alignas(64) float corrections[16];
  score_tile<R>(queries, first, tile, scores);
  soften<R>(queries, first, count, scores, corrections);
  float* out = queries.states + first * queries.state_stride;
  const std::size_t token_bytes = std::size_t{2} * queries.head_dim;
  std::uint32_t d = 0;
  for (; d + 32 <= queries.head_dim; d += 32) {
    add_values<R>(scores, count, tile.values + 2 * d, tile.next + 64 * (queries.head_dim + d), token_bytes,
                  corrections, out + d, queries.state_stride);
  }
  if (d == queries.head_dim) return;
  alignas(64) std::uint16_t rest[kTileTokens * 32] = {};
  gather_rest(tile.values + 2 * d, token_bytes, count, queries.head_dim - d, rest);
  add_values<R>(scores, count, reinterpret_cast<const std::byte*>(rest), tile.next, 64, corrections, out + d,
                queries.state_stride);
}

template <int R>
TROUPE_INLINE void attend_queries(const Queries& queries, std::uint32_t first, std::uint32_t n, int count,
                                  const Tile& tile) {
  if (n == R) {
    attend_tile<R>(queries, first, count, tile);
  } else if constexpr (R > 1) {
    attend_queries<R - 1>(queries, first, n, count, tile);
  }
}

/// One split of a task; see AttentionTask.
inline void attend(const AttentionTask& task) {
  const std::uint32_t n = task.positions * task.heads;
  for (std::uint32_t d = 0; d < task.head_dim; ++d) {
    for (std::uint32_t i = 0; i < n; ++i) {
      const float* query = task.q + (i / task.heads) * task.q_stride + (i % task.heads) * task.head_dim;
      task.scratch[d * n + i] = query[d] * task.scale;
    }
  }
  const Queries queries = {task.scratch, n, task.head_dim, task.states, padded(task.head_dim) + 16};
  for (std::uint32_t i = 0; i < n; ++i) {
    float* state = task.states + i * queries.state_stride;
    for (std::uint32_t d = 0; d < queries.state_stride; d += 16) store(state + d, zeros());
    state[padded(task.head_dim)] = -__builtin_inff();
  }
  const std::uint32_t last_tile = (task.start + task.positions - 1) / kTileTokens;
  for (std::uint32_t t = task.first_tile; t < task.end_tile && t <= last_tile; ++t) {
    const std::byte* keys = task.kv + task.blocks[t] * task.block_bytes;
    const std::uint32_t next = t < last_tile ? t + 1 : t;
    const Tile tile = {keys, keys + std::size_t{64} * task.head_dim,
                       task.kv + task.blocks[next] * task.block_bytes};
    const std::uint32_t begin = t * kTileTokens;
    if (begin + kTileTokens <= task.start + 1) {
      attend_queries<kQueryTile>(queries, 0, n, kTileTokens, tile);
      continue;
    }
    // At the edge, where each position sees another number of tokens, one position at a time.
    for (std::uint32_t p = 0; p < task.positions; ++p) {
      if (task.start + p < begin) continue;
      const std::uint32_t visible = task.start + p + 1 - begin;
      attend_queries<kQueryTile>(queries, p * task.heads, task.heads,
                                 visible < kTileTokens ? static_cast<int>(visible) : kTileTokens, tile);
    }
  }
}

/// Adds the states of a later split to those of the earlier ones.
inline void merge_splits(float* states, const float* later, std::uint32_t queries, std::uint32_t head_dim) {
  const std::size_t width = padded(head_dim);
  for (std::uint32_t i = 0; i < queries; ++i, states += width + 16, later += width + 16) {
    // A position before the split has seen none of its tokens.
    if (!(later[width + 1] > 0.0F) && later[width] == -__builtin_inff()) continue;
    alignas(64) float factors[16];
    const float largest = states[width] > later[width] ? states[width] : later[width];
    store(factors, zeros());
    factors[0] = states[width] - largest;
    factors[1] = later[width] - largest;
    store(factors, exponential(load(factors)));
    states[width] = largest;
    states[width + 1] = __builtin_fmaf(states[width + 1], factors[0], later[width + 1] * factors[1]);
    for (std::size_t d = 0; d < width; d += 16) {
      store(states + d, fused(load(states + d), splat(factors[0]), load(later + d) * splat(factors[1])));
    }
  }
}

/// out = out / sum for one query; out: [head_dim].
inline void finish_query(const float* state, std::uint32_t head_dim, float* out) {
  const Floats inverse = splat(1.0F / state[padded(head_dim) + 1]);
  for (std::uint32_t d = 0; d < head_dim; d += 16) {
    const int n = head_dim - d < 16 ? static_cast<int>(head_dim - d) : 16;
    store_first(out + d, load(state + d) * inverse, n);
  }
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
