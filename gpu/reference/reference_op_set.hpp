// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "gpu/op_set.hpp"

namespace troupe::gpu {

/// The op set that reads like the paper: float32 everywhere, weights expanded from the mapped file row by row
/// as they are used, KV in float32. What the fast path is measured against, and what `--dtype float32`
/// serves.
std::shared_ptr<const OpSet> make_reference_op_set();

}  // namespace troupe::gpu
