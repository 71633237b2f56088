// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "model/ids.hpp"

namespace troupe::actors {

/// What one sequence holds.
struct HeldLease {
  std::vector<model::BlockId> blocks;   ///< block i holds positions [i * tokens_per_block, ...)
  std::vector<model::Token> confirmed;  ///< the tokens whose KV a returned step has written, from position 0
  std::uint32_t in_tree = 0;            ///< the first blocks that are themselves nodes of the prefix tree
  std::uint32_t cached_tokens = 0;      ///< what the reservation found
};

/// The leases of a replica, by sequence in the order of its id.
class LeaseTable {
 public:
  HeldLease* find(const model::SequenceId& id);
  const HeldLease* find(const model::SequenceId& id) const;
  HeldLease& add(const model::SequenceId& id) { return leases_[id]; }
  void erase(const model::SequenceId& id) { leases_.erase(id); }
  std::size_t size() const { return leases_.size(); }
  const std::map<model::SequenceId, HeldLease>& all() const { return leases_; }
  std::map<model::SequenceId, HeldLease>& all() { return leases_; }

  /// Writes `tokens` down as confirmed at positions [from, ...). Returns false, and changes nothing, when
  /// `from` leaves a gap, the tokens do not fit the lease's blocks, or they differ from what was confirmed
  /// before.
  static bool confirm(HeldLease& lease, std::span<const model::Token> tokens, std::uint32_t from,
                      std::uint32_t tokens_per_block);

 private:
  std::map<model::SequenceId, HeldLease> leases_;
};

}  // namespace troupe::actors
