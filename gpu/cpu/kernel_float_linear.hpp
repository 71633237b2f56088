// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernel_linear.hpp"

// The float contract, for weights that are stored as floats: one float per output, one fused multiply-add per
// input, ascending. Several panels at a time, because one sum would wait for itself.
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

struct F32 {
  static constexpr int kBytes = 64;
  TROUPE_INLINE static Floats weights(const std::byte* p) { return as_floats(load_ints(p)); }
};
struct F16 {
  static constexpr int kBytes = 32;
  TROUPE_INLINE static Floats weights(const std::byte* p) { return load_half(p); }
};
struct BF16 {
  static constexpr int kBytes = 32;
  TROUPE_INLINE static Floats weights(const std::byte* p) { return load_bfloat16(p); }
};

/// P panels times R consecutive rows.
template <class F, int P, int R>
void float_tile(const LinearTask& task, const std::byte* panels, std::uint32_t row, float* out) {
  const std::size_t stride = task.rows.stride;
  const float* x = task.rows.floats + row * stride;
  Floats totals[P][R];
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) totals[p][r] = zeros();
  }
  for (std::uint32_t k = 0; k < task.inputs; ++k) {
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const std::byte* at = panels + p * task.panel_bytes + std::size_t{k} * F::kBytes;
      prefetch(at + 1024);
      const Floats weights = F::weights(at);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) totals[p][r] = fused(weights, splat(x[r * stride + k]), totals[p][r]);
    }
  }
#pragma GCC unroll 4
  for (int p = 0; p < P; ++p) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      finish(out + r * task.out_stride + p * task.column_stride, totals[p][r], task.width, task.add);
    }
  }
}

inline constexpr int kFloatRowTile = kRowTile / 2;

template <class F, int P, int R>
TROUPE_INLINE void float_rows(const LinearTask& task, const std::byte* panels, std::uint32_t row,
                              std::uint32_t rows, float* out) {
  if (rows == R) {
    float_tile<F, P, R>(task, panels, row, out);
  } else if constexpr (R > 1) {
    float_rows<F, P, R - 1>(task, panels, row, rows, out);
  }
}

template <class F, int P>
TROUPE_INLINE void float_panels(const LinearTask& task, std::uint32_t panel) {
  const std::uint32_t tiles = (task.row_count + kFloatRowTile - 1) / kFloatRowTile;
  for (std::uint32_t tile = 0; tile < tiles; ++tile) {
    const std::uint32_t first = task.row_count * tile / tiles;
    const std::uint32_t end = task.row_count * (tile + 1) / tiles;
    const std::uint32_t row = task.first_row + first;
    float_rows<F, P, kFloatRowTile>(task, task.panels + panel * task.panel_bytes, row, end - first,
                                    task.out + row * task.out_stride + panel * task.column_stride);
  }
}

template <class F>
void float_linear(const LinearTask& task) {
  std::uint32_t panel = 0;
  for (; panel + 4 <= task.panel_count; panel += 4) float_panels<F, 4>(task, panel);
  for (; panel < task.panel_count; ++panel) float_panels<F, 1>(task, panel);
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
