// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor/restart_policy.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::actors {

std::variant<RestartAfter, Escalate> RestartTracker::on_death(std::chrono::nanoseconds now) {
  while (!deaths_.empty() && now - deaths_.front() > policy_.window) deaths_.pop_front();
  deaths_.push_back(now);
  if (deaths_.size() > policy_.attempts) {
    char window[32];
    std::snprintf(window, sizeof window, "%g s", std::chrono::duration<double>(policy_.window).count());
    return Escalate{"died " + std::to_string(deaths_.size()) + " times within " + window +
                    ", more than the " + std::to_string(policy_.attempts) + " restarts allowed"};
  }
  std::chrono::milliseconds pause = policy_.pause_min;
  for (std::size_t earlier = 1; earlier < deaths_.size() && pause < policy_.pause_max; ++earlier) pause *= 2;
  return RestartAfter{std::min(pause, policy_.pause_max)};
}

}  // namespace troupe::actors
