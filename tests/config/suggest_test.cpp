// SPDX-License-Identifier: Apache-2.0
#include "config/suggest.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace troupe::config {
namespace {

TEST(Suggest, CountsEditsAndTakesASwapOfNeighboursForOne) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("port", "port"), 0U);
  EXPECT_EQ(edit_distance("prot", "port"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(Suggest, NamesTheNearestWord) {
  const std::vector<std::string> known = {"max_num_seqs", "max_waiting", "port"};
  EXPECT_EQ(nearest("max_num_seq", known), "max_num_seqs");
  EXPECT_EQ(nearest("prot", known), "port");
}

TEST(Suggest, StaysSilentWhenNothingIsNear) {
  const std::vector<std::string> known = {"max_num_seqs", "port"};
  EXPECT_EQ(nearest("temperature", known), std::nullopt);
  EXPECT_EQ(nearest("x", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(1'000'000, 'p'), known), std::nullopt);
}

}  // namespace
}  // namespace troupe::config
