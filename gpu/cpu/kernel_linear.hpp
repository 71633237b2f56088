// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/vec16.hpp"

// The integer contract. An output is sum over groups g ascending of d_g * (exact int32 dot product), then
// m_g * (exact sum of the group's activations), each one fused multiply-add on one float; at the end times
// the row's scale. Everything but the fused operations is exact, so neither the number of rows nor the width
// of the registers can show.
//
// Bounds of the int32: |weight| <= 128, |activation| <= 32767, 32 of them: 128 * 32767 * 32 < 2^27.
// A group's sum of activations is below 32 * 32767 < 2^24, so its float is exact.
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// Four pairs per lane and vector.
struct NibbleWeights {
  static constexpr int kVectors = 4;  // per 32 inputs
  static constexpr int kSteps = 4;    // pairs per vector
  static constexpr int input(int vector, int step) { return 8 * vector + 2 * step; }
};
struct SignedNibbles : NibbleWeights {
  static constexpr bool kSigned = true;
  template <int Step>
  TROUPE_INLINE static Ints pair(Ints raw) {
    return signed_right16<12>(left16<12 - 4 * Step>(raw));
  }
};
struct UnsignedNibbles : NibbleWeights {
  static constexpr bool kSigned = false;
  template <int Step>
  TROUPE_INLINE static Ints pair(Ints raw) {
    return right16<4 * Step>(raw) & splat_int(0x000f000f);
  }
};
/// Two pairs per lane and vector.
struct ByteWeights {
  static constexpr int kVectors = 8;
  static constexpr int kSteps = 2;
  static constexpr int input(int vector, int step) { return 8 * (vector / 2) + 2 * (vector % 2) + 4 * step; }
  template <int Step>
  TROUPE_INLINE static Ints pair(Ints raw) {
    return signed_right16<8>(left16<8 - 8 * Step>(raw));
  }
};

struct Q4 : SignedNibbles {
  static constexpr int kChunk = 64, kChunkBytes = 576, kGroupInputs = 32;
  static constexpr bool kHasMinimum = false;
  TROUPE_INLINE static Floats scale(const std::byte* chunk, int group) {
    return load_half(chunk + 512 + 32 * group);
  }
};
struct Q4Min : UnsignedNibbles {
  static constexpr int kChunk = 64, kChunkBytes = 640, kGroupInputs = 32;
  static constexpr bool kHasMinimum = true;
  TROUPE_INLINE static Floats scale(const std::byte* chunk, int group) {
    return load_half(chunk + 512 + 32 * group);
  }
  TROUPE_INLINE static Floats minimum(const std::byte* chunk, int group) {
    return load_half(chunk + 576 + 32 * group);
  }
};
struct Q8 : ByteWeights {
  static constexpr int kChunk = 64, kChunkBytes = 1088, kGroupInputs = 32;
  static constexpr bool kHasMinimum = false;
  TROUPE_INLINE static Floats scale(const std::byte* chunk, int group) {
    return load_half(chunk + 1024 + 32 * group);
  }
};
// Half (11 bits) times byte (8 bits) is exact in float.
struct Q4K : UnsignedNibbles {
  static constexpr int kChunk = 256, kChunkBytes = 2368, kGroupInputs = 32;
  static constexpr bool kHasMinimum = true;
  TROUPE_INLINE static Floats scale(const std::byte* chunk, int group) {
    return load_unsigned_bytes(chunk + 2048 + 16 * group) * load_half(chunk + 2304);
  }
  TROUPE_INLINE static Floats minimum(const std::byte* chunk, int group) {
    return load_unsigned_bytes(chunk + 2176 + 16 * group) * load_half(chunk + 2336);
  }
};
struct Q6K : ByteWeights {
  static constexpr int kChunk = 256, kChunkBytes = 4416, kGroupInputs = 16;
  static constexpr bool kHasMinimum = false;
  TROUPE_INLINE static Floats scale(const std::byte* chunk, int group) {
    return load_signed_bytes(chunk + 4096 + 16 * group) * load_half(chunk + 4352);
  }
};

/// Independent partial sums per row: with few rows, one sum would wait for itself. Exact, so free to choose.
template <int R>
inline constexpr int kParts = R == 1   ? 4
                              : R <= 3 ? 2
                                       : 1;

/// The addresses of R rows: row 3i has a register, 3i + 1 and 3i + 2 are register + 1 or 2 strides, which an
/// operand can say. Left alone, the compiler keeps one address for every row and input, on the stack.
template <int R>
struct RowAddresses {
  static constexpr int kBases = (R + 2) / 3;
  const std::int16_t* bases[kBases];
  std::size_t stride;

  TROUPE_INLINE RowAddresses(const std::int16_t* x, std::size_t row_stride) : stride(row_stride) {
#pragma GCC unroll 8
    for (int i = 0; i < kBases; ++i) bases[i] = x + 3 * i * row_stride;
  }
  TROUPE_INLINE void advance(int inputs) {
#pragma GCC unroll 8
    for (int i = 0; i < kBases; ++i) {
      bases[i] += inputs;
      __asm__("" : "+r"(bases[i]));
    }
    __asm__("" : "+r"(stride));
  }
  TROUPE_INLINE const std::int16_t* row(int r) const {
    return bases[r / 3] + (r % 3) * stride;
  }
};

template <class F, int Step, int R>
TROUPE_INLINE void add_pair(Ints raw, int vector, const RowAddresses<R>& x, Ints (&sums)[R][kParts<R>]) {
  const Ints weights = F::template pair<Step>(raw);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    Ints& sum = sums[r][Step % kParts<R>];
    sum = dot_pairs(sum, weights, x.row(r) + F::input(vector, Step));
  }
}

/// The exact dot products of one group with R rows.
template <class F, int R>
TROUPE_INLINE void dot_group(const std::byte* weights, const RowAddresses<R>& x, Ints (&out)[R]) {
  Ints sums[R][kParts<R>];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int p = 0; p < kParts<R>; ++p) sums[r][p] = no_ints();
  }
  constexpr int kVectors = F::kVectors * F::kGroupInputs / 32;
#pragma GCC unroll 8
  for (int vector = 0; vector < kVectors; ++vector) {
    Ints raw = load_ints(weights + 64 * vector);
    pin(raw);
    add_pair<F, 0, R>(raw, vector, x, sums);
    add_pair<F, 1, R>(raw, vector, x, sums);
    if constexpr (F::kSteps == 4) {
      add_pair<F, 2, R>(raw, vector, x, sums);
      add_pair<F, 3, R>(raw, vector, x, sums);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    out[r] = sums[r][0];
#pragma GCC unroll 4
    for (int p = 1; p < kParts<R>; ++p) out[r] = out[r] + sums[r][p];
  }
}

TROUPE_INLINE void finish(float* out, Floats value, std::int32_t width, bool add) {
  if (width == kPanelRows) {
    store(out, add ? load(out) + value : value);
  } else {
    store_first(out, add ? load_first(out, width) + value : value, width);
  }
}

/// How far ahead of the arithmetic weights are asked for.
inline constexpr int kAhead = 4096;

/// One panel times R consecutive rows.
template <class F, int R>
void integer_tile(const LinearTask& task, const std::byte* panel, std::uint32_t row, float* out) {
  const std::size_t stride = task.rows.stride;
  RowAddresses<R> x(task.rows.values + row * stride, stride);
  const float* sums = task.rows.sums + row * (stride / kGroup);
  const std::uint32_t chunks = (task.inputs + F::kChunk - 1) / F::kChunk;
  Floats totals[R];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) totals[r] = zeros();

  for (std::uint32_t chunk = 0; chunk < chunks; ++chunk, panel += F::kChunkBytes) {
    constexpr int kGroups = F::kChunk / F::kGroupInputs;
    for (int group = 0; group < kGroups; ++group) {
      constexpr int kWeightBytes = F::kVectors * 64 * F::kGroupInputs / 32;
      // What is needed some kilobytes further on: the panels of a task follow one another.
      constexpr int kLines = F::kChunkBytes / kGroups / 64;
#pragma GCC unroll 16
      for (int line = 0; line <= kLines; ++line) {
        prefetch(panel + kAhead + group * (F::kChunkBytes / kGroups) + 64 * line);
      }
      Ints dots[R];
      dot_group<F, R>(panel + group * kWeightBytes, x, dots);
      const Floats scale = F::scale(panel, group);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) totals[r] = fused(scale, to_floats(dots[r]), totals[r]);
      if constexpr (F::kHasMinimum) {
        const Floats minimum = F::minimum(panel, group);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          totals[r] = fused(minimum, splat(sums[r * (stride / kGroup)]), totals[r]);
        }
        ++sums;
      }
      x.advance(F::kGroupInputs);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    finish(out + r * task.out_stride, totals[r] * splat(task.rows.scales[row + r]), task.width, task.add);
  }
}

template <class F, int R>
TROUPE_INLINE void integer_rows(const LinearTask& task, const std::byte* panel, std::uint32_t row,
                                std::uint32_t rows, float* out) {
  if (rows == R) {
    integer_tile<F, R>(task, panel, row, out);
  } else if constexpr (R > 1) {
    integer_rows<F, R - 1>(task, panel, row, rows, out);
  }
}

template <class F>
void integer_linear(const LinearTask& task) {
  // Tiles of nearly equal height, so that none is left with few rows.
  const std::uint32_t tiles = (task.row_count + kRowTile - 1) / kRowTile;
  for (std::uint32_t tile = 0; tile < tiles; ++tile) {
    const std::uint32_t first = task.row_count * tile / tiles;
    const std::uint32_t end = task.row_count * (tile + 1) / tiles;
    const std::uint32_t row = task.first_row + first;
    for (std::uint32_t p = 0; p < task.panel_count; ++p) {
      integer_rows<F, kRowTile>(task, task.panels + p * task.panel_bytes, row, end - first,
                                task.out + row * task.out_stride + p * task.column_stride);
    }
  }
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
