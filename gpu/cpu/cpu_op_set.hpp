// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

#include "gpu/op_set.hpp"

namespace troupe::gpu {

/// The fast path: weights packed in 16-row panels, activations as 16-bit integers with one scale per row, KV
/// in bfloat16, float32 attention; the same bits on every instruction set. `isa`: as NumericsOptions::isa.
/// Errors: bad_config for an unknown instruction set or one that this CPU lacks.
model::Result<std::shared_ptr<const OpSet>> make_cpu_op_set(std::string_view isa = "auto");

}  // namespace troupe::gpu
