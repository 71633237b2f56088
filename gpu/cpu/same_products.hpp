// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

/// Whether two sets of kernels multiply every integer format with the same bits: on pseudo-random weights and
/// rows that fill tiles, leave some short and are too few for them. Takes under a millisecond.
bool same_products(const Kernels& a, const Kernels& b);

}  // namespace troupe::gpu::cpu
