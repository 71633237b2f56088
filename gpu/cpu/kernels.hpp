// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// What the kernels are given: plain addresses and counts. This header is read by files that are compiled for
/// different instruction sets, so it has no inline functions.
namespace troupe::gpu::cpu {

/// How a panel of 16 output rows is stored. Lane n of every vector belongs to output row n.
///
/// An integer panel is a run of chunks, one per `chunk_inputs` inputs, each a multiple of 64 bytes. Eight
/// consecutive inputs 8i..8i+7 are four pairs (2s, 2s+1). Nibbles: one vector per eight inputs, pair s in
/// bits [4s, 4s+4) of the two halves of the lane. Bytes: two vectors per eight inputs, pairs 0 and 2 in the
/// low and high bytes of the halves of the first, pairs 1 and 3 in the second. All weights are signed
/// integers that an int16 pair product multiplies; the zero point of a format is already taken off.
///
/// A float panel is [inputs][16].
enum class Format : std::uint8_t {
  q4,      ///< chunk of 64: 2 x 256 B signed nibbles, 2 x 16 half scales (Q4_0)
  q4_min,  ///< chunk of 64: 2 x 256 B nibbles 0..15, 2 x 16 half scales, 2 x 16 half minima (Q4_1)
  q8,      ///< chunk of 64: 2 x 512 B bytes, 2 x 16 half scales (Q8_0)
  q4_k,  ///< chunk of 256: 8 x 256 B nibbles 0..15, 8 x 16 byte scales, 8 x 16 byte minima, 16 half units of
         ///< the scales, 16 half units of the minima (Q4_K)
  q6_k,  ///< chunk of 256: 16 x 256 B bytes, 16 x 16 signed byte scales, 16 half units, 32 B unused (Q6_K)
  f32,
  f16,
  bf16,
};
inline constexpr int kFormats = 8;
inline constexpr int kFirstFloatFormat = 5;
inline constexpr int kPanelRows = 16;
/// Inputs that share one sum of activations, for the formats with minima.
inline constexpr int kGroup = 32;
/// The integer of the largest activation of a row: the high byte of every activation fits a signed byte.
inline constexpr float kLargestInteger = 32512.0F;

/// The activations that a Linear reads. A row r of the integer contract means scales[r] * values[r].
struct RowsView {
  const std::int16_t* values = nullptr;  ///< [rows][stride], zero from the width to the next multiple of 64
  const float* sums = nullptr;           ///< [rows][stride / 32]: sums of 32 values, exact
  const float* scales = nullptr;         ///< [rows]
  const float* floats = nullptr;         ///< [rows][stride]: the float contract
  std::size_t stride = 0;                ///< a multiple of 32
};

/// One row of the same, to be written. What a consumer does not read is null.
struct RowSink {
  std::int16_t* values = nullptr;
  float* sums = nullptr;
  float* scale = nullptr;
  float* floats = nullptr;
};

/// Some panels of one segment times some rows.
struct LinearTask {
  const std::byte* panels = nullptr;
  std::size_t panel_bytes = 0;
  std::uint32_t panel_count = 0;
  std::uint32_t inputs = 0;
  RowsView rows;
  std::uint32_t first_row = 0;
  std::uint32_t row_count = 0;
  float* out = nullptr;  ///< row 0, the first panel's first column
  std::size_t out_stride = 0;
  std::uint32_t column_stride = 0;  ///< from one panel's first column to the next one's
  std::int32_t width = 0;           ///< columns of each panel that exist, at most 16
  bool add = false;
};

/// Queries of one KV head over one split of their sequence's tokens. A block holds, per KV head: K as
/// [head_dim][16][2] bfloat16, the pair being tokens t and t + 16; then V as [32 tokens][head_dim] bfloat16,
/// each whole run of 32 dimensions as 16 pairs d and d + 16, a rest in plain order.
struct AttentionTask {
  const float* q = nullptr;  ///< first position's first head; heads follow one another
  std::size_t q_stride = 0;  ///< from one position to the next
  std::uint32_t positions = 0;
  std::uint32_t heads = 0;  ///< positions * heads <= query_tile
  std::uint32_t head_dim = 0;
  std::uint32_t start = 0;  ///< the first position
  float scale = 1.0F;
  const std::byte* kv = nullptr;  ///< this KV head in block 0
  std::size_t block_bytes = 0;
  const std::uint32_t* blocks = nullptr;
  std::uint32_t first_tile = 0;
  std::uint32_t end_tile = 0;
  float* scratch = nullptr;  ///< [head_dim][queries]
  /// [queries][head_dim rounded up to 32, then 16]: out, maximum, sum; written whole.
  float* states = nullptr;
};

/// The kernels of one instruction set.
struct Kernels {
  void (*linear[kFormats])(const LinearTask& task);
  /// One row each; kernel_rows.hpp.
  void (*emit_floats)(const float* x, std::uint32_t width, const RowSink& sink);
  void (*rms_norm)(const float* x, const float* gain, float eps, std::uint32_t width, float* scratch,
                   const RowSink& sink);
  void (*silu_multiply)(const float* gate_up, std::uint32_t width, float* scratch, const RowSink& sink);
  /// kernel_kv.hpp.
  void (*rotate)(float* values, std::uint32_t heads, std::uint32_t head_dim, const float* cosine,
                 const float* sine);
  void (*write_kv)(const float* k, const float* v, std::uint32_t head_dim, std::uint32_t token,
                   std::byte* keys, std::byte* values);
  /// kernel_attention.hpp.
  std::uint32_t query_tile;
  void (*attend)(const AttentionTask& task);
  void (*merge_splits)(float* states, const float* later, std::uint32_t queries, std::uint32_t head_dim);
  void (*finish_query)(const float* state, std::uint32_t head_dim, float* out);
};

const Kernels& portable_kernels();
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
/// Those of avx512, with products of many rows on AMX tiles.
Kernels amx_kernels();

}  // namespace troupe::gpu::cpu
