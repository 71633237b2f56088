// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/packed_linear.hpp"
#include "gpu/op_set.hpp"

namespace troupe::gpu::cpu {

/// out = rows W^T, or out += rows W^T, spread over the team: items of some panels times at most 96 rows.
/// out: [count, weight.outputs()].
void multiply(const Kernels& kernels, const PackedLinear& weight, const RowsView& rows, std::uint32_t count,
              float* out, Epilogue epilogue, Team& team);

}  // namespace troupe::gpu::cpu
