// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.hpp"

namespace troupe::actors {

/// Where a block is. Every block is in exactly one place.
enum class BlockPlace : std::uint8_t {
  free,         ///< may be handed out
  leased,       ///< referenced by one or more sequences
  idle,         ///< kept only because the prefix tree remembers its content
  quarantined,  ///< given back, but a step in flight may still touch it
};

/// The blocks of a replica's KV pool: reference counts and quarantine. The place of a block is derived from
/// three facts (references, cached, busy), never set, so that it cannot contradict them.
///
/// Threads: one caller at a time.
class BlockPool {
 public:
  explicit BlockPool(std::uint32_t total);

  /// Hands out the `count` lowest free blocks with one reference each; the caller has looked at free().
  std::vector<model::BlockId> take(std::uint32_t count);
  /// Hands out one given block that is free. Returns false, and does nothing, when it is not.
  bool claim(model::BlockId block);
  /// One more sequence references the block.
  void share(model::BlockId block);
  /// One sequence fewer references it. The block may be written by steps up to `busy_until` (0: by none).
  void drop(model::BlockId block, model::StepNumber busy_until);
  /// The prefix tree remembers, or has forgotten, the block's content.
  void set_cached(model::BlockId block, bool cached);
  /// Steps up to `until` may still touch the block.
  void mark_busy(model::BlockId block, model::StepNumber until);
  /// All steps up to `step` have returned.
  void step_returned(model::StepNumber step);
  /// No older step can touch anything any more; step numbers start again from 1.
  void fenced();

  BlockPlace place(model::BlockId block) const;
  bool busy(model::BlockId block) const { return blocks_[block].busy_until > returned_; }
  bool cached(model::BlockId block) const { return blocks_[block].cached; }
  std::uint32_t references(model::BlockId block) const { return blocks_[block].references; }

  std::uint32_t total() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::uint32_t free() const { return static_cast<std::uint32_t>(free_.size()); }
  std::uint32_t leased() const { return count(BlockPlace::leased); }
  std::uint32_t idle() const { return count(BlockPlace::idle); }
  std::uint32_t quarantined() const { return count(BlockPlace::quarantined); }
  /// Idle blocks that eviction would turn into free ones now.
  std::uint32_t reclaimable() const { return idle() - idle_busy_; }

  /// Counts everything anew and names what does not agree.
  std::vector<std::string> check() const;

 private:
  struct Block {
    std::uint32_t references = 0;
    bool cached = false;
    model::StepNumber busy_until = 0;
  };
  std::uint32_t count(BlockPlace place) const { return counts_[static_cast<std::size_t>(place)]; }
  /// Takes the block out of the books before a change, and enters it again after it.
  void forget(model::BlockId block);
  void enter(model::BlockId block);

  std::vector<Block> blocks_;
  std::set<model::BlockId> free_;
  std::set<std::pair<model::StepNumber, model::BlockId>>
      waiting_;  ///< busy and not leased, by the step awaited
  std::uint32_t counts_[4] = {};
  std::uint32_t idle_busy_ = 0;
  model::StepNumber returned_ = 0;
};

}  // namespace troupe::actors
