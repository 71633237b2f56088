// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/block_pool.hpp"

#include <algorithm>

namespace troupe::actors {

using model::BlockId;
using model::StepNumber;

BlockPool::BlockPool(std::uint32_t total) : blocks_(total) {
  for (BlockId block = 0; block < total; ++block) enter(block);
}

BlockPlace BlockPool::place(BlockId block) const {
  const Block& b = blocks_[block];
  if (b.references > 0) return BlockPlace::leased;
  if (b.cached) return BlockPlace::idle;
  return busy(block) ? BlockPlace::quarantined : BlockPlace::free;
}

void BlockPool::forget(BlockId block) {
  const BlockPlace where = place(block);
  --counts_[static_cast<std::size_t>(where)];
  if (where == BlockPlace::free) free_.erase(block);
  if (where != BlockPlace::leased && busy(block)) waiting_.erase({blocks_[block].busy_until, block});
  if (where == BlockPlace::idle && busy(block)) --idle_busy_;
}

void BlockPool::enter(BlockId block) {
  const BlockPlace where = place(block);
  ++counts_[static_cast<std::size_t>(where)];
  if (where == BlockPlace::free) free_.insert(block);
  if (where != BlockPlace::leased && busy(block)) waiting_.insert({blocks_[block].busy_until, block});
  if (where == BlockPlace::idle && busy(block)) ++idle_busy_;
}

std::vector<BlockId> BlockPool::take(std::uint32_t count) {
  std::vector<BlockId> taken;
  taken.reserve(count);
  for (; count > 0 && !free_.empty(); --count) {
    taken.push_back(*free_.begin());
    claim(taken.back());
  }
  return taken;
}

bool BlockPool::claim(BlockId block) {
  if (block >= total() || place(block) != BlockPlace::free) return false;
  share(block);
  return true;
}

void BlockPool::share(BlockId block) {
  forget(block);
  ++blocks_[block].references;
  enter(block);
}

void BlockPool::drop(BlockId block, StepNumber busy_until) {
  forget(block);
  Block& b = blocks_[block];
  --b.references;
  b.busy_until = std::max(b.busy_until, busy_until);
  enter(block);
}

void BlockPool::set_cached(BlockId block, bool cached) {
  forget(block);
  blocks_[block].cached = cached;
  enter(block);
}

void BlockPool::mark_busy(BlockId block, StepNumber until) {
  forget(block);
  blocks_[block].busy_until = std::max(blocks_[block].busy_until, until);
  enter(block);
}

void BlockPool::step_returned(StepNumber step) {
  if (step <= returned_) return;
  std::vector<BlockId> done;
  for (const auto& [awaited, block] : waiting_) {
    if (awaited > step) break;
    done.push_back(block);
  }
  for (BlockId block : done) forget(block);
  returned_ = step;
  for (BlockId block : done) enter(block);
}

void BlockPool::fenced() {
  std::vector<BlockId> done;
  for (const auto& [awaited, block] : waiting_) done.push_back(block);
  for (BlockId block : done) forget(block);
  returned_ = 0;
  for (Block& block : blocks_) block.busy_until = 0;
  for (BlockId block : done) enter(block);
}

std::vector<std::string> BlockPool::check() const {
  std::vector<std::string> wrong;
  std::uint32_t seen[4] = {};
  std::uint32_t idle_busy = 0;
  std::uint32_t waiting = 0;
  for (BlockId block = 0; block < total(); ++block) {
    const BlockPlace where = place(block);
    ++seen[static_cast<std::size_t>(where)];
    if ((where == BlockPlace::free) != free_.contains(block)) {
      wrong.push_back("block " + std::to_string(block) + ": the free list disagrees with its place");
    }
    const bool waits = where != BlockPlace::leased && busy(block);
    if (waits) ++waiting;
    if (waits != waiting_.contains({blocks_[block].busy_until, block})) {
      wrong.push_back("block " + std::to_string(block) + ": the quarantine list disagrees with its step");
    }
    if (where == BlockPlace::idle && busy(block)) ++idle_busy;
  }
  if (!std::equal(seen, seen + 4, counts_) || idle_busy != idle_busy_ || waiting != waiting_.size()) {
    wrong.push_back("the pool's counters disagree with its blocks");
  }
  if (free() + leased() + idle() + quarantined() != total()) {
    wrong.push_back("free " + std::to_string(free()) + " + leased " + std::to_string(leased()) + " + idle " +
                    std::to_string(idle()) + " + quarantined " + std::to_string(quarantined()) + " is not " +
                    std::to_string(total()));
  }
  return wrong;
}

}  // namespace troupe::actors
