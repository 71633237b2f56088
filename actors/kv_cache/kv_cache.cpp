// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/kv_cache.hpp"

#include <algorithm>

namespace troupe::actors {

using model::BlockId;
using model::SequenceId;
using model::StepNumber;
using model::Token;

KvCache::KvCache(std::uint32_t total_blocks, std::uint32_t tokens_per_block, bool prefix_caching)
    : tokens_per_block_(tokens_per_block),
      prefix_caching_(prefix_caching),
      pool_(total_blocks),
      tree_(total_blocks, tokens_per_block) {}

Denied KvCache::denied(std::uint32_t needed) const {
  return {.free = pool_.free() + pool_.reclaimable(), .needed = needed, .total = pool_.total()};
}

void KvCache::reference(BlockId block) {
  pool_.share(block);
  if (tree_.contains(block)) tree_.set_in_use(block, true);
}

void KvCache::unreference(BlockId block, StepNumber busy_until) {
  pool_.drop(block, busy_until);
  if (tree_.contains(block) && pool_.references(block) == 0) tree_.set_in_use(block, false);
}

void KvCache::evict_until_free(std::uint32_t count) {
  while (pool_.free() < count) {
    const auto leaf = tree_.oldest_idle_leaf([this](BlockId block) { return !pool_.busy(block); });
    if (!leaf) return;
    tree_.remove(*leaf);
    pool_.set_cached(*leaf, false);
    ++evicted_blocks_;
  }
}

bool KvCache::acquire(std::uint32_t count, std::vector<BlockId>& into) {
  if (pool_.free() + pool_.reclaimable() < count) return false;
  evict_until_free(count);
  if (pool_.free() < count) return false;
  const std::vector<BlockId> taken = pool_.take(count);
  into.insert(into.end(), taken.begin(), taken.end());
  return true;
}

std::variant<Lease, Denied> KvCache::reserve(const SequenceId& id, std::span<const Token> tokens,
                                             std::uint32_t blocks_wanted, bool use_prefix) {
  if (HeldLease* held = leases_.find(id)) {
    const auto have = static_cast<std::uint32_t>(held->blocks.size());
    if (blocks_wanted > have && !acquire(blocks_wanted - have, held->blocks)) {
      return denied(blocks_wanted - have);
    }
    return Lease{held->blocks, held->cached_tokens};
  }
  HeldLease lease;
  const bool look = use_prefix && prefix_caching_;
  if (look && !tokens.empty()) {
    const auto computable = static_cast<std::uint32_t>((tokens.size() - 1) / tokens_per_block_);
    lease.blocks = tree_.match(tokens, std::min(computable, blocks_wanted));
  }
  const auto cached_blocks = static_cast<std::uint32_t>(lease.blocks.size());
  // Referenced before room is made for the rest, so that the prefix itself is not evicted.
  for (BlockId block : lease.blocks) reference(block);
  if (!acquire(blocks_wanted - cached_blocks, lease.blocks)) {
    const Denied refusal = denied(blocks_wanted - cached_blocks);
    for (BlockId block : lease.blocks) unreference(block, 0);
    return refusal;
  }
  lease.cached_tokens = cached_blocks * tokens_per_block_;
  lease.in_tree = cached_blocks;
  lease.confirmed.assign(tokens.begin(), tokens.begin() + lease.cached_tokens);
  if (look) query_tokens_ += tokens.size();
  hit_tokens_ += lease.cached_tokens;
  Lease granted{lease.blocks, lease.cached_tokens};
  leases_.add(id) = std::move(lease);
  return granted;
}

std::variant<std::vector<BlockId>, Denied> KvCache::extend(const SequenceId& id, std::uint32_t held,
                                                           std::uint32_t count) {
  HeldLease* lease = leases_.find(id);
  const auto have = lease == nullptr ? 0U : static_cast<std::uint32_t>(lease->blocks.size());
  if (lease == nullptr || held > have) {
    Denied refusal = denied(count);
    refusal.unknown_sequence = true;
    return refusal;
  }
  const std::uint32_t already = have - held;
  if (count > already && !acquire(count - already, lease->blocks)) return denied(count - already);
  const auto first = lease->blocks.begin() + held;
  return std::vector<BlockId>(first, first + count);
}

std::span<const Token> KvCache::block_tokens(const HeldLease& lease, std::uint32_t index) const {
  return std::span(lease.confirmed).subspan(std::size_t{index} * tokens_per_block_, tokens_per_block_);
}

std::uint32_t KvCache::full_blocks(const HeldLease& lease) const {
  return static_cast<std::uint32_t>(lease.confirmed.size() / tokens_per_block_);
}

// A running sequence registers its blocks only while it stands on the tree with its own blocks. If another
// computed the same tokens first, its copies stay private, so that whoever uses a node also uses the node's
// ancestors: an idle node then has only idle descendants, and every idle block can be evicted.
void KvCache::register_confirmed(HeldLease& lease) {
  if (!prefix_caching_) return;
  for (; lease.in_tree < full_blocks(lease); ++lease.in_tree) {
    const BlockId block = lease.blocks[lease.in_tree];
    const auto parent =
        lease.in_tree == 0 ? std::nullopt : std::optional<BlockId>(lease.blocks[lease.in_tree - 1]);
    const auto tokens = block_tokens(lease, lease.in_tree);
    const auto existing = tree_.child(parent, tokens);
    if (existing == block) continue;
    if (existing) return;
    tree_.insert(parent, tokens, block);
    pool_.set_cached(block, true);
  }
}

// At the end of a lease nothing of it is in use, so its blocks may also stand below another sequence's
// copies.
void KvCache::keep_confirmed(HeldLease& lease, StepNumber busy_until) {
  if (!prefix_caching_) return;
  std::optional<BlockId> at;
  for (std::uint32_t i = 0; i < full_blocks(lease); ++i) {
    const BlockId block = lease.blocks[i];
    const auto tokens = block_tokens(lease, i);
    auto next = tree_.child(at, tokens);
    if (!next) {
      // Still leased by a sequence that shares it: that one's end will bring it in.
      if (pool_.references(block) > 1 || tree_.contains(block)) return;
      tree_.insert(at, tokens, block);
      pool_.set_cached(block, true);
      next = block;
    } else {
      // Ancestors stay busy as long as what may hang below them, so that idle blocks never wait for each
      // other.
      pool_.mark_busy(*next, busy_until);
      if (pool_.references(*next) == 0) tree_.set_in_use(*next, false);
    }
    at = next;
  }
}

void KvCache::discard_prefix(const HeldLease& lease) {
  for (auto block = lease.blocks.rbegin(); block != lease.blocks.rend(); ++block) {
    if (!tree_.contains(*block)) continue;
    if (pool_.references(*block) > 0 || !tree_.is_leaf(*block)) return;
    tree_.remove(*block);
    pool_.set_cached(*block, false);
  }
}

bool KvCache::confirm(const SequenceId& id, std::span<const Token> tokens, std::uint32_t from) {
  HeldLease* lease = leases_.find(id);
  if (lease == nullptr || !LeaseTable::confirm(*lease, tokens, from, tokens_per_block_)) return false;
  register_confirmed(*lease);
  return true;
}

bool KvCache::release(const SequenceId& id, bool keep_prefix, StepNumber quarantine_until) {
  HeldLease* lease = leases_.find(id);
  if (lease == nullptr) return false;
  if (keep_prefix) keep_confirmed(*lease, quarantine_until);
  for (auto block = lease->blocks.rbegin(); block != lease->blocks.rend(); ++block) {
    unreference(*block, quarantine_until);
  }
  if (!keep_prefix) discard_prefix(*lease);
  leases_.erase(id);
  return true;
}

void KvCache::release_generation(bool keep_prefix) {
  pool_.fenced();
  while (!leases_.all().empty()) release(SequenceId{leases_.all().begin()->first}, keep_prefix, 0);
}

void KvCache::store_lost() {
  for (BlockId block = 0; block < pool_.total(); ++block) {
    if (pool_.cached(block)) pool_.set_cached(block, false);
  }
  tree_ = PrefixTree(pool_.total(), tokens_per_block_);
  for (auto& [id, lease] : leases_.all()) {
    lease.confirmed.clear();
    lease.in_tree = 0;
    lease.cached_tokens = 0;
  }
}

std::optional<std::string> KvCache::adopt_lease(const LeaseReport& report) {
  const std::string who = "the lease of " + to_string(report.sequence);
  if (holds(report.sequence)) return who + " is reported twice";
  HeldLease lease;
  for (std::uint32_t i = 0; i < report.blocks.size(); ++i) {
    const BlockId block = report.blocks[i];
    const std::string what = who + ": block " + std::to_string(block);
    if (block >= pool_.total()) return what + " is not in a pool of " + std::to_string(pool_.total());
    if (std::find(lease.blocks.begin(), lease.blocks.end(), block) != lease.blocks.end()) {
      return what + " is in it twice";
    }
    if (!pool_.claim(block)) {
      if (!shared_at(block, i)) return what + " is held elsewhere at another position";
      pool_.share(block);
    }
    lease.blocks.push_back(block);
  }
  if (!LeaseTable::confirm(lease, report.confirmed, 0, tokens_per_block_)) {
    return who + " has more confirmed tokens than its blocks hold";
  }
  leases_.add(report.sequence) = std::move(lease);
  return std::nullopt;
}

bool KvCache::shared_at(BlockId block, std::uint32_t index) const {
  return std::any_of(leases_.all().begin(), leases_.all().end(), [&](const auto& entry) {
    return index < entry.second.blocks.size() && entry.second.blocks[index] == block;
  });
}

std::optional<std::string> KvCache::adopt_quarantine(const QuarantineReport& report) {
  for (BlockId block : report.blocks) {
    if (!pool_.claim(block)) return "quarantined block " + std::to_string(block) + " is held elsewhere";
    pool_.drop(block, report.until);
  }
  return std::nullopt;
}

model::Result<void> KvCache::adopt(const std::vector<LeaseReport>& leases,
                                   const std::vector<QuarantineReport>& quarantined) {
  std::optional<std::string> wrong;
  if (leases_.size() > 0) wrong = "leases were given out before the reports came";
  for (auto report = leases.begin(); !wrong && report != leases.end(); ++report) wrong = adopt_lease(*report);
  for (auto report = quarantined.begin(); !wrong && report != quarantined.end(); ++report) {
    wrong = adopt_quarantine(*report);
  }
  if (wrong) {
    *this = KvCache(pool_.total(), tokens_per_block_, prefix_caching_);
    return model::Error{model::ErrorCode::internal, "kv_cache cannot adopt the reported leases: " + *wrong,
                        ""};
  }
  for (auto& [id, lease] : leases_.all()) register_confirmed(lease);
  return {};
}

KvCacheStats KvCache::stats() const {
  return {.total = pool_.total(),
          .free = pool_.free(),
          .leased = pool_.leased(),
          .idle = pool_.idle(),
          .quarantined = pool_.quarantined(),
          .sequences = static_cast<std::uint32_t>(leases_.size()),
          .query_tokens = query_tokens_,
          .hit_tokens = hit_tokens_,
          .evicted_blocks = evicted_blocks_};
}

std::vector<std::string> KvCache::check() const {
  std::vector<std::string> wrong = pool_.check();
  for (const auto& more : {tree_.check(), check_leases()})
    wrong.insert(wrong.end(), more.begin(), more.end());
  return wrong;
}

std::vector<std::string> KvCache::check_leases() const {
  std::vector<std::string> wrong;
  std::vector<std::uint32_t> references(pool_.total());
  std::vector<std::uint32_t> index_of(pool_.total());
  for (const auto& [id, lease] : leases_.all()) {
    const std::string who = "lease " + to_string(id);
    if (lease.confirmed.size() > lease.blocks.size() * std::size_t{tokens_per_block_}) {
      wrong.push_back(who + ": more confirmed tokens than its blocks hold");
    }
    for (std::uint32_t i = 0; i < lease.blocks.size(); ++i) {
      const BlockId block = lease.blocks[i];
      if (references[block]++ > 0 && index_of[block] != i) {
        wrong.push_back(who + ": block " + std::to_string(block) + " stands at two positions");
      }
      index_of[block] = i;
      if (i < lease.in_tree && !tree_.contains(block)) {
        wrong.push_back(who + ": block " + std::to_string(block) + " left the prefix tree while leased");
      }
    }
  }
  for (BlockId block = 0; block < pool_.total(); ++block) {
    const std::string what = "block " + std::to_string(block);
    if (references[block] != pool_.references(block)) {
      wrong.push_back(what + ": " + std::to_string(pool_.references(block)) + " references counted, " +
                      std::to_string(references[block]) + " leases hold it");
    }
    if (pool_.cached(block) != tree_.contains(block))
      wrong.push_back(what + ": pool and prefix tree disagree");
    if (!tree_.contains(block)) continue;
    if (tree_.in_use(block) != (references[block] > 0)) wrong.push_back(what + ": in use and idle at once");
    const auto parent = tree_.parent(block);
    if (parent && references[*parent] < references[block])
      wrong.push_back(what + ": used without its prefix");
    if (parent && pool_.busy(block) && !pool_.busy(*parent))
      wrong.push_back(what + ": busy below a quiet prefix");
  }
  return wrong;
}

}  // namespace troupe::actors
