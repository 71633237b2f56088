// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/memory.hpp"
#include "gpu/cpu/packed_linear.hpp"
#include "gpu/op_set.hpp"

namespace troupe::gpu::cpu {

/// Activations in every form that a Linear may read; pages of a form that none reads are never touched.
class PackedRows final : public Rows {
 public:
  PackedRows(std::uint32_t max_rows, std::uint32_t max_width);

  /// Starts a filling with `count` rows for `consumer`.
  void begin(std::uint32_t count, const PackedLinear& consumer);
  std::uint32_t count() const { return count_; }

  /// Where a kernel writes row `row`.
  RowSink sink(std::uint32_t row) const;
  RowsView view() const;

 private:
  std::size_t max_rows_;
  std::size_t max_stride_;
  std::size_t stride_ = 0;
  std::uint32_t count_ = 0;
  bool integers_ = false;
  bool floats_ = false;
  Memory values_;
  Memory sums_;
  Memory scales_;
  Memory floats_memory_;
};

}  // namespace troupe::gpu::cpu
