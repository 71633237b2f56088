// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernel_exp.hpp"
#include "gpu/cpu/kernels.hpp"

// The producers of the rows that a Linear reads: one row at a time, in the form that its consumer wants.
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// What quantization must know of a row before it starts.
struct RowRange {
  Floats largest = zeros();
  Floats poison = zeros();  // 0, or NaN once a value was infinite or NaN: maximum() may lose a NaN

  TROUPE_INLINE void see(Floats y) {
    largest = maximum(largest, absolute(y));
    poison = fused(y, zeros(), poison);
  }
};

/// values = round(y / scale), scale = max |y| / 32512; a row of zeros has scale 0, one with a value that is
/// not finite the scale NaN. y: `width` floats.
TROUPE_INLINE void quantize_row(const float* y, std::uint32_t width, const RowRange& range,
                                const RowSink& sink) {
  const float largest = max_lanes(range.largest);
  *sink.scale = largest / kLargestInteger + add_lanes(range.poison);
  const Floats inverse = splat(largest > 0.0F ? kLargestInteger / largest : 0.0F);
  const std::uint32_t padded = (width + 63) / 64 * 64;
  for (std::uint32_t i = 0; i < padded; i += kGroup) {
    const int left = static_cast<int>(width) - static_cast<int>(i);
    const bool whole = left >= kGroup;
    const Floats low = whole ? load(y + i) : load_first(y + i, left > 0 ? left : 0);
    const Floats high = whole ? load(y + i + 16) : load_first(y + i + 16, left > 16 ? left - 16 : 0);
    const Ints a = round_to_ints(low * inverse);
    const Ints b = round_to_ints(high * inverse);
    store_int16(sink.values + i, a);
    store_int16(sink.values + i + 16, b);
    sink.sums[i / kGroup] = static_cast<float>(add_lanes(a + b));
  }
}

/// The row's last step: y is complete and its range known.
TROUPE_INLINE void emit_row(const float* y, std::uint32_t width, const RowRange& range, const RowSink& sink) {
  if (sink.values != nullptr) quantize_row(y, width, range, sink);
  if (sink.floats == nullptr || sink.floats == y) return;
  for (std::uint32_t i = 0; i < width; i += 16) {
    store_first(sink.floats + i, load_first(y + i, static_cast<int>(width - i)), static_cast<int>(width - i));
  }
}

/// Calls lane16(i, n) for every run of n <= 16 values at i.
template <class Body>
TROUPE_INLINE void each_run(std::uint32_t width, Body body) {
  std::uint32_t i = 0;
  for (; i + 16 <= width; i += 16) body(i, 16);
  if (i < width) body(i, static_cast<int>(width - i));
}

inline void emit_floats(const float* x, std::uint32_t width, const RowSink& sink) {
  RowRange range;
  each_run(width, [&](std::uint32_t i, int n) { range.see(load_first(x + i, n)); });
  emit_row(x, width, range, sink);
}

/// y = x / sqrt(mean(x^2) + eps) * gain. scratch: `width` floats.
inline void rms_norm(const float* x, const float* gain, float eps, std::uint32_t width, float* scratch,
                     const RowSink& sink) {
  Floats squares = zeros();
  each_run(width, [&](std::uint32_t i, int n) {
    const Floats v = load_first(x + i, n);
    squares = fused(v, v, squares);
  });
  const float mean = add_lanes(squares) / static_cast<float>(width);
  const Floats inverse = splat(1.0F / __builtin_sqrtf(mean + eps));
  RowRange range;
  each_run(width, [&](std::uint32_t i, int n) {
    const Floats y = load_first(x + i, n) * inverse * load_first(gain + i, n);
    store_first(scratch + i, y, n);
    range.see(y);
  });
  emit_row(scratch, width, range, sink);
}

/// y = gate / (1 + exp(-gate)) * up. gate_up: tiles of 16 gates, then 16 ups (packed_linear.hpp:
/// gate_column).
inline void silu_multiply(const float* gate_up, std::uint32_t width, float* scratch, const RowSink& sink) {
  RowRange range;
  each_run(width, [&](std::uint32_t i, int n) {
    const Floats gate = load_first(gate_up + 2 * i, n);
    const Floats up = load_first(gate_up + 2 * i + n, n);
    const Floats y = gate / (splat(1.0F) + exponential(zeros() - gate)) * up;
    store_first(scratch + i, y, n);
    range.see(y);
  });
  emit_row(scratch, width, range, sink);
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
