// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/same_products.hpp"

#include <gtest/gtest.h>

#include "tests/gpu/cpu/random_weights.hpp"

namespace troupe::gpu::cpu {
namespace {

TEST(SameProductsTest, TheVectorKernelsAgree) {
  EXPECT_TRUE(same_products(portable_kernels(), portable_kernels()));
  for (const auto& [name, kernels] : kernels_to_test()) {
    EXPECT_TRUE(same_products(portable_kernels(), *kernels)) << name;
  }
}

TEST(SameProductsTest, OneWrongBitInATileIsFound) {
  if (best_isa() < Isa::avx512 || !__builtin_cpu_supports("avx512vbmi")) {
    GTEST_SKIP() << "emulating tiles needs AVX-512 VBMI";
  }
  EXPECT_TRUE(same_products(emulated_amx_kernels(), avx512_kernels()));
  EXPECT_FALSE(same_products(broken_amx_kernels(), avx512_kernels()));
}

}  // namespace
}  // namespace troupe::gpu::cpu
