// SPDX-License-Identifier: Apache-2.0
// What an executor answers to plans, good and bad.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "gpu/executor.hpp"
#include "tests/gpu/op_sets.hpp"
#include "tests/support/tiny_gguf.hpp"

namespace troupe::gpu {
namespace {

using model::ErrorCode;
using testing::HasSubstr;

std::shared_ptr<const StageWeights> load_part(LayerRange layers) {
  static const auto file = tests::open_tiny_gguf({});
  auto weights = load_weights(file, make_reference_op_set(), 1, layers);
  if (!weights) throw std::runtime_error(weights.error().message);
  return *std::move(weights);
}

class ExecutorPlan : public testing::Test {
 protected:
  std::unique_ptr<StageExecutor> make(LayerRange layers = {0, 2}, std::uint32_t max_rows = 64) {
    const auto weights = load_part(layers);
    store_ = *KvStore::create(weights->kv_layout(), layers.count(), 16);
    return *make_executor(weights, store_, {.threads = 1, .max_rows = max_rows, .max_positions = 100});
  }

  static model::StepPlan start(std::uint32_t tokens, std::uint32_t blocks) {
    model::StepPlan plan;
    plan.generation = 3;
    plan.step = 8;
    auto& sequence = plan.start.emplace_back();
    sequence.slot = 2;
    sequence.ingress = 1;
    sequence.id = {{5, 6}, 7};
    for (std::uint32_t t = 0; t < tokens; ++t) sequence.tokens.push_back(static_cast<model::Token>(t + 60));
    sequence.prompt_tokens = tokens;
    sequence.sampling.temperature = 0;
    for (std::uint32_t b = 0; b < blocks; ++b) sequence.blocks.push_back(b);
    plan.rows.push_back({.slot = 2, .start = 0, .count = tokens, .sample = true});
    return plan;
  }

  model::Result<model::StepResult> execute(const model::StepPlan& plan) {
    return executor_->execute(plan, nullptr, nullptr, go_on_);
  }

  std::shared_ptr<KvStore> store_;
  std::unique_ptr<StageExecutor> executor_ = make();
  const std::atomic<bool> go_on_{false};
};

TEST_F(ExecutorPlan, AStepReturnsWhoseTokenStandsWhere) {
  const auto result = execute(start(10, 1));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->generation, 3U);
  EXPECT_EQ(result->step, 8U);
  ASSERT_EQ(result->sampled.size(), 1U);
  const model::SampledRow& row = result->sampled[0];
  EXPECT_EQ(row.id, (model::SequenceId{{5, 6}, 7}));
  EXPECT_EQ(row.slot, 2U);
  EXPECT_EQ(row.ingress, 1U);
  EXPECT_EQ(row.position, 10U);
  EXPECT_GE(row.token.token, 0);
  EXPECT_TRUE(row.token.top.empty());
}

TEST_F(ExecutorPlan, ARowMayReadTheTokenThatTheStepBeforeSampled) {
  ASSERT_TRUE(execute(start(10, 1)));
  model::StepPlan next;
  next.rows.push_back({.slot = 2, .start = 10, .count = 1, .sample = true});
  const auto result = execute(next);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->sampled[0].position, 11U);
}

TEST_F(ExecutorPlan, AnEmptyStepIsAStep) {
  const auto result = execute({});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->sampled.empty());
}

TEST_F(ExecutorPlan, EchoScoresEveryPromptTokenWithItsLogProbability) {
  const std::uint32_t prompt = 90;  // more rows than the head takes at a time
  executor_ = make({0, 2}, 128);
  auto whole = start(prompt, 3);
  whole.start[0].sampling.prompt_logprobs = 2;
  const auto result = execute(whole);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->prompt_scores.size(), 1U);
  const model::PromptScores& scores = result->prompt_scores[0];
  EXPECT_EQ(scores.id, whole.start[0].id);
  EXPECT_EQ(scores.ingress, 1U);
  EXPECT_EQ(scores.first, 1U);
  ASSERT_EQ(scores.scores.size(), prompt - 1);

  // Each score is what sampling at that position with a bias towards the token would have reported.
  for (const std::uint32_t length : {1U, 40U, 89U}) {
    executor_ = make({0, 2}, 128);
    auto part = start(length, 3);
    part.start[0].sampling.logprobs = 2;
    part.start[0].sampling.logit_bias = {{static_cast<model::Token>(length + 60), 1000.0F}};
    const auto expected = execute(part);
    ASSERT_TRUE(expected);
    EXPECT_EQ(scores.scores[length - 1], expected->sampled[0].token);
  }
}

TEST_F(ExecutorPlan, EchoNeedsNoSampledToken) {
  auto plan = start(5, 1);
  plan.start[0].sampling.prompt_logprobs = 0;
  plan.rows[0].sample = false;
  const auto result = execute(plan);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->sampled.empty());
  EXPECT_EQ(result->prompt_scores[0].scores.size(), 4U);
}

TEST_F(ExecutorPlan, ForgottenSlotsAndResetsMakeRoom) {
  ASSERT_TRUE(execute(start(5, 1)));
  auto again = start(6, 1);
  again.forget = {2};
  ASSERT_TRUE(execute(again));
  executor_->reset();
  ASSERT_TRUE(execute(start(7, 1)));
}

TEST_F(ExecutorPlan, CancelAbandonsTheStep) {
  const std::atomic<bool> cancel{true};
  const auto result = executor_->execute(start(10, 1), nullptr, nullptr, cancel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
  executor_->reset();
  EXPECT_TRUE(execute(start(10, 1)));
}

TEST_F(ExecutorPlan, ReadingAPoisonedBlockIsAnErrorNotAnAnswer) {
  auto plan = start(40, 2);
  plan.start[0].cached_tokens = 32;
  plan.rows[0] = {.slot = 2, .start = 32, .count = 8, .sample = true};
  executor_->poison_block(0);
  const auto result = execute(plan);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("not finite"));
}

TEST_F(ExecutorPlan, ASampleAtAKnownPositionSeesOnlyWhatCameBefore) {
  auto plan = start(10, 1);
  plan.start[0].prompt_tokens = 4;
  plan.start[0].sampling.temperature = 1;
  plan.start[0].sampling.seed = 4;
  plan.start[0].sampling.frequency_penalty = 1;
  const auto expected = execute(plan);
  ASSERT_TRUE(expected);
  const model::Token token = expected->sampled[0].token.token;

  executor_ = make();
  for (int i = 0; i < 15; ++i) plan.start[0].tokens.push_back(token);
  const auto again = execute(plan);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->sampled[0].token.token, token);
  EXPECT_EQ(again->sampled[0].position, 10U);

  model::StepPlan next;
  next.rows.push_back({.slot = 2, .start = 10, .count = 15, .sample = true});
  EXPECT_EQ(execute(next)->sampled[0].position, 25U);
}

TEST_F(ExecutorPlan, FreshLeasesAreZeroedAndCachedOnesKept) {
  const auto value = [&](model::BlockId block) {
    return *static_cast<float*>(static_cast<void*>(store_->layer(1).block(block)));
  };
  for (model::BlockId block = 0; block < 4; ++block) executor_->poison_block(block);
  auto plan = start(40, 3);
  plan.start[0].cached_tokens = 33;
  plan.rows.clear();
  plan.grants = {{.slot = 2, .blocks = {3}}};
  ASSERT_TRUE(execute(plan));
  EXPECT_TRUE(std::isnan(value(0)) && std::isnan(value(1)));
  EXPECT_EQ(value(2), 0.0F);
  EXPECT_EQ(value(3), 0.0F);
}

struct BadPlan {
  const char* name;
  const char* message;
  std::function<void(model::StepPlan&)> spoil;
};

class ExecutorBadPlan : public ExecutorPlan, public testing::WithParamInterface<BadPlan> {};

TEST_P(ExecutorBadPlan, IsAnErrorThatNamesTheSlot) {
  auto plan = start(40, 2);
  GetParam().spoil(plan);
  const auto result = execute(plan);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::internal);
  EXPECT_THAT(result.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(result.error().message, HasSubstr("slot "));
}

const BadPlan kBadPlans[] = {
    {"UnknownSlot", "never started", [](auto& plan) { plan.rows[0].slot = 9; }},
    {"FarSlot", "never started", [](auto& plan) { plan.rows[0].slot = 0xffffffffU; }},
    {"SlotBeyondTheTable", "slots of a stage", [](auto& plan) { plan.start[0].slot = 0xffffffffU; }},
    {"ForgetsNothing", "never started", [](auto& plan) { plan.forget = {4}; }},
    {"GrantsToNobody", "never started", [](auto& plan) { plan.grants = {{.slot = 4, .blocks = {1}}}; }},
    {"StartsTwice", "holds another", [](auto& plan) { plan.start.push_back(plan.start[0]); }},
    {"NoRows", "are none", [](auto& plan) { plan.rows[0].count = 0; }},
    {"Gap", "leave a gap",
     [](auto& plan) { plan.rows[0] = {.slot = 2, .start = 3, .count = 2, .sample = false}; }},
    {"NoBlock", "beyond its 1 blocks", [](auto& plan) { plan.start[0].blocks.pop_back(); }},
    {"ForeignBlock", "block 16 is not", [](auto& plan) { plan.start[0].blocks[1] = 16; }},
    {"ForeignGrantedBlock", "block 99 is not",
     [](auto& plan) { plan.grants = {{.slot = 2, .blocks = {99}}}; }},
    {"MissingToken", "not known yet", [](auto& plan) { plan.rows[0].count = 41; }},
    {"ForeignToken", "token 264 is not of the vocabulary", [](auto& plan) { plan.start[0].tokens[7] = 264; }},
    {"NegativeToken", "token -1 is not of the vocabulary", [](auto& plan) { plan.start[0].tokens[7] = -1; }},
    {"MorePromptThanTokens", "41 of the prompt", [](auto& plan) { plan.start[0].prompt_tokens = 41; }},
    {"CachedBeyondBlocks", "cached tokens exceed", [](auto& plan) { plan.start[0].cached_tokens = 41; }},
    {"TooLong", "holds 100", [](auto& plan) { plan.start[0].tokens.resize(101); }},
    {"TooManyRows", "64 rows",
     [](auto& plan) { plan.rows.push_back({.slot = 2, .start = 0, .count = 40, .sample = false}); }},
    {"Overflow", "exceed the 100",
     [](auto& plan) {
       plan.rows[0] = {.slot = 2, .start = 0xffffffffU, .count = 0xffffffffU, .sample = false};
     }},
};

INSTANTIATE_TEST_SUITE_P(Each, ExecutorBadPlan, testing::ValuesIn(kBadPlans),
                         [](const auto& bad) { return std::string(bad.param.name); });

TEST_F(ExecutorPlan, HiddenStatesBelongBetweenStagesOnly) {
  HiddenStates hidden;
  EXPECT_FALSE(executor_->execute({}, &hidden, nullptr, go_on_));
  EXPECT_FALSE(executor_->execute({}, nullptr, &hidden, go_on_));
  auto second = make({1, 2});
  EXPECT_FALSE(second->execute({}, nullptr, nullptr, go_on_));
  hidden.values.resize(95);
  const auto result = second->execute(start(1, 1), &hidden, nullptr, go_on_);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("95 hidden values"));
}

TEST_F(ExecutorPlan, AFirstStageTakesTokensThatTheLastSampled) {
  auto first = make({0, 1});
  HiddenStates hidden;
  ASSERT_TRUE(first->execute(start(10, 1), nullptr, &hidden, go_on_));
  EXPECT_EQ(hidden.values.size(), 10U * 96U);
  model::StepPlan next;
  next.rows.push_back({.slot = 2, .start = 10, .count = 1, .sample = true});
  first->append(7, 10, 65);  // an unknown slot: the sequence may have been forgotten meanwhile
  first->append(2, 9, 65);   // known already
  const auto early = first->execute(next, nullptr, &hidden, go_on_);
  ASSERT_FALSE(early);
  EXPECT_THAT(early.error().message, HasSubstr("position 10 is not known yet"));

  first->reset();
  ASSERT_TRUE(first->execute(start(10, 1), nullptr, &hidden, go_on_));
  first->append(2, 10, 65);
  EXPECT_TRUE(first->execute(next, nullptr, &hidden, go_on_));
  EXPECT_EQ(hidden.values.size(), 96U);
}

TEST(MakeExecutor, RefusesAStoreOfAnotherShape) {
  const auto weights = load_part({0, 2});
  const auto one_layer = *KvStore::create(weights->kv_layout(), 1, 4);
  EXPECT_EQ(make_executor(weights, one_layer, {.threads = 1}).error().code, ErrorCode::bad_config);
  auto layout = weights->kv_layout();
  layout.type = model::KvType::bfloat16;
  EXPECT_FALSE(make_executor(weights, *KvStore::create(layout, 2, 4), {.threads = 1}));
  const auto store = *KvStore::create(weights->kv_layout(), 2, 4);
  const auto long_one = make_executor(weights, store, {.threads = 1, .max_rows = 64, .max_positions = 2049});
  ASSERT_FALSE(long_one);
  EXPECT_EQ(long_one.error().param, "max_model_len");
}

TEST(LoadWeights, RefusesLayersOutsideTheModelAndUnknownInstructionSets) {
  const auto file = tests::open_tiny_gguf({});
  for (const LayerRange range : {LayerRange{0, 3}, LayerRange{1, 1}, LayerRange{2, 1}}) {
    EXPECT_EQ(load_weights(file, make_reference_op_set(), 1, range).error().code, ErrorCode::bad_config);
  }
  EXPECT_EQ(load_weights(file, NumericsOptions{.isa = "mmx"}, {0, 2}).error().code, ErrorCode::bad_config);
}

TEST(LoadWeights, ChoosesTheReferenceForFloat32AndTheFastPathOtherwise) {
  const auto file = tests::open_tiny_gguf({});
  const auto exact = load_weights(file, NumericsOptions{.float32 = true, .threads = 1}, {0, 2});
  const auto fast = load_weights(file, NumericsOptions{.threads = 1}, {0, 2});
  ASSERT_TRUE(exact && fast);
  EXPECT_EQ((*exact)->op_set().name(), "reference");
  EXPECT_EQ((*exact)->kv_layout().type, model::KvType::float32);
  EXPECT_EQ((*fast)->op_set().name(), "cpu");
  EXPECT_NE((*exact)->op_set().contracts(), (*fast)->op_set().contracts());
}

}  // namespace
}  // namespace troupe::gpu
