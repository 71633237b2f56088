// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "actors/kv_cache/block_pool.hpp"
#include "actors/kv_cache/lease_table.hpp"
#include "actors/kv_cache/prefix_tree.hpp"
#include "model/error.hpp"
#include "model/ids.hpp"
#include "model/kv_layout.hpp"

namespace troupe::actors {

/// A granted reservation: the sequence's whole block table, of which the first cached_tokens positions are
/// filled.
struct Lease {
  std::vector<model::BlockId> blocks;
  std::uint32_t cached_tokens = 0;
  bool operator==(const Lease&) const = default;
};

/// A refused request for blocks. `needed` > `total` can never be granted.
struct Denied {
  std::uint32_t free = 0;    ///< blocks that could be had now, idle prefixes included
  std::uint32_t needed = 0;  ///< fresh blocks asked for
  std::uint32_t total = 0;
  bool unknown_sequence = false;  ///< extend: no lease of that length is known here
  bool operator==(const Denied&) const = default;
};

/// What a scheduler reports of one sequence to a kv_cache that was restarted.
struct LeaseReport {
  model::SequenceId sequence;
  std::vector<model::BlockId> blocks;
  std::vector<model::Token> confirmed;
  bool operator==(const LeaseReport&) const = default;
};

/// Blocks that were given back while steps up to `until` were in flight.
struct QuarantineReport {
  model::StepNumber until = 0;
  std::vector<model::BlockId> blocks;
  bool operator==(const QuarantineReport&) const = default;
};

struct KvCacheStats {
  std::uint32_t total = 0;
  std::uint32_t free = 0;
  std::uint32_t leased = 0;
  std::uint32_t idle = 0;
  std::uint32_t quarantined = 0;
  std::uint32_t sequences = 0;
  std::uint64_t query_tokens = 0;  ///< tokens of reservations that asked for the prefix cache
  std::uint64_t hit_tokens = 0;    ///< of these, found filled
  std::uint64_t evicted_blocks = 0;
  bool operator==(const KvCacheStats&) const = default;
};

/// The KV pool of a replica: who holds which block, and which idle blocks hold the KV of which prefix. Knows
/// block ids, never bytes. The kv_cache actor wraps one.
///
/// A token is *confirmed* when the step that computed its KV has returned: the last sampled token is not
/// confirmed yet. Everything is deterministic: the same calls give the same blocks.
///
/// Threads: one caller at a time.
class KvCache {
 public:
  explicit KvCache(std::uint32_t total_blocks, std::uint32_t tokens_per_block = model::kTokensPerBlock,
                   bool prefix_caching = true);

  /// Leases `blocks_wanted` blocks to a sequence with these tokens (prompt, and the answer so far). With
  /// `use_prefix` the longest chain of full blocks with exactly these tokens is shared instead of computed
  /// again, but never the last token's block: at least one row is left to compute. Idle prefixes are evicted,
  /// longest idle first, when too few blocks are free. A sequence that already holds a lease gets the same
  /// one, extended if it wants more.
  std::variant<Lease, Denied> reserve(const model::SequenceId& id, std::span<const model::Token> tokens,
                                      std::uint32_t blocks_wanted, bool use_prefix);
  /// Leases blocks until the sequence has `count` beyond the first `held`, which its scheduler knows of;
  /// returns these. Asking again with the same `held` gives the same blocks. Denied also when there is no
  /// such lease, or a shorter one.
  std::variant<std::vector<model::BlockId>, Denied> extend(const model::SequenceId& id, std::uint32_t held,
                                                           std::uint32_t count);
  /// Tokens [from, from + tokens.size()) of the sequence are confirmed; full blocks of them may now be
  /// shared. Returns false when nothing is known of the sequence, there is a gap, or the tokens do not fit
  /// its blocks.
  bool confirm(const model::SequenceId& id, std::span<const model::Token> tokens, std::uint32_t from = 0);
  /// Ends a lease. Confirmed full blocks stay as idle prefixes when `keep_prefix`; otherwise the prefixes
  /// that nobody else uses are forgotten too (their content is suspect). Blocks that are not kept are free
  /// once the steps up to `quarantine_until` have returned (0: at once). Returns false when the sequence
  /// holds no lease.
  bool release(const model::SequenceId& id, bool keep_prefix, model::StepNumber quarantine_until);
  /// Every step up to `step` has returned.
  void step_returned(model::StepNumber step) { pool_.step_returned(step); }
  /// All stages are fenced: nothing of an older generation can touch a block. Ends every quarantine.
  void fenced() { pool_.fenced(); }

  /// After a death of the kv_cache: takes over what the scheduler still holds; all other blocks are free.
  /// Only on a cache that has leased nothing yet. Errors: internal, naming the block that the reports
  /// contradict each other on; the cache is then empty.
  model::Result<void> adopt(const std::vector<LeaseReport>& leases,
                            const std::vector<QuarantineReport>& quarantined = {});
  /// After a death of the scheduler, once the stages are fenced: ends every lease of the dead generation.
  void release_generation(bool keep_prefix);
  /// After a stage lost its KV bytes: idle prefixes are gone, leases stay but nothing in them is confirmed
  /// any more.
  void store_lost();

  KvCacheStats stats() const;
  std::uint32_t tokens_per_block() const { return tokens_per_block_; }
  bool holds(const model::SequenceId& id) const { return leases_.find(id) != nullptr; }
  /// Every violated invariant, in words; empty when all is well. Linear in the number of blocks and leased
  /// tokens.
  std::vector<std::string> check() const;

 private:
  /// Takes the blocks of one report out of the free ones; the reason when it contradicts the reports before
  /// it.
  std::optional<std::string> adopt_lease(const LeaseReport& report);
  bool shared_at(model::BlockId block, std::uint32_t index) const;
  std::optional<std::string> adopt_quarantine(const QuarantineReport& report);
  bool acquire(std::uint32_t count, std::vector<model::BlockId>& into);
  void evict_until_free(std::uint32_t count);
  void reference(model::BlockId block);
  void unreference(model::BlockId block, model::StepNumber busy_until);
  std::span<const model::Token> block_tokens(const HeldLease& lease, std::uint32_t index) const;
  std::uint32_t full_blocks(const HeldLease& lease) const;
  void register_confirmed(HeldLease& lease);
  void keep_confirmed(HeldLease& lease, model::StepNumber busy_until);
  void discard_prefix(const HeldLease& lease);
  Denied denied(std::uint32_t needed) const;
  std::vector<std::string> check_leases() const;

  std::uint32_t tokens_per_block_;
  bool prefix_caching_;
  BlockPool pool_;
  PrefixTree tree_;
  LeaseTable leases_;
  std::uint64_t query_tokens_ = 0;
  std::uint64_t hit_tokens_ = 0;
  std::uint64_t evicted_blocks_ = 0;
};

}  // namespace troupe::actors
