// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernel_attention.hpp"
#include "gpu/cpu/kernel_float_linear.hpp"
#include "gpu/cpu/kernel_kv.hpp"
#include "gpu/cpu/kernel_linear.hpp"
#include "gpu/cpu/kernel_rows.hpp"

namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// The kernels as this translation unit compiled them; the order of `linear` is that of Format.
inline constexpr Kernels kKernels = {
    {integer_linear<Q4>, integer_linear<Q4Min>, integer_linear<Q8>, integer_linear<Q4K>, integer_linear<Q6K>,
     float_linear<F32>, float_linear<F16>, float_linear<BF16>},
    emit_floats,
    rms_norm,
    silu_multiply,
    rotate,
    write_kv,
    kQueryTile,
    attend,
    merge_splits,
    finish_query,
};

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE
