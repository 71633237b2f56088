// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/prefix_tree.hpp"

#include <gmock/gmock.h>

#include "tests/actors/kv_cache/sequences.hpp"

namespace troupe::actors {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::joined;
using testing::kBlock;
using testing::tokens;

bool always(model::BlockId) {
  return true;
}

TEST(PrefixTree, matches_the_longest_chain_of_full_blocks_with_exactly_these_tokens) {
  PrefixTree tree(8, kBlock);
  tree.insert(std::nullopt, tokens(0, 4), 5);
  tree.insert(5, tokens(4, 4), 2);
  EXPECT_THAT(tree.match(tokens(0, 12), 9), ElementsAre(5, 2));
  EXPECT_THAT(tree.match(tokens(0, 7), 9), ElementsAre(5)) << "the second block is not complete";
  EXPECT_THAT(tree.match(tokens(0, 12), 1), ElementsAre(5)) << "no more than asked for";
  EXPECT_THAT(tree.match(tokens(4, 4), 9), IsEmpty()) << "same block, other context";
  EXPECT_THAT(tree.match(joined({0, 1, 2, 9}, tokens(4, 4)), 9), IsEmpty());
}

TEST(PrefixTree, evicts_the_leaf_that_was_idle_longest_and_never_a_parent_before_its_child) {
  PrefixTree tree(8, kBlock);
  tree.insert(std::nullopt, tokens(0, 4), 0);
  tree.insert(0, tokens(4, 4), 1);
  tree.insert(std::nullopt, tokens(50, 4), 2);
  EXPECT_EQ(tree.oldest_idle_leaf(always), std::nullopt) << "all in use";
  tree.set_in_use(0, false);
  EXPECT_EQ(tree.oldest_idle_leaf(always), std::nullopt) << "a parent is no leaf";
  tree.set_in_use(2, false);
  tree.set_in_use(1, false);
  EXPECT_EQ(tree.oldest_idle_leaf(always), 2U);
  EXPECT_EQ(tree.oldest_idle_leaf([](model::BlockId block) { return block != 2; }), 1U);
  tree.remove(1);
  EXPECT_EQ(tree.oldest_idle_leaf(always), 0U) << "a leaf now, and idle longer than block 2";
  EXPECT_THAT(tree.check(), IsEmpty());
}

TEST(PrefixTree, a_removed_node_can_be_inserted_again_elsewhere) {
  PrefixTree tree(4, kBlock);
  tree.insert(std::nullopt, tokens(0, 4), 3);
  tree.remove(3);
  EXPECT_FALSE(tree.contains(3));
  tree.insert(std::nullopt, tokens(8, 4), 3);
  EXPECT_THAT(tree.match(tokens(8, 5), 4), ElementsAre(3));
  EXPECT_THAT(tree.match(tokens(0, 5), 4), IsEmpty());
  EXPECT_THAT(tree.check(), IsEmpty());
}

}  // namespace
}  // namespace troupe::actors
