// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/same_products.hpp"

#include <cstring>
#include <vector>

#include "gpu/cpu/memory.hpp"
#include "gpu/cpu/pack_panel.hpp"
#include "gpu/cpu/packed_rows.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu::cpu {
namespace {

constexpr std::uint32_t kInputs = 512;
constexpr std::uint32_t kPanels = 3;

class Random {
 public:
  std::uint32_t next() {
    // Source: Marsaglia 2003, Xorshift RNGs.
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

 private:
  std::uint32_t state_ = 2463534242U;
};

/// Panels of random weights. Scales are finite: a half whose high byte is below 0x3c is less than 1.
void fill(Format format, Random& random, std::byte* panels, std::size_t bytes) {
  const std::size_t chunk = panel_bytes(format, 256);
  const std::size_t weights = format == Format::q8 || format == Format::q6_k ? 256 * 16 : 128 * 16;
  for (std::size_t i = 0; i < bytes; ++i) panels[i] = static_cast<std::byte>(random.next());
  const std::size_t chunks = format == Format::q4_k || format == Format::q6_k ? 1 : 4;
  for (std::size_t begin = 0; begin < bytes; begin += chunk / chunks) {
    for (std::size_t i = weights / chunks; i < chunk / chunks; ++i) panels[begin + i] &= std::byte{0x3b};
  }
}

bool same(const Kernels& a, const Kernels& b, Format format, std::uint32_t rows, Random& random) {
  const std::size_t bytes = panel_bytes(format, kInputs);
  Memory panels(kPanels * bytes);
  fill(format, random, panels.data(), kPanels * bytes);
  constexpr std::size_t kStride = kInputs + 32;
  std::vector<std::int16_t> values(rows * kStride);
  for (auto& value : values) value = static_cast<std::int16_t>(random.next());
  std::vector<float> sums(rows * (kStride / kGroup));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    for (std::size_t k = 0; k < kGroup; ++k) sums[i] += values[i * kGroup + k];
  }
  std::vector<float> scales(rows, 1.0F / 1024);
  LinearTask task;
  task.panels = panels.data();
  task.panel_bytes = bytes;
  task.panel_count = kPanels;
  task.inputs = kInputs;
  task.rows = {values.data(), sums.data(), scales.data(), nullptr, kStride};
  task.row_count = rows;
  task.out_stride = std::size_t{kPanels} * kPanelRows;
  task.column_stride = kPanelRows;
  task.width = kPanelRows;
  std::vector<float> out[2];
  const Kernels* const kernels[2] = {&a, &b};
  for (int i = 0; i < 2; ++i) {
    out[i].resize(rows * task.out_stride);
    task.out = out[i].data();
    kernels[i]->linear[static_cast<int>(format)](task);
  }
  return std::memcmp(out[0].data(), out[1].data(), out[0].size() * sizeof(float)) == 0;
}

}  // namespace

bool same_products(const Kernels& a, const Kernels& b) {
  const FlushDenormals flush;
  Random random;
  for (int format = 0; format < kFirstFloatFormat; ++format) {
    for (const std::uint32_t rows : {3U, 16U, 29U}) {
      if (!same(a, b, static_cast<Format>(format), rows, random)) return false;
    }
  }
  return true;
}

}  // namespace troupe::gpu::cpu
