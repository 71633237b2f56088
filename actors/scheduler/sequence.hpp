// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/payloads.hpp"
#include "model/kv_layout.hpp"

namespace troupe::actors {

/// Where a sequence is on its way through the scheduler.
enum class Phase : std::uint8_t {
  waiting,    ///< has no blocks
  reserving,  ///< asked kv_cache for blocks
  running,    ///< may be planned
  draining,   ///< ended or preempted; steps in flight still write into its blocks
  releasing,  ///< its blocks are on their way back
};

/// A sequence as the scheduler remembers it: a cache of the ingress's truth.
struct Sequence {
  SequenceSubmit truth;  ///< tokens grow as steps return
  std::uint32_t ingress = 0;
  std::chrono::nanoseconds waits_since{0};
  Phase phase = Phase::waiting;
  bool wanted = true;  ///< false: ended or cancelled; true while draining: preempted, it will wait again
  std::optional<SequenceSubmit>
      replacement;  ///< what the ingress says instead; takes over once the blocks are back

  std::uint64_t lease = 0;
  std::uint32_t blocks_held = 0;
  std::vector<BlockId> blocks_untold;  ///< leased, not yet told to the stages
  std::uint32_t cached_tokens = 0;
  bool extension_pending = false;

  model::Slot slot = 0;
  bool introduced = false;       ///< the stages know the slot
  std::uint32_t planned = 0;     ///< positions [0, planned) are cached, computed or in flight
  std::uint32_t computed = 0;    ///< positions [0, computed) have their KV written
  std::uint32_t confirmed = 0;   ///< of these, told to kv_cache
  std::uint32_t unresolved = 0;  ///< sampled rows in flight
  std::uint32_t steps_in_flight = 0;
  StepNumber last_step = 0;
  std::chrono::nanoseconds asked_at{0};  ///< when kv_cache was last asked for or given back something

  std::uint32_t known() const { return static_cast<std::uint32_t>(truth.tokens.size()); }
  /// Tokens of the answer that exist or are being sampled.
  std::uint32_t answered() const { return truth.accepted() + unresolved; }
  /// Positions that its blocks can hold.
  std::uint32_t capacity() const { return blocks_held * model::kTokensPerBlock; }
  /// Positions it can ever need: the last token of an answer is never computed.
  std::uint32_t final_length() const {
    const std::uint32_t all = truth.prompt_tokens + truth.max_tokens;
    return truth.max_tokens == 0 ? all : all - 1;
  }
  bool prefilling() const { return planned < known(); }
  bool youngest_before(const Sequence& other) const {
    return truth.arrival != other.truth.arrival ? truth.arrival > other.truth.arrival
                                                : truth.id > other.truth.id;
  }
};

}  // namespace troupe::actors
