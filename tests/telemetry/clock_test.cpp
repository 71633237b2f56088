// SPDX-License-Identifier: Apache-2.0
#include "telemetry/clock.hpp"

#include <gtest/gtest.h>

namespace troupe::telemetry {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ManualClock, StandsStillUntilItIsMoved) {
  ManualClock clock(Clock::Wall(hours(1)));
  EXPECT_EQ(clock.now(), clock.now());
  const auto start = clock.now();
  clock.advance(milliseconds(250));
  EXPECT_EQ(clock.now() - start, milliseconds(250));
  EXPECT_EQ(clock.wall(), Clock::Wall(hours(1) + milliseconds(250)));
}

TEST(ManualClock, SetsTheWallClockWithoutMovingTheMonotonicOne) {
  ManualClock clock(Clock::Wall(hours(10)));
  const auto start = clock.now();
  clock.set_wall(Clock::Wall(hours(9)));
  EXPECT_EQ(clock.wall(), Clock::Wall(hours(9)));
  EXPECT_EQ(clock.now(), start);
}

TEST(SystemClock, NeverGoesBackAndKnowsTheDate) {
  const SystemClock clock;
  const auto before = clock.now();
  EXPECT_LE(before, clock.now());
  EXPECT_GT(clock.wall(), Clock::Wall(seconds(1'700'000'000)));
}

}  // namespace
}  // namespace troupe::telemetry
