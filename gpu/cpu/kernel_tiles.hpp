// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernel_linear.hpp"

#if defined(__AVX512VBMI__)

// The integer contract on AMX: 16 rows times two panels, one group of 32 inputs at a time. An activation is
// 256 * high + low, high a signed and low an unsigned byte: two exact int32 products, combined exactly, then
// the same fused operations as kernel_linear.hpp. Tiles see the inputs of each eight in the order 0 4 1 5 2 6
// 3 7, which is how the packed weights fall apart into bytes.
//
// `Tiles` is the hardware, or its emulation in the tests: load, zero, store, the two products.
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

inline constexpr std::uint32_t kTileRows = 16;
/// With fewer rows the vector kernels are faster: a tile takes the same time for 1 row as for 16.
inline constexpr std::uint32_t kLeastTileRows = 9;

/// The high and the low bytes of 32 activations, in the order of the tiles.
TROUPE_INLINE void split_bytes(const std::int16_t* x, std::byte* high, std::byte* low) {
  alignas(64) static constexpr std::uint8_t kOrder[64] = {
      0,  8,  2,  10, 4,  12, 6,  14, 16, 24, 18, 26, 20, 28, 22, 30, 32, 40, 34, 42, 36, 44,
      38, 46, 48, 56, 50, 58, 52, 60, 54, 62, 1,  9,  3,  11, 5,  13, 7,  15, 17, 25, 19, 27,
      21, 29, 23, 31, 33, 41, 35, 43, 37, 45, 39, 47, 49, 57, 51, 59, 53, 61, 55, 63};
  const __m512i bytes = _mm512_permutexvar_epi8(_mm512_load_si512(kOrder), _mm512_loadu_si512(x));
  _mm256_store_si256(reinterpret_cast<__m256i*>(low), _mm512_castsi512_si256(bytes));
  _mm256_store_si256(reinterpret_cast<__m256i*>(high), _mm512_extracti64x4_epi64(bytes, 1));
}

/// The bytes of a group's nibbles, as eight tile rows.
template <bool Signed>
TROUPE_INLINE void nibbles_to_bytes(const std::byte* weights, std::byte* out) {
  const __m512i mask = _mm512_set1_epi8(15);
  const __m512i sign = _mm512_set1_epi8(8);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const __m512i raw = _mm512_loadu_si512(weights + 64 * i);
    __m512i even = _mm512_and_si512(raw, mask);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi16(raw, 4), mask);
    if constexpr (Signed) {
      even = _mm512_sub_epi8(_mm512_xor_si512(even, sign), sign);
      odd = _mm512_sub_epi8(_mm512_xor_si512(odd, sign), sign);
    }
    _mm512_store_si512(out + 128 * i, even);
    _mm512_store_si512(out + 128 * i + 64, odd);
  }
}

/// A group's weights of one panel as a tile: [8][64] bytes. Byte formats are stored as one already.
template <class F>
TROUPE_INLINE const std::byte* weight_tile(const std::byte* weights, std::byte* scratch) {
  if constexpr (F::kSteps == 2) {
    return weights;
  } else {
    nibbles_to_bytes<F::kSigned>(weights, scratch);
    return scratch;
  }
}

struct TileScratch {
  alignas(64) std::byte high[kTileRows * 32];
  alignas(64) std::byte low[kTileRows * 32];
  alignas(64) std::byte weights[2][8 * 64];
  alignas(64) std::int32_t products[2][2][2][kTileRows * 16];  // [turn][panel][high, low]
  alignas(64) float totals[2][kTileRows * 16];
};

/// Both products of one group with `rows` rows and P panels, into products[turn].
template <class Tiles, class F, int P>
TROUPE_INLINE void multiply_group(const std::byte* const (&weights)[2], const std::int16_t* x,
                                  std::size_t stride, std::uint32_t rows, int turn, TileScratch& scratch) {
  for (std::uint32_t r = 0; r < rows; ++r) {
    split_bytes(x + r * stride, scratch.high + 32 * r, scratch.low + 32 * r);
  }
  Tiles::template load<0>(scratch.high, 32);
  Tiles::template load<1>(scratch.low, 32);
  Tiles::template load<2>(weight_tile<F>(weights[0], scratch.weights[0]), 64);
  Tiles::template zero<4>();
  Tiles::template zero<5>();
  Tiles::template multiply_signed<4, 0, 2>();
  Tiles::template multiply_unsigned<5, 1, 2>();
  if constexpr (P == 2) {
    Tiles::template load<3>(weight_tile<F>(weights[1], scratch.weights[1]), 64);
    Tiles::template zero<6>();
    Tiles::template zero<7>();
    Tiles::template multiply_signed<6, 0, 3>();
    Tiles::template multiply_unsigned<7, 1, 3>();
  }
  Tiles::template store<4>(scratch.products[turn][0][0], 64);
  Tiles::template store<5>(scratch.products[turn][0][1], 64);
  if constexpr (P == 2) {
    Tiles::template store<6>(scratch.products[turn][1][0], 64);
    Tiles::template store<7>(scratch.products[turn][1][1], 64);
  }
}

/// What the vector kernels do with a group's dot products. sums: of the group, [rows][stride].
template <class F>
TROUPE_INLINE void add_group(const std::int32_t (&products)[2][kTileRows * 16], const std::byte* chunk,
                             int group, const float* sums, std::size_t sums_stride, std::uint32_t rows,
                             float* totals) {
  const Floats scale = F::scale(chunk, group);
  for (std::uint32_t r = 0; r < rows; ++r) {
    const Ints high = load_ints(reinterpret_cast<const std::byte*>(products[0] + 16 * r));
    const Ints low = load_ints(reinterpret_cast<const std::byte*>(products[1] + 16 * r));
    Floats total = fused(scale, to_floats(left32<8>(high) + low), load(totals + 16 * r));
    if constexpr (F::kHasMinimum) {
      total = fused(F::minimum(chunk, group), splat(sums[r * sums_stride]), total);
    }
    store(totals + 16 * r, total);
  }
}

/// Up to 16 rows times P panels that follow one another.
template <class Tiles, class F, int P>
void tile_block(const LinearTask& task, const std::byte* panels, std::uint32_t row, std::uint32_t rows,
                float* out, TileScratch& scratch) {
  static_assert(F::kGroupInputs == 32);
  constexpr std::uint32_t kGroups = F::kChunk / 32;
  const std::size_t stride = task.rows.stride;
  const std::size_t sums_stride = stride / kGroup;
  const std::int16_t* x = task.rows.values + row * stride;
  const float* sums = task.rows.sums + row * sums_stride;
  const std::uint32_t groups = (task.inputs + F::kChunk - 1) / F::kChunk * kGroups;
  __builtin_memset(scratch.totals, 0, sizeof scratch.totals);
  const auto chunk_of = [&](int p, std::uint32_t group) {
    return panels + p * task.panel_bytes + std::size_t{group / kGroups} * F::kChunkBytes;
  };
  // One group behind, so that the vector units work on it while the tiles multiply the next.
  for (std::uint32_t group = 0; group <= groups; ++group) {
    const int turn = static_cast<int>(group % 2);
    if (group < groups) {
      const std::byte* const weights[2] = {chunk_of(0, group) + group % kGroups * F::kVectors * 64,
                                           chunk_of(P - 1, group) + group % kGroups * F::kVectors * 64};
      multiply_group<Tiles, F, P>(weights, x + std::size_t{32} * group, stride, rows, turn, scratch);
    }
    if (group == 0) continue;
    for (int p = 0; p < P; ++p) {
      add_group<F>(scratch.products[1 - turn][p], chunk_of(p, group - 1),
                   static_cast<int>((group - 1) % kGroups), sums + group - 1, sums_stride, rows,
                   scratch.totals[p]);
    }
  }
  for (int p = 0; p < P; ++p) {
    for (std::uint32_t r = 0; r < rows; ++r) {
      finish(out + r * task.out_stride + p * task.column_stride,
             load(scratch.totals[p] + 16 * r) * splat(task.rows.scales[row + r]), task.width, task.add);
    }
  }
}

/// integer_linear on tiles. `few_rows`: the kernel for a remainder that tiles do not pay for.
template <class Tiles, class F>
void tile_linear(const LinearTask& task, void (*few_rows)(const LinearTask&)) {
  const std::uint32_t tiles = (task.row_count + kTileRows - 1) / kTileRows;
  if (task.row_count < kLeastTileRows * tiles) return few_rows(task);
  TileScratch scratch;
  // Rows of a tile that no row of the task fills multiply zeros.
  __builtin_memset(scratch.high, 0, sizeof scratch.high);
  __builtin_memset(scratch.low, 0, sizeof scratch.low);
  const typename Tiles::Session session;
  for (std::uint32_t tile = 0; tile < tiles; ++tile) {
    const std::uint32_t first = task.row_count * tile / tiles;
    const std::uint32_t rows = task.row_count * (tile + 1) / tiles - first;
    const std::uint32_t row = task.first_row + first;
    float* out = task.out + row * task.out_stride;
    std::uint32_t p = 0;
    for (; p + 2 <= task.panel_count; p += 2) {
      tile_block<Tiles, F, 2>(task, task.panels + p * task.panel_bytes, row, rows,
                              out + p * task.column_stride, scratch);
    }
    if (p < task.panel_count) {
      tile_block<Tiles, F, 1>(task, task.panels + p * task.panel_bytes, row, rows,
                              out + p * task.column_stride, scratch);
    }
  }
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

#endif
