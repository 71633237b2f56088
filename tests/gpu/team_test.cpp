// SPDX-License-Identifier: Apache-2.0
#include "gpu/team.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace troupe::gpu {
namespace {

TEST(Team, RunsEveryItemOfEveryJobExactlyOnce) {
  for (const std::uint32_t threads : {1U, 2U, 5U}) {
    Team team(threads);
    ASSERT_EQ(team.size(), threads);
    std::vector<std::atomic<std::uint32_t>> runs(97);
    for (std::uint32_t job = 0; job < 3000; ++job) {
      const std::uint32_t items = job % 97;
      team.run(items, [&](std::uint32_t item, std::uint32_t worker) {
        ASSERT_LT(item, items);
        ASSERT_LT(worker, threads);
        runs[item].fetch_add(1, std::memory_order_relaxed);
      });
      for (std::uint32_t i = 0; i < runs.size(); ++i) {
        ASSERT_EQ(runs[i].exchange(0), i < items ? 1U : 0U) << "job " << job << " item " << i;
      }
    }
  }
}

TEST(Team, SharesAJobAmongItsThreads) {
  Team team(3);
  std::atomic<std::uint32_t> arrived{0};
  std::vector<std::thread::id> threads(3);
  team.run(3, [&](std::uint32_t item, std::uint32_t worker) {
    threads[worker] = std::this_thread::get_id();
    // An item that waits for the others proves that three threads are at work at once.
    ++arrived;
    while (arrived < 3) std::this_thread::yield();
    EXPECT_LT(item, 3U);
  });
  EXPECT_EQ(std::set(threads.begin(), threads.end()).size(), 3U);
  EXPECT_EQ(threads[0], std::this_thread::get_id());
}

TEST(Team, WakesAfterASleepLongerThanItsSpin) {
  Team team(2);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<std::uint32_t> arrived{0};
    team.run(2, [&](std::uint32_t, std::uint32_t) {
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
  }
}

TEST(Team, FlushesDenormalsOnEveryThreadAndRestoresTheCallers) {
  volatile float smallest = std::numeric_limits<float>::min();
  Team team(2);
  std::atomic<std::uint32_t> arrived{0};
  team.run(2, [&](std::uint32_t, std::uint32_t) {
    EXPECT_EQ(smallest / 2, 0.0F);
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_GT(smallest / 2, 0.0F);
}

TEST(Team, CountsAtLeastOnePhysicalCore) {
  EXPECT_GE(physical_cores(), 1U);
  EXPECT_EQ(Team(0).size(), physical_cores());
}

}  // namespace
}  // namespace troupe::gpu
