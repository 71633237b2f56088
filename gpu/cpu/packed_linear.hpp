// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/memory.hpp"
#include "gpu/op_set.hpp"

namespace troupe::gpu::cpu {

/// One tensor of a Linear, as panels of 16 rows that follow one another.
struct Segment {
  Format format = Format::f32;
  const std::byte* panels = nullptr;
  std::size_t panel_bytes = 0;
  std::uint32_t panel_count = 0;
  std::uint32_t rows = 0;
  std::uint32_t first_column = 0;   ///< output column of the first panel
  std::uint32_t column_stride = 0;  ///< from one panel's column to the next one's
  std::uint32_t last_column = 0;    ///< output column of the last panel

  /// Columns of the last panel that exist.
  std::uint32_t last_width() const { return rows - (panel_count - 1) * kPanelRows; }
};

/// A weight in the layout of gpu/cpu/kernels.hpp.
class PackedLinear final : public Linear {
 public:
  PackedLinear(std::uint32_t outputs, std::uint32_t inputs, std::vector<Segment> segments,
               std::shared_ptr<const std::byte> memory);

  std::span<const Segment> segments() const { return segments_; }
  std::size_t bytes() const;
  /// What it reads of its rows.
  bool reads_integers() const { return reads_integers_; }
  bool reads_floats() const { return reads_floats_; }

 private:
  std::vector<Segment> segments_;
  std::shared_ptr<const std::byte> memory_;
  bool reads_integers_ = false;
  bool reads_floats_ = false;
};

/// The column of gate's (or up's) output i in the product of a gate_and_up Linear with `width` outputs each:
/// tiles of 16 alternate, the last pair of tiles may be narrower.
std::uint32_t gate_column(std::uint32_t i, std::uint32_t width);
std::uint32_t up_column(std::uint32_t i, std::uint32_t width);

/// OpSet::pack: see there.
model::Result<std::shared_ptr<const Linear>> pack_linear(const model::ModelFile& file,
                                                         std::span<const model::TensorView* const> tensors,
                                                         Stacking stacking, Arena& arena, Team& team);

}  // namespace troupe::gpu::cpu
