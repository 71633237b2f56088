// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>

namespace troupe::telemetry {

/// Where time comes from. Passed in wherever logic depends on it, so that tests decide what time it is.
/// Threads: any.
class Clock {
 public:
  using Monotonic = std::chrono::steady_clock::time_point;
  using Wall = std::chrono::system_clock::time_point;

  virtual ~Clock() = default;
  /// For durations and deadlines: never goes back.
  virtual Monotonic now() const = 0;
  /// For records that people read: may jump when the machine's clock is set.
  virtual Wall wall() const = 0;
};

/// The machine's clocks.
class SystemClock final : public Clock {
 public:
  Monotonic now() const override { return std::chrono::steady_clock::now(); }
  Wall wall() const override { return std::chrono::system_clock::now(); }
};

/// Time that stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  /// `wall`: what the wall clock shows at the start; the monotonic clock starts at its epoch.
  explicit ManualClock(Wall wall = Wall{}) : wall_(wall.time_since_epoch()) {}

  Monotonic now() const override { return Monotonic(elapsed_.load()); }
  Wall wall() const override { return Wall(wall_.load()); }

  /// Moves both clocks.
  void advance(std::chrono::nanoseconds by) {
    elapsed_ = elapsed_.load() + std::chrono::duration_cast<Monotonic::duration>(by);
    wall_ = wall_.load() + std::chrono::duration_cast<Wall::duration>(by);
  }
  /// Sets the wall clock alone, as an operator or NTP does.
  void set_wall(Wall wall) { wall_ = wall.time_since_epoch(); }

 private:
  std::atomic<Monotonic::duration> elapsed_{Monotonic::duration::zero()};
  std::atomic<Wall::duration> wall_;
};

}  // namespace troupe::telemetry
