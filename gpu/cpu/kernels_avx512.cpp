// SPDX-License-Identifier: Apache-2.0
#define TROUPE_VEC16_AVX512
#include "gpu/cpu/kernel_table.hpp"

namespace troupe::gpu::cpu {

const Kernels& avx512_kernels() {
  return avx512::kKernels;
}

}  // namespace troupe::gpu::cpu
