// SPDX-License-Identifier: Apache-2.0
#include "actors/stage/step_queue.hpp"

#include <gtest/gtest.h>

namespace troupe::actors {
namespace {

model::StepPlan plan(StepNumber step, model::Slot slot, std::uint32_t start, std::uint32_t count) {
  model::StepPlan p;
  p.generation = 3;
  p.step = step;
  p.rows = {{slot, start, count, true}};
  return p;
}
model::StepPlan introducing(StepNumber step, model::Slot slot, std::uint32_t tokens) {
  model::StepPlan p = plan(step, slot, 0, tokens);
  model::SequenceStart start;
  start.slot = slot;
  start.tokens.assign(tokens, 1);
  p.start = {start};
  return p;
}

TEST(StepQueue, StallsAtALostPlanInsteadOfLeavingAHole) {
  StepQueue queue;
  queue.reset(3, 0, 1);
  queue.add(introducing(1, 0, 4));
  EXPECT_TRUE(queue.next());
  queue.add(plan(3, 0, 5, 1));  // step 2 was lost
  EXPECT_FALSE(queue.next());
}

TEST(StepQueue, DropsWhatBelongsToAnotherGeneration) {
  StepQueue queue;
  queue.reset(4, 0, 1);
  queue.add(introducing(1, 0, 4));
  EXPECT_FALSE(queue.next());
}

TEST(StepQueue, WaitsForTheHiddenStatesOfTheSameStep) {
  StepQueue queue;
  queue.reset(3, 1, 2);
  queue.add(introducing(1, 0, 4));
  EXPECT_FALSE(queue.next());
  queue.add(3, 2, std::make_shared<gpu::HiddenStates>());
  EXPECT_FALSE(queue.next());
  queue.add(3, 1, std::make_shared<gpu::HiddenStates>());
  const auto ready = queue.next();
  ASSERT_TRUE(ready);
  EXPECT_NE(ready->hidden, nullptr);
}

TEST(StepQueue, FirstOfTwoStagesWaitsForTheTokenThatItsRowReads) {
  StepQueue queue;
  queue.reset(3, 0, 2);
  queue.add(introducing(1, 0, 4));
  ASSERT_TRUE(queue.next());
  queue.add(plan(2, 0, 4, 1));
  EXPECT_FALSE(queue.next());
  EXPECT_EQ(queue.add(TokenFeed{3, 1, {{0, 4, 77}}}).size(), 1U);
  EXPECT_TRUE(queue.next());
}

TEST(StepQueue, ASlotsNewOwnerNeverGetsTheOldOnesSurplusToken) {
  StepQueue queue;
  queue.reset(3, 0, 2);
  queue.add(introducing(1, 0, 4));
  ASSERT_TRUE(queue.next());
  model::StepPlan reuse = introducing(2, 0, 4);
  reuse.forget = {0};
  queue.add(std::move(reuse));
  ASSERT_TRUE(queue.next());
  EXPECT_TRUE(queue.add(TokenFeed{3, 1, {{0, 4, 77}}}).empty());
  EXPECT_EQ(queue.add(TokenFeed{3, 2, {{0, 4, 78}}}).size(), 1U);
}

}  // namespace
}  // namespace troupe::actors
