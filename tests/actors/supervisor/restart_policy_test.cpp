// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor/restart_policy.hpp"

#include <gmock/gmock.h>

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

config::RestartPolicy policy(std::uint32_t attempts) {
  return {.pause_min = 10ms, .pause_max = 60ms, .attempts = attempts, .window = 30s};
}

TEST(RestartTracker, doubles_the_pause_with_each_death_in_the_window_up_to_the_limit) {
  RestartTracker tracker(policy(9));
  for (const auto pause : {10ms, 20ms, 40ms, 60ms, 60ms}) {
    EXPECT_EQ(std::get<RestartAfter>(tracker.on_death(1s)).pause, pause);
  }
}

TEST(RestartTracker, escalates_at_the_first_death_beyond_the_attempts_and_says_why) {
  RestartTracker tracker(policy(2));
  EXPECT_TRUE(std::holds_alternative<RestartAfter>(tracker.on_death(1s)));
  EXPECT_TRUE(std::holds_alternative<RestartAfter>(tracker.on_death(2s)));
  EXPECT_EQ(std::get<Escalate>(tracker.on_death(3s)).reason,
            "died 3 times within 30 s, more than the 2 restarts allowed");
}

TEST(RestartTracker, forgets_deaths_older_than_the_window_and_begins_again_with_the_shortest_pause) {
  RestartTracker tracker(policy(2));
  tracker.on_death(1s);
  tracker.on_death(2s);
  EXPECT_EQ(std::get<RestartAfter>(tracker.on_death(31s + 1ms)).pause, 20ms) << "the first is forgotten";
  EXPECT_EQ(std::get<RestartAfter>(tracker.on_death(100s)).pause, 10ms);
}

TEST(RestartTracker, a_part_that_comes_up_each_time_and_dies_each_time_still_escalates) {
  RestartTracker tracker(policy(5));
  int restarts = 0;
  for (auto now = 0ms; now < 30s; now += 5s) {
    if (std::holds_alternative<Escalate>(tracker.on_death(now))) break;
    ++restarts;
  }
  EXPECT_EQ(restarts, 5);
}

TEST(RestartTracker, no_attempts_means_no_restart) {
  RestartTracker tracker(policy(0));
  EXPECT_THAT(std::get<Escalate>(tracker.on_death(0s)).reason, HasSubstr("died 1 times"));
}

}  // namespace
}  // namespace troupe::actors
