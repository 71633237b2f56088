// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "actors/kv_cache/kv_cache.hpp"
#include "tests/actors/kv_cache/sequences.hpp"

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using testing::granted;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::joined;
using testing::kBlock;
using testing::sequence;
using testing::tokens;

TEST(KvCacheAdopt, a_restarted_cache_takes_over_what_the_scheduler_holds) {
  KvCache cache(10, kBlock);
  const std::vector<LeaseReport> leases = {{sequence(1), {7, 3, 5}, tokens(0, 9)},
                                           {sequence(2), {7, 3, 6}, joined(tokens(0, 8), tokens(70, 2))}};
  ASSERT_TRUE(cache.adopt(leases, {{4, {0, 9}}}));
  EXPECT_EQ(cache.stats().leased, 4U);
  EXPECT_EQ(cache.stats().quarantined, 2U);
  EXPECT_EQ(cache.stats().free, 4U);
  EXPECT_THAT(cache.check(), IsEmpty());
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 9), 3, true)), (Lease{{7, 3, 1}, 8}))
      << "what was confirmed can be shared again";
  cache.release(sequence(1), true, 0);
  cache.release(sequence(2), true, 0);
  cache.release(sequence(3), true, 0);
  cache.step_returned(4);
  EXPECT_EQ(cache.stats().free, 8U);
  EXPECT_EQ(cache.stats().idle, 2U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCacheAdopt, two_reported_copies_of_one_prefix_both_end_well) {
  KvCache cache(8, kBlock);
  ASSERT_TRUE(cache.adopt({{sequence(1), {0, 1}, tokens(0, 8)},
                           {sequence(2), {2, 3}, tokens(0, 8)},
                           {sequence(3), {2, 3, 4}, tokens(0, 12)}}));
  EXPECT_THAT(cache.check(), IsEmpty());
  for (std::uint64_t id : {2, 1, 3}) {
    cache.release(sequence(id), true, 0);
    EXPECT_THAT(cache.check(), IsEmpty()) << "after sequence " << id;
  }
  EXPECT_EQ(cache.stats().idle, 3U);
  EXPECT_EQ(cache.stats().free, 5U);
}

TEST(KvCacheAdopt, reports_that_contradict_each_other_are_refused_and_leave_an_empty_cache) {
  const std::vector<std::pair<std::vector<LeaseReport>, std::string>> bad = {
      {{{sequence(1), {8}, {}}}, "block 8 is not in a pool of 8"},
      {{{sequence(1), {2, 2}, {}}}, "block 2 is in it twice"},
      {{{sequence(1), {2, 3}, {}}, {sequence(2), {3}, {}}}, "block 3 is held elsewhere at another position"},
      {{{sequence(1), {2}, {}}, {sequence(1), {3}, {}}}, "reported twice"},
      {{{sequence(1), {2}, tokens(0, 5)}}, "more confirmed tokens than its blocks hold"},
  };
  for (const auto& [reports, reason] : bad) {
    KvCache cache(8, kBlock);
    const auto adopted = cache.adopt(reports);
    ASSERT_FALSE(adopted);
    EXPECT_THAT(adopted.error().message, HasSubstr(reason));
    EXPECT_EQ(cache.stats().free, 8U);
    EXPECT_THAT(cache.check(), IsEmpty());
  }
  KvCache cache(8, kBlock);
  const auto adopted = cache.adopt({{sequence(1), {2}, {}}}, {{1, {2}}});
  ASSERT_FALSE(adopted);
  EXPECT_THAT(adopted.error().message, HasSubstr("quarantined block 2"));
}

TEST(KvCacheAdopt, after_a_dead_scheduler_confirmed_blocks_serve_the_requests_that_come_again) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 6), 3, true));
  granted(cache.reserve(sequence(2), tokens(50, 6), 3, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 9)));
  ASSERT_TRUE(cache.confirm(sequence(2), tokens(50, 5)));
  cache.release_generation(true);
  EXPECT_EQ(cache.stats().sequences, 0U);
  EXPECT_EQ(cache.stats().idle, 3U);
  EXPECT_EQ(cache.stats().free, 5U);
  EXPECT_EQ(granted(cache.reserve(sequence(1), tokens(0, 11), 3, true)).cached_tokens, 8U);
  EXPECT_THAT(cache.check(), IsEmpty());
}

TEST(KvCacheAdopt, after_a_stage_lost_its_bytes_leases_stay_and_nothing_is_shared_until_computed_again) {
  KvCache cache(8, kBlock);
  granted(cache.reserve(sequence(1), tokens(0, 9), 3, true));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 9)));
  granted(cache.reserve(sequence(2), tokens(0, 10), 3, true));
  cache.store_lost();
  EXPECT_THAT(cache.check(), IsEmpty());
  EXPECT_EQ(cache.stats().leased, 4U);
  EXPECT_EQ(granted(cache.reserve(sequence(3), tokens(0, 9), 3, true)).cached_tokens, 0U);
  ASSERT_TRUE(cache.confirm(sequence(2), tokens(0, 10)));
  ASSERT_TRUE(cache.confirm(sequence(1), tokens(0, 9)));
  for (std::uint64_t id : {1, 2, 3}) cache.release(sequence(id), true, 0);
  EXPECT_THAT(cache.check(), IsEmpty());
  EXPECT_EQ(cache.stats().free, 6U);
  EXPECT_EQ(cache.stats().idle, 2U);
}

}  // namespace
}  // namespace troupe::actors
