// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/isa.hpp"

#include <gtest/gtest.h>

#include "gpu/cpu/cpu_op_set.hpp"

namespace troupe::gpu::cpu {
namespace {

TEST(IsaTest, AutoIsTheBestAndPortableAlwaysWorks) {
  ASSERT_TRUE(choose_isa("auto"));
  EXPECT_EQ(*choose_isa("auto"), best_isa());
  ASSERT_TRUE(choose_isa("portable"));
  EXPECT_EQ(*choose_isa("portable"), Isa::portable);
}

TEST(IsaTest, WhatTheCpuLacksIsAnErrorThatNamesWhatItHas) {
  for (const Isa isa : {Isa::avx2, Isa::avx512, Isa::amx}) {
    const auto chosen = choose_isa(to_string(isa));
    EXPECT_EQ(chosen.ok(), isa <= best_isa());
    if (chosen) continue;
    EXPECT_EQ(chosen.error().code, model::ErrorCode::bad_config);
    EXPECT_NE(chosen.error().message.find(to_string(best_isa())), std::string::npos)
        << chosen.error().message;
  }
}

TEST(IsaTest, AnUnknownNameIsAnErrorThatNamesTheChoices) {
  const auto op_set = make_cpu_op_set("sse9");
  ASSERT_FALSE(op_set);
  EXPECT_NE(op_set.error().message.find("avx512"), std::string::npos);
}

TEST(IsaTest, TheContractsDoNotDependOnTheInstructionSet) {
  EXPECT_EQ((*make_cpu_op_set("portable"))->contracts(), (*make_cpu_op_set("auto"))->contracts());
}

}  // namespace
}  // namespace troupe::gpu::cpu
