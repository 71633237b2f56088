// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/packed_rows.hpp"

namespace troupe::gpu::cpu {
namespace {

/// Whole chunks of 64, and an odd number of cache lines: rows that are a power of two apart would share the
/// same few places of the first-level cache.
std::size_t stride_of(std::uint32_t width) {
  return (std::size_t{width} + 63) / 64 * 64 + 32;
}

}  // namespace

PackedRows::PackedRows(std::uint32_t max_rows, std::uint32_t max_width)
    : max_rows_(max_rows),
      max_stride_(stride_of(max_width)),
      values_(max_rows_ * max_stride_ * sizeof(std::int16_t)),
      sums_(max_rows_ * (max_stride_ / kGroup) * sizeof(float)),
      scales_(max_rows_ * sizeof(float)),
      floats_memory_(max_rows_ * max_stride_ * sizeof(float)) {}

void PackedRows::begin(std::uint32_t count, const PackedLinear& consumer) {
  count_ = count;
  stride_ = stride_of(consumer.inputs());
  integers_ = consumer.reads_integers();
  floats_ = consumer.reads_floats();
}

RowSink PackedRows::sink(std::uint32_t row) const {
  RowSink out;
  if (integers_) {
    out.values = values_.as<std::int16_t>() + row * stride_;
    out.sums = sums_.as<float>() + row * (stride_ / kGroup);
    out.scale = scales_.as<float>() + row;
  }
  if (floats_) out.floats = floats_memory_.as<float>() + row * stride_;
  return out;
}

RowsView PackedRows::view() const {
  return {values_.as<const std::int16_t>(), sums_.as<const float>(), scales_.as<const float>(),
          floats_memory_.as<const float>(), stride_};
}

}  // namespace troupe::gpu::cpu
