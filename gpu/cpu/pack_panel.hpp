// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "gpu/cpu/kernels.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::gpu::cpu {

/// The packed form of a tensor type.
Format packed_format(model::TensorType type);

/// Bytes of a panel, a multiple of 64.
std::size_t panel_bytes(Format format, std::uint32_t inputs);

/// Packs up to 16 rows of a tensor. rows: [row_count] rows of `inputs` weights, row_bytes apart. out: zeroed.
void pack_panel(model::TensorType type, const std::byte* rows, std::size_t row_bytes, std::uint32_t row_count,
                std::uint32_t inputs, std::byte* out);

}  // namespace troupe::gpu::cpu
