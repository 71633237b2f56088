// SPDX-License-Identifier: Apache-2.0
#define TROUPE_VEC16_AVX2
#include "gpu/cpu/kernel_table.hpp"

namespace troupe::gpu::cpu {

const Kernels& avx2_kernels() {
  return avx2::kKernels;
}

}  // namespace troupe::gpu::cpu
