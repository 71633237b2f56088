// SPDX-License-Identifier: Apache-2.0
#include "gpu/kv_store.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace troupe::gpu {
namespace {

const model::KvLayout kLayout{{{2, 16}, {2, 16}}, model::KvType::float32};
constexpr std::size_t kFloats = 2 * 2 * 16 * model::kTokensPerBlock;

std::span<float> floats(const KvStore& store, std::uint32_t layer, model::BlockId block) {
  return {static_cast<float*>(static_cast<void*>(store.layer(layer).block(block))), kFloats};
}

TEST(KvStore, StartsZeroedAndAligned) {
  const auto store = *KvStore::create(kLayout, 3, 5);
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    for (model::BlockId block = 0; block < 5; ++block) {
      const auto values = floats(*store, layer, block);
      EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](float v) { return v == 0.0F; }));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(values.data()) % 64, 0U);
    }
  }
}

TEST(KvStore, PoisonsAndZeroesOneBlockInEveryLayer) {
  const auto store = *KvStore::create(kLayout, 3, 5);
  store->poison(2);
  const auto holds_nan = [&](std::uint32_t layer, model::BlockId block) {
    const auto values = floats(*store, layer, block);
    const auto count = std::count_if(values.begin(), values.end(), [](float v) { return std::isnan(v); });
    EXPECT_TRUE(count == 0 || count == kFloats);
    return count != 0;
  };
  for (std::uint32_t layer = 0; layer < 3; ++layer) {
    for (model::BlockId block = 0; block < 5; ++block) EXPECT_EQ(holds_nan(layer, block), block == 2);
  }
  store->zero(2);
  for (std::uint32_t layer = 0; layer < 3; ++layer) EXPECT_FALSE(holds_nan(layer, 2));
}

TEST(KvStore, RefusesNothingAndTooMuchWithAReason) {
  EXPECT_EQ(KvStore::create(kLayout, 0, 5).error().code, model::ErrorCode::bad_config);
  EXPECT_EQ(KvStore::create(kLayout, 1, 0).error().code, model::ErrorCode::bad_config);
  const auto huge = KvStore::create({{{4096, 4096}}, model::KvType::float32}, 4096, 0xffffffffU);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, model::ErrorCode::io);
  EXPECT_NE(huge.error().message.find("4294967295 blocks"), std::string::npos);
}

}  // namespace
}  // namespace troupe::gpu
