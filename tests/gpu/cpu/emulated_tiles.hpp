// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernels.hpp"

namespace troupe::gpu::cpu {

/// The AMX kernels on tiles that AVX-512 code emulates. Needs a CPU with AVX-512 VNNI and VBMI.
Kernels emulated_amx_kernels();
/// The same with one wrong bit in a product: what a test of the start-up check must find.
Kernels broken_amx_kernels();

}  // namespace troupe::gpu::cpu
