// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/kv_cache.hpp"

#include <gmock/gmock.h>

#include "tests/actors/kv_cache/sequences.hpp"

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using testing::granted;
using ::testing::IsEmpty;
using testing::joined;
using testing::kBlock;
using testing::sequence;
using testing::tokens;

/// Runs a sequence to its end: its prompt's KV stays as an idle prefix.
void serve(KvCache& cache, std::uint64_t id, const std::vector<model::Token>& prompt) {
  const auto blocks = static_cast<std::uint32_t>((prompt.size() + kBlock) / kBlock);
  granted(cache.reserve(sequence(id), prompt, blocks, true));
  ASSERT_TRUE(cache.confirm(sequence(id), prompt));
  ASSERT_TRUE(cache.release(sequence(id), true, 0));
}

TEST(KvCache, leases_blocks_and_gets_them_back) {
  KvCache cache(8, kBlock);
  EXPECT_EQ(granted(cache.reserve(sequence(1), tokens(0, 6), 2, true)), (Lease{{0, 1}, 0}));
  EXPECT_THAT(granted(cache.extend(sequence(1), 2, 2)), ElementsAre(2, 3));
  EXPECT_EQ(cache.stats().free, 4U);
  EXPECT_TRUE(cache.release(sequence(1), true, 0));
  EXPECT_EQ(cache.stats().free, 8U) << "nothing was confirmed, nothing is kept";
  EXPECT_FALSE(cache.release(sequence(1), true, 0));
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, a_refusal_says_how_many_are_free_needed_and_exist) {
  KvCache cache(4, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 6), 3, true));
  const auto refused = cache.reserve(sequence(2), tokens(50, 6), 2, true);
  EXPECT_EQ(std::get<Denied>(refused), (Denied{.free = 1, .needed = 2, .total = 4}));
  EXPECT_FALSE(cache.holds(sequence(2)));
  EXPECT_EQ(std::get<Denied>(cache.extend(sequence(1), 3, 2)), (Denied{.free = 1, .needed = 2, .total = 4}));
  EXPECT_TRUE(std::get<Denied>(cache.extend(sequence(9), 0, 1)).unknown_sequence);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, asking_twice_gives_the_same_blocks) {
  KvCache cache(8, kBlock);
  const Lease first = granted(cache.reserve(sequence(1), tokens(0, 6), 2, true));
  EXPECT_EQ(granted(cache.reserve(sequence(1), tokens(0, 6), 2, true)), first);
  const auto more = granted(cache.extend(sequence(1), 2, 2));
  EXPECT_EQ(granted(cache.extend(sequence(1), 2, 2)), more);
  EXPECT_EQ(cache.stats().leased, 4U);
}

TEST(KvCache, a_prefix_of_full_blocks_with_the_same_tokens_is_shared) {
  KvCache cache(8, kBlock);
  serve(cache, 1, tokens(0, 10));
  const Lease hit = granted(cache.reserve(sequence(2), joined(tokens(0, 8), tokens(90, 3)), 3, true));
  EXPECT_EQ(hit, (Lease{{0, 1, 2}, 8}));
  const Lease also = granted(cache.reserve(sequence(3), joined(tokens(0, 8), tokens(70, 3)), 3, true));
  EXPECT_EQ(also, (Lease{{0, 1, 3}, 8})) << "two sequences on the same two blocks";
  cache.release(sequence(2), true, 0);
  EXPECT_EQ(cache.stats().leased, 3U);
  EXPECT_EQ(cache.stats().hit_tokens, 16U);
  EXPECT_EQ(cache.stats().query_tokens, 10U + 11U + 11U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, the_last_token_is_always_left_to_compute) {
  KvCache cache(8, kBlock);
  serve(cache, 1, tokens(0, 8));
  EXPECT_EQ(granted(cache.reserve(sequence(2), tokens(0, 8), 3, true)).cached_tokens, 4U);
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 9), 3, true)).cached_tokens, 8U);
  EXPECT_EQ(granted(cache.reserve(sequence(4), tokens(0, 4), 2, true)).cached_tokens, 0U);
}

TEST(KvCache, a_request_that_wants_every_position_computed_shares_nothing) {
  KvCache cache(8, kBlock);
  serve(cache, 1, tokens(0, 8));
  EXPECT_EQ(granted(cache.reserve(sequence(2), tokens(0, 9), 3, false)).cached_tokens, 0U);
  EXPECT_EQ(cache.stats().query_tokens, 8U) << "it did not ask";
}

TEST(KvCache, without_prefix_caching_nothing_is_kept) {
  KvCache cache(8, kBlock, false);
  serve(cache, 1, tokens(0, 8));
  EXPECT_EQ(cache.stats().free, 8U);
  EXPECT_EQ(granted(cache.reserve(sequence(2), tokens(0, 9), 3, true)).cached_tokens, 0U);
}

TEST(KvCache, only_confirmed_tokens_enter_the_prefix_tree) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 8), 3, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 7)));
  EXPECT_EQ(granted(cache.reserve(sequence(2), tokens(0, 12), 3, true)).cached_tokens, 4U);
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(7, 3), 7)) << "in parts, from a position";
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 12), 3, true)).cached_tokens, 8U)
      << "while the first still runs";
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, a_confirmation_with_a_gap_or_other_tokens_or_too_many_is_refused) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 8), 2, true));
  EXPECT_FALSE(cache.confirm(sequence(1), tokens(4, 2), 4));
  EXPECT_TRUE(cache.confirm(sequence(1), tokens(0, 6)));
  EXPECT_TRUE(cache.confirm(sequence(1), tokens(2, 4), 2)) << "a repeated part changes nothing";
  EXPECT_FALSE(cache.confirm(sequence(1), tokens(9, 2), 4));
  EXPECT_FALSE(cache.confirm(sequence(1), tokens(0, 9)));
  EXPECT_FALSE(cache.confirm(sequence(2), tokens(0, 1)));
}

TEST(KvCache, the_second_of_two_equal_prompts_keeps_its_own_copy_until_it_ends) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 8), 2, true));
  granted(cache.reserve(sequence(2), tokens(0, 12), 3, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 8)));
  ASSERT_TRUE(cache.confirm(sequence(2), tokens(0, 12)));
  EXPECT_THAT(cache.check(), IsEmpty());
  cache.release(sequence(2), true, 0);
  EXPECT_EQ(cache.stats().idle, 1U) << "its third block continues the other's two; its copies are free";
  EXPECT_EQ(cache.stats().free, 8U - 2 - 1);
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 13), 4, true)), (Lease{{0, 1, 4, 2}, 12}));
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, idle_prefixes_make_room_the_longest_idle_first_and_the_end_of_a_prefix_before_its_beginning) {
  KvCache cache(6, kBlock);
  serve(cache, 1, tokens(0, 8));
  serve(cache, 2, tokens(50, 8));
  EXPECT_EQ(cache.stats().idle, 4U);
  granted(cache.reserve(sequence(3), tokens(90, 8), 3, true));
  EXPECT_EQ(cache.stats().evicted_blocks, 1U);
  EXPECT_EQ(granted(cache.reserve(sequence(4), tokens(0, 8), 1, true)).cached_tokens, 4U)
      << "the first block of the older prefix is still there";
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, a_refused_reservation_evicts_nothing) {
  KvCache cache(6, kBlock);
  serve(cache, 1, tokens(0, 16));
  ASSERT_EQ(cache.stats().idle, 4U);
  EXPECT_EQ(std::get<Denied>(cache.reserve(sequence(2), tokens(50, 8), 7, true)).free, 6U);
  EXPECT_EQ(cache.stats().idle, 4U);
}

TEST(KvCache, a_reservation_does_not_evict_the_prefix_that_it_shares) {
  KvCache cache(4, kBlock);
  serve(cache, 1, tokens(0, 8));
  granted(cache.reserve(sequence(2), tokens(50, 8), 2, true));
  ASSERT_TRUE(cache.confirm(sequence(2), tokens(50, 8)));
  cache.release(sequence(2), true, 0);
  ASSERT_EQ(cache.stats().idle, 4U);
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 9), 4, true)).cached_tokens, 8U);
  EXPECT_EQ(cache.stats().evicted_blocks, 2U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, blocks_given_back_in_the_middle_of_a_step_are_not_leased_before_it_returned) {
  KvCache cache(4, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 6), 4, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 6)));
  cache.release(sequence(1), true, 12);
  EXPECT_EQ(cache.stats().quarantined, 3U);
  EXPECT_EQ(std::get<Denied>(cache.reserve(sequence(2), tokens(50, 3), 1, true)).free, 0U);
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 6), 1, true)).cached_tokens, 4U)
      << "a confirmed block is only read by the steps in flight: sharing it is safe";
  cache.step_returned(12);
  EXPECT_EQ(cache.stats().free, 3U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCache, a_prefix_that_is_not_kept_is_forgotten_unless_another_uses_it) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 8), 3, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 8)));
  granted(cache.reserve(sequence(2), tokens(0, 6), 2, true));
  cache.release(sequence(1), false, 0);
  EXPECT_EQ(cache.stats().idle, 0U);
  EXPECT_EQ(cache.stats().leased, 2U);
  EXPECT_THAT(cache.check(), IsEmpty());
  cache.release(sequence(2), false, 0);
  EXPECT_EQ(cache.stats().free, 8U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

}  // namespace
}  // namespace troupe::actors
