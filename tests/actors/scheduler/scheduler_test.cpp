// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler/scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::actors {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

/// Remembers what the scheduler sends.
struct RecordingPort : SchedulerPort {
  void execute(const model::StepPlan& plan) override { plans.push_back(plan); }
  void reserve(ReserveBlocks m) override { reserves.push_back(std::move(m)); }
  void extend(ExtendLeases m) override { extends.push_back(std::move(m)); }
  void release(ReleaseBlocks m) override { releases.push_back(std::move(m)); }
  void refuse(std::uint32_t, Refused m) override { refusals.push_back(std::move(m)); }
  void serving(Serving) override { ++servings; }
  void credit(std::uint32_t, OpenSetCredit m) override { credits.push_back(m); }
  void suspect(Suspect m) override { suspicions.push_back(std::move(m)); }
  void admitted(std::chrono::nanoseconds) override {}
  std::vector<model::StepPlan> plans;
  std::vector<ReserveBlocks> reserves;
  std::vector<ExtendLeases> extends;
  std::vector<ReleaseBlocks> releases;
  std::vector<Refused> refusals;
  std::vector<OpenSetCredit> credits;
  std::vector<Suspect> suspicions;
  int servings = 0;
};

class SchedulerTest : public ::testing::Test {
 protected:
  static constexpr Generation kGeneration = 7;

  void serve(std::uint32_t blocks = 100, std::uint32_t stages = 1) {
    scheduler.on_view(kGeneration, 1, stages, 0ns);
    scheduler.on_open_set({kGeneration, 0, 0, true, {}}, 0ns);
    for (std::uint32_t s = 0; s < stages; ++s) scheduler.on_fenced({kGeneration, s, 1}, 0ns);
    scheduler.on_kv_ready({kGeneration, blocks}, 0ns);
  }
  static SequenceSubmit sequence(std::uint64_t number, std::uint32_t prompt, std::uint32_t max_tokens) {
    SequenceSubmit s;
    s.id = {{0, number}, 0};
    s.arrival = number;
    s.tokens.assign(prompt, 5);
    s.prompt_tokens = prompt;
    s.max_tokens = max_tokens;
    s.stop_tokens = {99};
    return s;
  }
  void submit(SequenceSubmit s) { scheduler.on_submit({kGeneration, 0, std::move(s)}, 0ns); }
  void lease(std::size_t reserve, std::vector<BlockId> blocks, std::uint32_t cached = 0) {
    const auto& r = port.reserves.at(reserve);
    scheduler.on_lease({kGeneration, r.id, r.lease, true, std::move(blocks), cached, 0}, 0ns);
  }
  void returned(std::size_t plan, std::vector<std::pair<std::uint64_t, Token>> tokens) {
    model::StepResult result;
    result.generation = kGeneration;
    result.step = port.plans.at(plan).step;
    for (const auto& [number, token] : tokens) {
      model::SampledRow row;
      row.id = {{0, number}, 0};
      row.token.token = token;
      result.sampled.push_back(row);
    }
    scheduler.on_step_result(result, 0ns);
    EXPECT_THAT(scheduler.check(), IsEmpty());
  }

  RecordingPort port;
  SchedulerLimits limits{{64, 4, 1}, 3, 30s, 1s, 5s};
  Scheduler scheduler{limits, port};
};

TEST_F(SchedulerTest, ServesOnlyWhenOpenSetFencesAndPoolAreThere) {
  scheduler.on_view(kGeneration, 1, 2, 0ns);
  scheduler.on_fenced({kGeneration, 0, 1}, 0ns);
  scheduler.on_kv_ready({kGeneration, 10}, 0ns);
  scheduler.on_open_set({kGeneration, 0, 0, true, {}}, 0ns);
  EXPECT_EQ(port.servings, 0);
  scheduler.on_fenced({kGeneration - 1, 1, 1}, 0ns);  // of an older generation
  EXPECT_EQ(port.servings, 0);
  scheduler.on_fenced({kGeneration, 1, 1}, 0ns);
  EXPECT_EQ(port.servings, 1);
}

TEST_F(SchedulerTest, TakesOpenSetPartsInOrderAndOnce) {
  scheduler.on_view(kGeneration, 1, 1, 0ns);
  scheduler.on_open_set({kGeneration, 0, 1, true, {sequence(2, 3, 4)}}, 0ns);  // part 0 was lost
  EXPECT_THAT(port.credits, IsEmpty());
  scheduler.on_open_set({kGeneration, 0, 0, false, {sequence(1, 3, 4)}}, 0ns);
  scheduler.on_open_set({kGeneration, 0, 0, false, {sequence(1, 3, 4)}},
                        0ns);  // repeated: acknowledged again
  EXPECT_EQ(port.credits.size(), 2U);
  scheduler.on_open_set({kGeneration, 0, 1, true, {sequence(2, 3, 4)}}, 0ns);
  EXPECT_EQ(scheduler.load().waiting, 2U);
}

TEST_F(SchedulerTest, PlansOneStepAheadOfWhatReturned) {
  serve();
  submit(sequence(1, 3, 5));
  lease(0, {0});
  ASSERT_EQ(port.plans.size(), 2U);
  EXPECT_EQ(port.plans[0].rows, (std::vector<model::RowRange>{{port.plans[0].start.at(0).slot, 0, 3, true}}));
  EXPECT_EQ(port.plans[1].rows.at(0).start, 3U);
  EXPECT_THAT(port.plans[1].start, IsEmpty());
  returned(0, {{1, 10}});
  ASSERT_EQ(port.plans.size(), 3U);
  EXPECT_EQ(port.plans[2].rows.at(0).start, 4U);
}

TEST_F(SchedulerTest, ReleasesAnEndedSequenceOnlyAfterItsSurplusStepReturned) {
  serve();
  submit(sequence(1, 3, 50));
  lease(0, {0});
  returned(0, {{1, 99}});  // an end token; step 2 still runs for it
  EXPECT_THAT(port.releases, IsEmpty());
  returned(1, {{1, 12}});
  ASSERT_EQ(port.releases.size(), 1U);
  EXPECT_EQ(port.releases[0].confirmed.size(), 4U);  // the surplus token is not part of the sequence
}

TEST_F(SchedulerTest, ComputesOnlyWhatThePrefixDoesNotHold) {
  serve();
  submit(sequence(1, 70, 1));
  lease(0, {0, 1, 2}, 64);
  EXPECT_EQ(port.plans.at(0).rows.at(0).start, 64U);
  EXPECT_EQ(port.plans.at(0).rows.at(0).count, 6U);
}

TEST_F(SchedulerTest, CutsLongPromptsIntoChunksThatFitTheStep) {
  serve();
  submit(sequence(1, 100, 1));
  lease(0, {0, 1, 2, 3});
  ASSERT_EQ(port.plans.size(), 2U);
  EXPECT_EQ(port.plans[0].rows.at(0).count, 64U);
  EXPECT_FALSE(port.plans[0].rows.at(0).sample);
  EXPECT_EQ(port.plans[1].rows.at(0).count, 36U);
  EXPECT_TRUE(port.plans[1].rows.at(0).sample);
}

TEST_F(SchedulerTest, RefusesWhatCanNeverFitWithTheArithmetic) {
  serve(4);
  submit(sequence(1, 100, 60));
  ASSERT_EQ(port.refusals.size(), 1U);
  EXPECT_EQ(port.refusals[0].error.code, model::ErrorCode::context_length);
  EXPECT_THAT(port.refusals[0].error.message, HasSubstr("100 prompt + 60 answer tokens need 5 KV blocks"));
  EXPECT_THAT(port.refusals[0].error.message, HasSubstr("the pool has 4"));
}

TEST_F(SchedulerTest, RefusesWhenTheWaitingQueueIsFull) {
  serve();
  for (std::uint64_t i = 1; i <= 8; ++i)
    submit(sequence(i, 3, 5));  // 4 may run, 3 may wait: reserving counts as waiting
  ASSERT_FALSE(port.refusals.empty());
  EXPECT_EQ(port.refusals[0].error.code, model::ErrorCode::overloaded);
  EXPECT_THAT(port.refusals[0].error.message, HasSubstr("scheduler.max_waiting"));
}

TEST_F(SchedulerTest, PreemptsTheYoungestWhenBlocksRunOut) {
  serve(2);
  submit(sequence(1, 30, 30));
  submit(sequence(2, 30, 30));
  lease(0, {0});
  lease(1, {1});
  ASSERT_FALSE(port.extends.empty());
  LeaseExtensions denied{kGeneration, port.extends.back().number, {}};
  for (const auto& wish : port.extends.back().wishes)
    denied.grants.push_back({wish.id, false, wish.held, {}});
  scheduler.on_extensions(std::move(denied), 0ns);
  EXPECT_EQ(scheduler.load().preemptions, 1U);
  EXPECT_EQ(scheduler.load().running, 1U);
  for (std::size_t plan = 0; plan < port.plans.size() && port.releases.empty(); ++plan)
    returned(plan, {{1, 1}, {2, 2}});
  ASSERT_FALSE(port.releases.empty());
  EXPECT_EQ(port.releases[0].id.request.low, 2U);
}

TEST_F(SchedulerTest, CancelsAtEveryPhase) {
  serve();
  submit(sequence(1, 3, 50));
  submit(sequence(2, 3, 50));
  scheduler.on_cancel({kGeneration, {{0, 2}, 0}}, 0ns);  // reserving: given back as soon as it is leased
  lease(1, {1});
  ASSERT_EQ(port.releases.size(), 1U);
  lease(0, {0});
  scheduler.on_cancel({kGeneration, {{0, 1}, 0}}, 0ns);  // two steps in flight
  EXPECT_EQ(port.releases.size(), 1U);
  returned(0, {{1, 10}});
  returned(1, {{1, 11}});
  EXPECT_EQ(port.releases.size(), 2U);
}

TEST_F(SchedulerTest, SubmittingAKnownSequenceAgainChangesNothing) {
  serve();
  submit(sequence(1, 3, 50));
  lease(0, {0});
  submit(sequence(1, 3, 50));
  EXPECT_EQ(scheduler.load().running, 1U);
  EXPECT_EQ(port.reserves.size(), 1U);
}

TEST_F(SchedulerTest, StartsAgainFromTheIngressTruthWhenTokensWereLost) {
  serve();
  submit(sequence(1, 3, 50));
  lease(0, {0});
  returned(0, {{1, 10}});
  submit(sequence(1, 3, 50));  // the ingress never saw token 10
  returned(1, {{1, 11}});
  returned(2, {{1, 12}});
  ASSERT_EQ(port.releases.size(), 1U);
  scheduler.on_released({kGeneration, port.releases[0].id, port.releases[0].lease}, 0ns);
  ASSERT_EQ(port.reserves.size(), 2U);
  EXPECT_EQ(port.reserves[1].tokens.size(), 3U);
}

TEST_F(SchedulerTest, SuspectsAStepThatPassesItsDeadlineAndAGapInResults) {
  serve();
  submit(sequence(1, 3, 50));
  lease(0, {0});
  scheduler.on_tick(31s);
  ASSERT_EQ(port.suspicions.size(), 1U);
  EXPECT_THAT(port.suspicions[0].reason, HasSubstr("step 1"));
  model::StepResult result;
  result.generation = kGeneration;
  result.step = 2;
  scheduler.on_step_result(result, 31s);
  EXPECT_EQ(port.suspicions.size(), 2U);
}

TEST_F(SchedulerTest, RepeatsUnansweredMessagesToTheKvCache) {
  serve();
  submit(sequence(1, 3, 1));
  scheduler.on_tick(2s);
  ASSERT_EQ(port.reserves.size(), 2U);
  EXPECT_EQ(port.reserves[0], port.reserves[1]);
}

TEST(BatchPlanner, GivesEachOfTwoMicroBatchesHalfOfTheSequences) {
  std::vector<Sequence> sequences(4);
  std::vector<Sequence*> running;
  for (auto& s : sequences) {
    s.truth.tokens = {1, 2};
    s.truth.prompt_tokens = 1;
    s.truth.max_tokens = 10;
    s.planned = 1;
    s.blocks_held = 1;
    running.push_back(&s);
  }
  sequences[0].last_step = 9;
  const auto rows = plan_batch(running, {64, 64, 2});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].sequence, &sequences[1]);  // least recently planned first
  EXPECT_EQ(rows[1].sequence, &sequences[2]);
}

TEST(BatchPlanner, PlansDecodeRowsBeforePrefillChunks) {
  Sequence prefilling;
  prefilling.truth.tokens.assign(100, 1);
  prefilling.truth.prompt_tokens = 100;
  prefilling.truth.max_tokens = 1;
  prefilling.blocks_held = 4;
  Sequence decoding;
  decoding.truth.tokens = {1, 2};
  decoding.truth.prompt_tokens = 1;
  decoding.truth.max_tokens = 10;
  decoding.planned = 1;
  decoding.blocks_held = 1;
  const auto rows = plan_batch({&prefilling, &decoding}, {16, 64, 1});
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].sequence, &decoding);
  EXPECT_EQ(rows[1].count, 15U);
}

}  // namespace
}  // namespace troupe::actors
