// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "actors/scheduler/sequence.hpp"

namespace troupe::actors {

/// Bounds of one step.
struct BatchLimits {
  std::uint32_t rows = 512;      ///< max_num_batched_tokens
  std::uint32_t sequences = 64;  ///< max_num_seqs
  std::uint32_t stages = 1;      ///< as many micro-batches are kept in flight
};

/// What a sequence does in the step that is being planned: positions [start, start + count).
struct PlannedRows {
  Sequence* sequence = nullptr;
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  bool sample = false;
};

/// Chooses the rows of the next step from running sequences: decode rows first (one each, least recently
/// planned first), then prefill chunks in order of arrival with the rows that are left. At most an S-th of
/// the sequences go into one step of an S-stage pipeline, so that S micro-batches are in flight. A sequence
/// runs at most one sampled token ahead of what is known, and never beyond its blocks.
///
/// Changes nothing. Deterministic in the order of `running`.
std::vector<PlannedRows> plan_batch(const std::vector<Sequence*>& running, const BatchLimits& limits);

}  // namespace troupe::actors
