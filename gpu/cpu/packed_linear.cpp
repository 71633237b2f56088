// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/packed_linear.hpp"

#include "gpu/cpu/pack_panel.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu::cpu {
namespace {

std::uint32_t round_up(std::uint32_t n, std::uint32_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

model::Error bad_tensor(const model::ModelFile& file, const model::TensorView& tensor, std::string what) {
  return {model::ErrorCode::bad_file, "tensor " + tensor.name + " " + std::move(what),
          file.path() + ":" + std::to_string(tensor.file_offset)};
}

model::Result<void> check(const model::ModelFile& file, std::span<const model::TensorView* const> tensors,
                          Stacking stacking) {
  const model::TensorView& first = *tensors.front();
  for (const model::TensorView* tensor : tensors) {
    if (tensor->shape.size() != 2) {
      return bad_tensor(file, *tensor,
                        "has " + std::to_string(tensor->shape.size()) + " dimensions; a weight has 2");
    }
    constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
    if (tensor->rows() == 0 || tensor->columns() == 0 || tensor->rows() > kMost ||
        tensor->columns() > kMost) {
      return bad_tensor(file, *tensor, "has an empty or too large dimension");
    }
    if (tensor->columns() != first.columns()) {
      return bad_tensor(file, *tensor,
                        "has " + std::to_string(tensor->columns()) + " columns, but " + first.name +
                            ", which is multiplied by the same rows, has " + std::to_string(first.columns()));
    }
    if (tensor->columns() % model::block_weights(tensor->type) != 0) {
      return bad_tensor(file, *tensor,
                        "has " + std::to_string(tensor->columns()) + " columns, which " +
                            model::to_string(tensor->type) + " blocks do not divide");
    }
  }
  if (stacking == Stacking::gate_and_up &&
      (tensors.size() != 2 || tensors[0]->rows() != tensors[1]->rows())) {
    return bad_tensor(file, *tensors.back(), "must have as many rows as " + first.name);
  }
  return {};
}

/// Where each tensor's panels and output columns lie; panels are offsets still.
std::vector<Segment> lay_out(std::span<const model::TensorView* const> tensors, Stacking stacking,
                             std::vector<std::size_t>& offsets) {
  std::vector<Segment> segments;
  std::size_t offset = 0;
  std::uint32_t column = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    Segment s;
    s.format = packed_format(tensors[i]->type);
    s.panel_bytes = panel_bytes(s.format, static_cast<std::uint32_t>(tensors[i]->columns()));
    s.rows = static_cast<std::uint32_t>(tensors[i]->rows());
    s.panel_count = round_up(s.rows, kPanelRows) / kPanelRows;
    const std::uint32_t last = (s.panel_count - 1) * kPanelRows;
    if (stacking == Stacking::gate_and_up) {
      s.first_column = i == 0 ? gate_column(0, s.rows) : up_column(0, s.rows);
      s.last_column = i == 0 ? gate_column(last, s.rows) : up_column(last, s.rows);
      s.column_stride = 2 * kPanelRows;
    } else {
      s.first_column = column;
      s.last_column = column + last;
      s.column_stride = kPanelRows;
      column += s.rows;
    }
    offsets.push_back(offset);
    offset += s.panel_count * s.panel_bytes;
    segments.push_back(s);
  }
  offsets.push_back(offset);
  return segments;
}

}  // namespace

PackedLinear::PackedLinear(std::uint32_t outputs, std::uint32_t inputs, std::vector<Segment> segments,
                           std::shared_ptr<const std::byte> memory)
    : Linear(outputs, inputs), segments_(std::move(segments)), memory_(std::move(memory)) {
  for (const Segment& s : segments_) {
    const bool floats = static_cast<int>(s.format) >= kFirstFloatFormat;
    reads_floats_ |= floats;
    reads_integers_ |= !floats;
  }
}

std::size_t PackedLinear::bytes() const {
  std::size_t total = 0;
  for (const Segment& s : segments_) total += s.panel_count * s.panel_bytes;
  return total;
}

std::uint32_t gate_column(std::uint32_t i, std::uint32_t /*width*/) {
  return i / kPanelRows * 2 * kPanelRows + i % kPanelRows;
}

std::uint32_t up_column(std::uint32_t i, std::uint32_t width) {
  const std::uint32_t tile = i / kPanelRows * kPanelRows;
  const std::uint32_t tile_width = width - tile < kPanelRows ? width - tile : kPanelRows;
  return 2 * tile + tile_width + i % kPanelRows;
}

model::Result<std::shared_ptr<const Linear>> pack_linear(const model::ModelFile& file,
                                                         std::span<const model::TensorView* const> tensors,
                                                         Stacking stacking, Arena& arena, Team& team) {
  if (const auto checked = check(file, tensors, stacking); !checked) return checked.error();
  const auto inputs = static_cast<std::uint32_t>(tensors.front()->columns());
  std::vector<std::size_t> offsets;
  std::vector<Segment> segments = lay_out(tensors, stacking, offsets);
  const std::shared_ptr<std::byte> memory = arena.take(offsets.back());

  std::uint32_t outputs = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    std::byte* panels = memory.get() + offsets[i];
    Segment& s = segments[i];
    s.panels = panels;
    outputs += s.rows;
    const model::TensorView& tensor = *tensors[i];
    team.run(s.panel_count, [&](std::uint32_t panel, std::uint32_t) {
      const std::uint32_t row = panel * kPanelRows;
      const std::uint32_t count = s.rows - row < kPanelRows ? s.rows - row : kPanelRows;
      pack_panel(tensor.type, tensor.data + row * tensor.row_bytes(), tensor.row_bytes(), count, inputs,
                 panels + panel * s.panel_bytes);
    });
    file.drop_pages(tensor);
  }
  return std::shared_ptr<const Linear>(
      std::make_shared<PackedLinear>(outputs, inputs, std::move(segments), memory));
}

}  // namespace troupe::gpu::cpu
