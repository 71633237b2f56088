// SPDX-License-Identifier: Apache-2.0
#include "telemetry/random.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::telemetry {
namespace {

using Drawn = std::set<std::pair<std::uint64_t, std::uint64_t>>;

Drawn draw(Random& random, int count) {
  Drawn drawn;
  for (int i = 0; i < count; ++i) {
    const RandomBits bits = random.bits();
    drawn.emplace(bits.high, bits.low);
  }
  return drawn;
}

TEST(SeededRandom, DrawsTheSameForTheSameSeed) {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom c(8);
  const RandomBits first = a.bits();
  EXPECT_EQ(first, b.bits());
  EXPECT_NE(first, c.bits());
  EXPECT_NE(first, a.bits());
}

TEST(SeededRandom, FollowsSplitMix64) {
  SeededRandom random(1234567);
  // Published test vector of the generator for this seed.
  EXPECT_EQ(random.bits(), (RandomBits{6457827717110365317ULL, 3203168211198807973ULL}));
  EXPECT_EQ(random.bits(), (RandomBits{9817491932198370423ULL, 4593380528125082431ULL}));
}

TEST(SeededRandom, GivesThreadsWholeDrawsThatNeverRepeat) {
  SeededRandom random(1);
  std::vector<Drawn> drawn(4);
  {
    std::vector<std::jthread> threads;
    for (Drawn& mine : drawn) threads.emplace_back([&mine, &random] { mine = draw(random, 1000); });
  }
  Drawn together;
  for (const Drawn& mine : drawn) together.insert(mine.begin(), mine.end());
  SeededRandom alone(1);
  EXPECT_EQ(together, draw(alone, 4000));
}

TEST(SystemRandom, DrawsDifferentBitsAboutHalfOfThemSet) {
  SystemRandom random;
  const Drawn drawn = draw(random, 1000);
  EXPECT_EQ(drawn.size(), 1000U);
  int set = 0;
  for (const auto& [high, low] : drawn) set += std::popcount(high) + std::popcount(low);
  // 128,000 fair coins: 1,000 away from the middle is 5.6 standard deviations.
  EXPECT_NEAR(set, 64'000, 1000);
}

}  // namespace
}  // namespace troupe::telemetry
