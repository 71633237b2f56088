// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/multiply.hpp"

#include <algorithm>

#include "gpu/team.hpp"

namespace troupe::gpu::cpu {
namespace {

/// Rows that stay in the second-level cache (96 rows of 1536 inputs: 288 KB) while panels pass by.
constexpr std::uint32_t kRowBlock = 96;
/// Multiplications that are worth handing to a thread: some microseconds, whether the weights come from
/// memory (one row) or the arithmetic takes the time (many).
constexpr std::uint64_t kItemProducts = std::uint64_t{1} << 18;

struct Plan {
  std::uint32_t row_blocks;
  std::uint32_t panels_per_item;
  std::uint32_t panel_items;  // over all segments
};

std::uint32_t items_of(const Segment& s, std::uint32_t panels_per_item) {
  return (s.panel_count + panels_per_item - 1) / panels_per_item;
}

Plan plan(const PackedLinear& weight, std::uint32_t count, std::uint32_t threads) {
  Plan p{};
  p.row_blocks = (count + kRowBlock - 1) / kRowBlock;
  const std::uint64_t rows = (count + p.row_blocks - 1) / p.row_blocks;
  const std::uint64_t products = rows * kPanelRows * weight.inputs();
  std::uint32_t panels = 0;
  for (const Segment& s : weight.segments()) panels += s.panel_count;
  // At least four items a thread, so that one that was held up does not hold up the others.
  const std::uint64_t most =
      std::max<std::uint64_t>(1, std::uint64_t{panels} * p.row_blocks / (std::uint64_t{4} * threads));
  p.panels_per_item = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>((kItemProducts + products - 1) / products, 1, most));
  for (const Segment& s : weight.segments()) p.panel_items += items_of(s, p.panels_per_item);
  return p;
}

/// The kernel call, and another one for a last panel that is narrower or stands elsewhere than in the raster.
void run_panels(const Kernels& kernels, const Segment& s, std::uint32_t first, std::uint32_t end,
                LinearTask task) {
  const auto kernel = kernels.linear[static_cast<int>(s.format)];
  float* const row = task.out;
  const bool has_last = end == s.panel_count;
  task.panel_bytes = s.panel_bytes;
  task.column_stride = s.column_stride;
  task.panels = s.panels + first * s.panel_bytes;
  task.panel_count = end - first - (has_last ? 1 : 0);
  task.out = row + s.first_column + std::size_t{first} * s.column_stride;
  task.width = kPanelRows;
  if (task.panel_count != 0) kernel(task);
  if (!has_last) return;
  task.panels = s.panels + (end - 1) * s.panel_bytes;
  task.panel_count = 1;
  task.out = row + s.last_column;
  task.width = static_cast<std::int32_t>(s.last_width());
  kernel(task);
}

}  // namespace

void multiply(const Kernels& kernels, const PackedLinear& weight, const RowsView& rows, std::uint32_t count,
              float* out, Epilogue epilogue, Team& team) {
  if (count == 0) return;
  const Plan p = plan(weight, count, team.size());
  team.run(p.row_blocks * p.panel_items, [&](std::uint32_t item, std::uint32_t) {
    const std::uint32_t block = item / p.panel_items;
    std::uint32_t panel_item = item % p.panel_items;
    const Segment* s = weight.segments().data();
    for (; panel_item >= items_of(*s, p.panels_per_item); ++s) panel_item -= items_of(*s, p.panels_per_item);
    LinearTask task;
    task.inputs = weight.inputs();
    task.rows = rows;
    task.first_row = static_cast<std::uint32_t>(std::uint64_t{count} * block / p.row_blocks);
    task.row_count =
        static_cast<std::uint32_t>(std::uint64_t{count} * (block + 1) / p.row_blocks) - task.first_row;
    task.out = out;
    task.out_stride = weight.outputs();
    task.add = epilogue == Epilogue::add;
    const std::uint32_t first = panel_item * p.panels_per_item;
    run_panels(kernels, *s, first, std::min(first + p.panels_per_item, s->panel_count), task);
  });
}

}  // namespace troupe::gpu::cpu
