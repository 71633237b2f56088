// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <string>
#include <variant>

#include "config/config.hpp"

namespace troupe::actors {

/// Start it again after this pause.
struct RestartAfter {
  std::chrono::milliseconds pause{0};
  bool operator==(const RestartAfter&) const = default;
};

/// Give it up: whoever is above decides.
struct Escalate {
  std::string reason;
  bool operator==(const Escalate&) const = default;
};

/// Counts the deaths of one part and says what to do about each: config::RestartPolicy at work. A death is
/// forgotten when it is older than the window, whatever was started in between: a part that always comes up
/// and always dies escalates.
///
/// Threads: one caller at a time.
class RestartTracker {
 public:
  explicit RestartTracker(config::RestartPolicy policy = {}) : policy_(policy) {}

  /// `now`: of any clock that never goes back.
  std::variant<RestartAfter, Escalate> on_death(std::chrono::nanoseconds now);

 private:
  config::RestartPolicy policy_;
  std::deque<std::chrono::nanoseconds> deaths_;  ///< within the window
};

}  // namespace troupe::actors
