// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace troupe::actors {

/// Generations that one start of a worker may use up. Each start gets a block of its own, reserved on disk
/// before the process exists, so that no generation is ever used twice and a worker makes new ones without
/// asking. A block holds a new generation each second for twelve days; 2^44 blocks hold for ever.
inline constexpr model::Generation kGenerationsPerStart = model::Generation{1} << 20U;

/// The number of generations given out on this machine, in a file of the data directory.
class GenerationCounter {
 public:
  explicit GenerationCounter(std::string path) : path_(std::move(path)) {}

  /// Reserves a block and returns its first generation: 1 in a new data directory. Durable when it returns.
  /// Errors: io, also when the file does not hold a number: it never starts again from 1 by itself.
  model::Result<model::Generation> reserve();

 private:
  std::string path_;
};

}  // namespace troupe::actors
