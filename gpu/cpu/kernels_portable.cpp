// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/kernel_table.hpp"

namespace troupe::gpu::cpu {

const Kernels& portable_kernels() {
  return portable::kKernels;
}

}  // namespace troupe::gpu::cpu
