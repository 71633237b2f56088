// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

namespace troupe::telemetry {

/// 128 random bits: enough that ids made anywhere never meet.
struct RandomBits {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  bool operator==(const RandomBits&) const = default;
};

/// Where ids and seeds come from. Passed in, so that tests decide what is drawn.
/// Threads: any.
class Random {
 public:
  virtual ~Random() = default;
  virtual RandomBits bits() = 0;
};

/// The kernel's generator: nobody can guess the next id.
class SystemRandom final : public Random {
 public:
  /// Errors: std::system_error where the kernel has no random numbers; nothing may go on without them.
  RandomBits bits() override;
};

/// The same bits for the same seed, draw after draw. For tests.
/// Source: SplitMix64, Steele, Lea and Flood 2014.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  RandomBits bits() override;

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace troupe::telemetry
