// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/block_pool.hpp"

#include <gmock/gmock.h>

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(BlockPool, hands_out_the_lowest_free_blocks) {
  BlockPool pool(4);
  EXPECT_THAT(pool.take(2), ElementsAre(0, 1));
  pool.drop(0, 0);
  EXPECT_THAT(pool.take(2), ElementsAre(0, 2));
  EXPECT_EQ(pool.free(), 1U);
  EXPECT_THAT(pool.check(), IsEmpty());
}

TEST(BlockPool, a_shared_block_is_free_only_after_its_last_reference) {
  BlockPool pool(1);
  pool.take(1);
  pool.share(0);
  pool.drop(0, 0);
  EXPECT_EQ(pool.place(0), BlockPlace::leased);
  pool.drop(0, 0);
  EXPECT_EQ(pool.place(0), BlockPlace::free);
}

TEST(BlockPool, a_block_dropped_in_the_middle_of_a_step_waits_for_that_step) {
  BlockPool pool(2);
  pool.take(1);
  pool.drop(0, 7);
  EXPECT_EQ(pool.place(0), BlockPlace::quarantined);
  EXPECT_FALSE(pool.claim(0));
  pool.step_returned(6);
  EXPECT_EQ(pool.place(0), BlockPlace::quarantined);
  pool.step_returned(7);
  EXPECT_EQ(pool.place(0), BlockPlace::free);
  EXPECT_THAT(pool.check(), IsEmpty());
}

TEST(BlockPool, the_longest_quarantine_of_all_references_holds) {
  BlockPool pool(1);
  pool.take(1);
  pool.share(0);
  pool.drop(0, 9);
  pool.drop(0, 3);
  pool.step_returned(3);
  EXPECT_EQ(pool.place(0), BlockPlace::quarantined);
  pool.step_returned(9);
  EXPECT_EQ(pool.place(0), BlockPlace::free);
}

TEST(BlockPool, fencing_ends_every_quarantine_and_restarts_the_step_numbers) {
  BlockPool pool(2);
  pool.take(2);
  pool.drop(0, 50);
  pool.fenced();
  EXPECT_EQ(pool.place(0), BlockPlace::free);
  pool.drop(1, 1);
  EXPECT_EQ(pool.place(1), BlockPlace::quarantined) << "step 1 of the new generation has not returned";
  EXPECT_THAT(pool.check(), IsEmpty());
}

TEST(BlockPool, a_cached_block_is_idle_and_reclaimable_once_no_step_can_touch_it) {
  BlockPool pool(1);
  pool.take(1);
  pool.set_cached(0, true);
  pool.drop(0, 2);
  EXPECT_EQ(pool.place(0), BlockPlace::idle);
  EXPECT_EQ(pool.reclaimable(), 0U);
  pool.step_returned(2);
  EXPECT_EQ(pool.reclaimable(), 1U);
  pool.set_cached(0, false);
  EXPECT_EQ(pool.place(0), BlockPlace::free);
  EXPECT_THAT(pool.check(), IsEmpty());
}

}  // namespace
}  // namespace troupe::actors
