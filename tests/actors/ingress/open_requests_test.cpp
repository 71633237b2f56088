// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/open_requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hash_model.hpp"

namespace troupe::actors {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

struct RecordingOut : IngressOut {
  void submit(Submit m) override { submits.push_back(std::move(m)); }
  void open_set(OpenSetPart m) override { parts.push_back(std::move(m)); }
  void cancel(CancelSequence m) override { cancels.push_back(m); }
  void opened(RequestOpened m) override { opens.push_back(std::move(m)); }
  void closed(RequestClosed m) override { closes.push_back(std::move(m)); }
  std::vector<Submit> submits;
  std::vector<OpenSetPart> parts;
  std::vector<CancelSequence> cancels;
  std::vector<RequestOpened> opens;
  std::vector<RequestClosed> closes;
};

struct Sink : AnswerSink {
  void deliver(AnswerEvent event) override { events.push_back(std::move(event)); }
  std::vector<AnswerEvent> events;
  std::string text() const {
    std::string all;
    for (const auto& e : events) all += e.text;
    return all;
  }
  bool ended() const { return !events.empty() && events.back().last; }
};

class OpenRequestsTest : public ::testing::Test {
 protected:
  OpenRequestsTest() {
    served->tokenizer = std::make_shared<support::HashTokenizer>();
    served->name = "hash";
    requests = std::make_unique<OpenRequests>(served, IngressLimits{}, IngressObserver{});
    requests->attach(&out);
    requests->on_view(1, 0, 1s);
    credit();
    requests->on_serving({1});
  }
  void credit() {
    const auto parts = std::exchange(out.parts, {});
    for (const auto& part : parts) requests->on_credit({part.generation, part.part}, 1s);
  }
  std::shared_ptr<Sink> open(std::uint64_t number, std::uint32_t max_tokens,
                             std::vector<std::string> stop = {}, std::uint32_t n = 1) {
    auto request = std::make_shared<model::Request>();
    request->id = {0, number};
    request->prompts = {{{1, 2, 3}}};
    request->n = n;
    request->stop.max_tokens = max_tokens;
    request->stop.stop = std::move(stop);
    auto sink = std::make_shared<Sink>();
    requests->open(request, sink, 1s);
    return sink;
  }
  void token(std::uint64_t number, std::uint32_t position, Token token, Generation generation = 1,
             std::uint32_t choice = 0) {
    TokenBatch batch;
    batch.generation = generation;
    model::SampledRow row;
    row.id = {{0, number}, choice};
    row.position = position;
    row.token.token = token;
    batch.sampled = {row};
    requests->on_batch(std::move(batch), 1s);
  }
  void written(std::uint64_t number, bool closed) {
    requests->on_audit_ack({{{{0, number}, closed}}, ""}, 1s);
  }

  std::shared_ptr<model::ServedModel> served = std::make_shared<model::ServedModel>();
  RecordingOut out;
  std::unique_ptr<OpenRequests> requests;
};

TEST_F(OpenRequestsTest, HoldsTokensUntilTheOpenedRecordIsOnDisk) {
  const auto sink = open(1, 5);
  token(1, 3, 10);
  EXPECT_THAT(sink->events, IsEmpty());
  written(1, false);
  EXPECT_EQ(sink->text(), "t10 ");
}

TEST_F(OpenRequestsTest, EndsOnlyAfterTheClosedRecordIsOnDisk) {
  const auto sink = open(1, 1);
  written(1, false);
  token(1, 3, 10);
  ASSERT_THAT(out.closes, SizeIs(1));
  EXPECT_FALSE(sink->ended());
  written(1, true);
  EXPECT_TRUE(sink->ended());
  EXPECT_EQ(requests->size(), 0U);
}

TEST_F(OpenRequestsTest, TakesEachPositionOnce) {
  const auto sink = open(1, 5);
  written(1, false);
  token(1, 3, 10);
  token(1, 3, 11);
  token(1, 4, 12);
  EXPECT_EQ(sink->text(), "t10 t12 ");
}

TEST_F(OpenRequestsTest, SubmitsItsTruthAgainAfterAGap) {
  open(1, 5);
  token(1, 3, 10);
  token(1, 5, 12);
  ASSERT_THAT(out.submits, SizeIs(2));
  EXPECT_EQ(out.submits[1].sequence.tokens, (std::vector<Token>{1, 2, 3, 10}));
  EXPECT_EQ(out.submits[1].sequence.accepted(), 1U);
}

TEST_F(OpenRequestsTest, DropsTokensOfAnOlderGeneration) {
  const auto sink = open(1, 5);
  written(1, false);
  requests->on_view(2, 0, 1s);
  token(1, 3, 10, 1);
  EXPECT_EQ(sink->text(), "");
  token(1, 3, 10, 2);
  EXPECT_EQ(sink->text(), "t10 ");
}

TEST_F(OpenRequestsTest, SendsEveryOpenSequenceAfterAView) {
  open(1, 5);
  open(2, 5);
  token(2, 3, 9);
  requests->on_view(2, 0, 1s);
  ASSERT_THAT(out.parts, SizeIs(1));
  EXPECT_TRUE(out.parts[0].last);
  ASSERT_THAT(out.parts[0].sequences, SizeIs(2));
  EXPECT_EQ(out.parts[0].sequences[1].accepted(), 1U);
  const auto before = out.submits.size();
  open(3, 5);  // while the last part is under way
  EXPECT_EQ(out.submits.size(), before);
  credit();
  EXPECT_EQ(out.submits.size(), before + 1);
}

TEST_F(OpenRequestsTest, TellsTheSchedulerOfAStopStringAndCutsIt) {
  const auto sink = open(1, 50, {"t7 "});
  written(1, false);
  token(1, 3, 10);
  token(1, 4, 7);
  EXPECT_EQ(sink->text(), "t10 ");
  ASSERT_THAT(out.cancels, SizeIs(1));
  ASSERT_THAT(out.closes, SizeIs(1));
  EXPECT_EQ(out.closes[0].summary.finish_reasons, std::vector<std::string>{"stop"});
}

TEST_F(OpenRequestsTest, EndsARequestWhenItsLastChoiceEnded) {
  const auto sink = open(1, 1, {}, 2);
  written(1, false);
  token(1, 3, 10, 1, 1);
  EXPECT_THAT(out.closes, IsEmpty());
  token(1, 3, 11, 1, 0);
  EXPECT_THAT(out.closes, SizeIs(1));
  ASSERT_THAT(out.submits, SizeIs(2));
  EXPECT_NE(out.submits[0].sequence.sampling.seed, out.submits[1].sequence.sampling.seed);
}

TEST_F(OpenRequestsTest, CancelsEveryChoiceWhenTheClientGoesAway) {
  const auto sink = open(1, 10, {}, 2);
  written(1, false);
  requests->cancel({0, 1}, 1s);
  requests->cancel({0, 1}, 1s);
  EXPECT_THAT(out.cancels, SizeIs(2));
  ASSERT_THAT(out.closes, SizeIs(1));
  written(1, true);
  EXPECT_EQ(requests->size(), 0U);
}

TEST_F(OpenRequestsTest, FailsClosedWhenTheRecordCannotBeWritten) {
  const auto sink = open(1, 10);
  token(1, 3, 10);
  requests->on_audit_ack({{{{0, 1}, false}}, "disk full"}, 1s);
  ASSERT_TRUE(sink->ended());
  EXPECT_EQ(sink->text(), "");
  EXPECT_EQ(sink->events.back().error->code, model::ErrorCode::audit_unavailable);
  EXPECT_THAT(out.cancels, SizeIs(1));
  const auto next = open(2, 10);
  ASSERT_TRUE(next->ended());
  EXPECT_THAT(next->events.back().error->message, HasSubstr("disk full"));
  requests->on_audit_ack({{}, ""}, 1s);  // it works again
  EXPECT_FALSE(open(3, 10)->ended());
}

TEST_F(OpenRequestsTest, RepeatsRecordsThatAreNotAcknowledged) {
  open(1, 10);
  requests->on_tick(3s);
  EXPECT_THAT(out.opens, SizeIs(2));
  EXPECT_EQ(out.opens[0], out.opens[1]);
}

TEST_F(OpenRequestsTest, SubmitsAgainWhatStandsStill) {
  open(1, 10);
  requests->on_tick(5s);
  EXPECT_THAT(out.submits, SizeIs(1));
  requests->on_tick(12s);
  EXPECT_THAT(out.submits, SizeIs(2));
}

TEST_F(OpenRequestsTest, RecordsPromptTextOnlyWhenToldTo) {
  open(1, 5);
  EXPECT_EQ(out.opens.at(0).prompt, "");
  IngressLimits limits;
  limits.record_prompts = true;
  requests = std::make_unique<OpenRequests>(served, limits, IngressObserver{});
  requests->attach(&out);
  requests->on_view(1, 0, 1s);
  open(2, 5);
  EXPECT_EQ(out.opens.at(1).prompt, "t1 t2 t3 ");
}

TEST_F(OpenRequestsTest, RefusesWhileDraining) {
  requests->drain();
  const auto sink = open(1, 10);
  ASSERT_TRUE(sink->ended());
  EXPECT_EQ(sink->events.back().error->code, model::ErrorCode::unavailable);
}

TEST_F(OpenRequestsTest, GivesPromptScoresOnceAndInOrder) {
  auto request = std::make_shared<model::Request>();
  request->id = {0, 1};
  request->prompts = {{{1, 2, 3, 4}}};
  request->sampling.prompt_logprobs = 1;
  auto sink = std::make_shared<Sink>();
  requests->open(request, sink, 1s);
  written(1, false);
  const auto scores = [&](std::uint32_t first, std::uint32_t count) {
    TokenBatch batch;
    batch.generation = 1;
    batch.prompt_scores = {{{{0, 1}, 0}, 0, first, std::vector<model::ScoredToken>(count)}};
    requests->on_batch(std::move(batch), 1s);
  };
  scores(2, 2);  // the part before was lost
  EXPECT_THAT(sink->events, IsEmpty());
  scores(1, 2);
  scores(2, 2);
  ASSERT_FALSE(sink->events.empty());
  EXPECT_THAT(sink->events[0].prompt_scores, SizeIs(3));
  EXPECT_THAT(out.closes, SizeIs(1));  // max_tokens is 0: the scores are all
}

}  // namespace
}  // namespace troupe::actors
