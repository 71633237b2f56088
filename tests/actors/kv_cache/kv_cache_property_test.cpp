// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <random>
#include <set>

#include "actors/kv_cache/kv_cache.hpp"
#include "tests/actors/kv_cache/sequences.hpp"

namespace troupe::actors {
namespace {

using model::BlockId;
using model::SequenceId;
using model::StepNumber;
using model::Token;
using ::testing::IsEmpty;
using testing::kBlock;
using testing::sequence;

/// A scheduler and its stage, as far as blocks are concerned: it knows which prefix each block's bytes are
/// the KV of, and which blocks the steps in flight may write. Checks that no lease is filled with another
/// prefix's bytes, that no block in flight is handed out, and the cache's own invariants after every
/// operation.
class Replica {
 public:
  explicit Replica(std::uint32_t seed) : random_(seed), cache_(kTotal, kBlock), bytes_(kTotal) {}

  void act() {
    const std::uint32_t dice = below(100);
    if (dice < 25)
      admit();
    else if (dice < 35)
      grow();
    else if (dice < 73)
      confirm();
    else if (dice < 90)
      finish();
    else if (dice < 97)
      return_step();
    else if (dice < 98)
      restart_cache();
    else if (dice < 99)
      restart_scheduler();
    else
      lose_store();
    const auto wrong = cache_.check();
    ASSERT_THAT(wrong, IsEmpty());
  }

  void finish_all() {
    while (!running_.empty()) finish();
    cache_.step_returned(step_);
    const KvCacheStats stats = cache_.stats();
    EXPECT_EQ(stats.leased, 0U);
    EXPECT_EQ(stats.quarantined, 0U);
    EXPECT_EQ(stats.free + stats.idle, kTotal) << "blocks leaked";
    EXPECT_EQ(std::get<Lease>(cache_.reserve(sequence(0), {}, kTotal, true)).blocks.size(), kTotal)
        << "an idle block could not be evicted";
  }
  std::uint64_t hits() const { return cache_.stats().hit_tokens; }
  const std::vector<BlockId>& trace() const { return trace_; }

 private:
  static constexpr std::uint32_t kTotal = 24;
  struct Sequence {
    std::vector<Token> tokens;
    std::vector<BlockId> blocks;
    std::uint32_t confirmed = 0;
  };

  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }

  std::vector<Token>& row(BlockId block, std::uint32_t end) { return bytes_[block][(end - 1) % kBlock]; }

  /// Few distinct tokens in the first blocks, so that prefixes meet often.
  std::vector<Token> prompt() {
    std::vector<Token> tokens(1 + below(18));
    const auto style = static_cast<Token>(below(3));
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i] = i < 9 ? style : static_cast<Token>(below(2));
    }
    return tokens;
  }

  void take(const std::vector<BlockId>& fresh) {
    for (BlockId block : fresh) {
      ASSERT_FALSE(in_flight_.contains(block) && in_flight_[block] > returned_)
          << "block " << block << " was leased while step " << in_flight_[block] << " may write it";
      bytes_[block] = {};
      trace_.push_back(block);
    }
  }

  void admit() {
    const SequenceId id = sequence(++next_id_);
    Sequence s{prompt(), {}, 0};
    const auto wanted = static_cast<std::uint32_t>(s.tokens.size() / kBlock + 1);
    const auto answer = cache_.reserve(id, s.tokens, wanted, below(8) != 0);
    if (const auto* denied = std::get_if<Denied>(&answer)) {
      ASSERT_LT(denied->free, denied->needed);
      return;
    }
    const Lease& lease = std::get<Lease>(answer);
    ASSERT_EQ(lease.blocks.size(), wanted);
    ASSERT_LT(lease.cached_tokens, s.tokens.size());
    ASSERT_EQ(lease.cached_tokens % kBlock, 0U);
    const std::uint32_t cached = lease.cached_tokens / kBlock;
    for (std::uint32_t i = 0; i < cached; ++i) {
      for (std::uint32_t end = i * kBlock + 1; end <= (i + 1) * kBlock; ++end) {
        const std::vector<Token> prefix(s.tokens.begin(), s.tokens.begin() + end);
        ASSERT_EQ(row(lease.blocks[i], end), prefix) << "a lease was filled with another prefix's KV";
      }
    }
    take({lease.blocks.begin() + cached, lease.blocks.end()});
    s.blocks = lease.blocks;
    s.confirmed = lease.cached_tokens;
    running_[id] = s;
  }

  SequenceId any() {
    auto it = running_.begin();
    std::advance(it, below(static_cast<std::uint32_t>(running_.size())));
    return it->first;
  }

  void grow() {
    if (running_.empty()) return;
    const SequenceId id = any();
    Sequence& s = running_[id];
    const auto held = static_cast<std::uint32_t>(s.blocks.size());
    const auto answer = cache_.extend(id, held, 1 + below(2));
    if (const auto* fresh = std::get_if<std::vector<BlockId>>(&answer)) {
      take(*fresh);
      s.blocks.insert(s.blocks.end(), fresh->begin(), fresh->end());
    }
  }

  /// A step runs: it writes the KV of some more tokens, sampled ones if the prompt is done.
  void confirm() {
    if (running_.empty()) return;
    const SequenceId id = any();
    Sequence& s = running_[id];
    const auto room = static_cast<std::uint32_t>(s.blocks.size() * kBlock);
    const std::uint32_t target = std::min(room, s.confirmed + 1 + below(12));
    while (s.tokens.size() < target) s.tokens.push_back(static_cast<Token>(below(2)));
    for (std::uint32_t end = s.confirmed + 1; end <= target; ++end) {
      row(s.blocks[(end - 1) / kBlock], end) = {s.tokens.begin(), s.tokens.begin() + end};
    }
    const std::uint32_t from = s.confirmed - std::min(s.confirmed, below(3));
    ASSERT_TRUE(cache_.confirm(id, std::span(s.tokens).subspan(from, target - from), from));
    s.confirmed = target;
  }

  void finish() {
    if (running_.empty()) return;
    const SequenceId id = any();
    const StepNumber until = below(2) == 0 ? 0 : (step_ += below(3));
    // Steps in flight write beyond what is confirmed, never into full confirmed blocks.
    const Sequence& s = running_[id];
    for (std::size_t i = s.confirmed / kBlock; i < s.blocks.size(); ++i) in_flight_[s.blocks[i]] = until;
    ASSERT_TRUE(cache_.release(id, below(6) != 0, until));
    running_.erase(id);
  }

  void return_step() {
    returned_ = returned_ + below(static_cast<std::uint32_t>(step_ - returned_) + 1);
    cache_.step_returned(returned_);
  }

  void fence() {
    in_flight_.clear();
    step_ = returned_ = 0;
  }

  void restart_cache() {
    fence();
    std::vector<LeaseReport> reports;
    for (const auto& [id, s] : running_) {
      reports.push_back({id, s.blocks, {s.tokens.begin(), s.tokens.begin() + s.confirmed}});
    }
    cache_ = KvCache(kTotal, kBlock);
    const auto adopted = cache_.adopt(reports);
    ASSERT_TRUE(adopted) << adopted.error().message;
  }

  void restart_scheduler() {
    fence();
    cache_.release_generation(true);
    running_.clear();
    ASSERT_EQ(cache_.stats().leased + cache_.stats().quarantined, 0U);
  }

  void lose_store() {
    fence();
    cache_.fenced();
    cache_.store_lost();
    for (auto& bytes : bytes_) bytes = {};
    for (auto& [id, s] : running_) s.confirmed = 0;
  }

  std::mt19937 random_;
  KvCache cache_;
  std::map<SequenceId, Sequence> running_;
  /// Per block and row: the prefix whose last token's KV it holds.
  std::vector<std::array<std::vector<Token>, kBlock>> bytes_;
  std::map<BlockId, StepNumber> in_flight_;  ///< blocks given back, by the step that may still write them
  std::vector<BlockId> trace_;
  StepNumber step_ = 0;
  StepNumber returned_ = 0;
  std::uint64_t next_id_ = 0;
};

class KvCacheProperty : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(KvCacheProperty, any_order_of_operations_keeps_every_invariant) {
  std::uint64_t hits = 0;
  for (std::uint32_t seed = GetParam() * 100; seed < GetParam() * 100 + 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Replica replica(seed);
    for (int i = 0; i < 400; ++i) {
      replica.act();
      if (HasFatalFailure()) return;
    }
    replica.finish_all();
    if (HasFailure()) return;
    hits += replica.hits();
  }
  EXPECT_GT(hits, 2'000U) << "the walk hardly ever shared a prefix: it tests nothing";
}

INSTANTIATE_TEST_SUITE_P(seeds, KvCacheProperty, ::testing::Range(0U, 8U));

TEST(KvCacheDeterminism, the_same_operations_give_the_same_blocks) {
  Replica first(77);
  Replica second(77);
  for (int i = 0; i < 500; ++i) {
    first.act();
    second.act();
  }
  EXPECT_EQ(first.trace(), second.trace());
  EXPECT_GT(first.trace().size(), 100U);
}

}  // namespace
}  // namespace troupe::actors
