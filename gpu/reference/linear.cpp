// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "gpu/lanes.hpp"
#include "gpu/reference/reference_ops.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {

ReferenceLinear::ReferenceLinear(std::shared_ptr<const model::ModelFile> file,
                                 std::vector<model::TensorView> tensors, std::uint32_t outputs)
    : Linear(outputs, static_cast<std::uint32_t>(tensors[0].columns())),
      file_(std::move(file)),
      tensors_(std::move(tensors)) {}

void ReferenceLinear::expand_row(std::uint32_t row, float* out) const {
  std::uint64_t local = row;
  for (const model::TensorView& tensor : tensors_) {
    if (local < tensor.rows()) {
      model::dequantize(tensor.type, tensor.data + local * tensor.row_bytes(), tensor.columns(), out);
      return;
    }
    local -= tensor.rows();
  }
}

namespace {

constexpr std::uint32_t kPanel =
    16;  // outputs whose weights stay in the first-level cache while all rows pass by
constexpr std::uint32_t kGroup = 4;  // rows that share one load of a weight

void finish(float product, Epilogue epilogue, float* out) {
  *out = epilogue == Epilogue::add ? *out + product : product;
}

/// out[r][n] for `count` rows and `panel` outputs.
void multiply_panel(const float* weights, const float* x, std::uint32_t count, std::uint32_t panel,
                    std::uint32_t inputs, float* out, std::uint32_t outputs, Epilogue epilogue) {
  float product[kGroup];
  for (std::uint32_t row = 0; row < count;) {
    const std::uint32_t group = count - row >= kGroup ? kGroup : 1;
    const float* rows = x + std::size_t{row} * inputs;
    for (std::uint32_t n = 0; n < panel; ++n) {
      const float* w = weights + std::size_t{n} * inputs;
      if (group == kGroup) {
        dot_in_lanes<kGroup>(w, rows, inputs, inputs, product);
      } else {
        dot_in_lanes<1>(w, rows, inputs, inputs, product);
      }
      for (std::uint32_t r = 0; r < group; ++r) {
        finish(product[r], epilogue, out + std::size_t{row + r} * outputs + n);
      }
    }
    row += group;
  }
}

}  // namespace

void ReferenceOps::linear(const Linear& weight, const Rows& in, float* out, Epilogue epilogue) {
  const auto& w = static_cast<const ReferenceLinear&>(weight);
  const auto& rows = static_cast<const ReferenceRows&>(in);
  const std::uint32_t inputs = w.inputs();
  const std::uint32_t outputs = w.outputs();
  team_.run((outputs + kPanel - 1) / kPanel, [&](std::uint32_t item, std::uint32_t worker) {
    float* panel_weights = scratch_[worker].data();
    const std::uint32_t first = item * kPanel;
    const std::uint32_t panel = std::min(kPanel, outputs - first);
    for (std::uint32_t n = 0; n < panel; ++n)
      w.expand_row(first + n, panel_weights + std::size_t{n} * inputs);
    multiply_panel(panel_weights, rows.values.data(), rows.count, panel, inputs, out + first, outputs,
                   epilogue);
  });
}

ReferenceOps::ReferenceOps(const OpLimits& limits, Team& team)
    : team_(team), scratch_(team.size()), places_(limits.max_rows) {
  for (auto& part : scratch_) part.resize(std::size_t{kPanel} * limits.max_width);
}

std::unique_ptr<Rows> ReferenceOps::make_rows(std::uint32_t max_rows, std::uint32_t max_width) const {
  auto rows = std::make_unique<ReferenceRows>();
  rows->values.resize(std::size_t{max_rows} * max_width);
  return rows;
}

}  // namespace troupe::gpu
