// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/kv_layout.hpp"
#include "model/step.hpp"

namespace troupe::gpu {

/// What a stage remembers of a sequence.
struct StageSequence {
  model::SequenceStart start;  ///< tokens and blocks grow with the sequence
  std::uint32_t filled = 0;    ///< positions [0, filled) have their KV

  const std::vector<model::Token>& history() const { return start.tokens; }
};

/// What a plan may name.
struct SequenceLimits {
  std::uint32_t vocab_size = 0;
  std::uint32_t max_positions = 0;
  std::uint32_t blocks = 0;
  std::uint32_t max_slots = 1U << 16;
};

/// A stage's sequences by slot. Every broken rule is an Error `internal` that names the slot.
///
/// Threads: one caller at a time.
class SequenceTable {
 public:
  explicit SequenceTable(SequenceLimits limits) : limits_(limits) {}

  model::Result<void> forget(model::Slot slot);
  model::Result<void> start(const model::SequenceStart& start);
  model::Result<void> grant(const model::BlockGrant& grant);
  void clear() { sequences_.clear(); }

  /// Null for a slot that no plan has started.
  StageSequence* find(model::Slot slot);
  /// The sequence of a row range whose positions may be computed now.
  model::Result<StageSequence*> check(const model::RowRange& rows);

 private:
  model::Result<void> check_blocks(model::Slot slot, std::span<const model::BlockId> blocks) const;

  SequenceLimits limits_;
  std::vector<std::optional<StageSequence>> sequences_;  // [slot]
};

/// A plan's mistake.
model::Error plan_error(model::Slot slot, const std::string& what);

}  // namespace troupe::gpu
