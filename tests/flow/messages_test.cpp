// SPDX-License-Identifier: Apache-2.0
// Every payload survives the way between processes, floats included: CAF 0.17.6 delivers an empty message
// otherwise.
#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>
#include <limits>

#include "actors/protocol.hpp"

namespace troupe::actors {
namespace {

class Messages : public ::testing::Test {
 protected:
  Messages() {
    config_.add_message_types<caf::id_block::troupe>();
    system_ = std::make_unique<caf::actor_system>(config_);
  }
  template <class T>
  T travel(const T& original) {
    std::vector<char> bytes;
    caf::binary_serializer out(*system_, bytes);
    caf::message sent = caf::make_message(original);
    EXPECT_FALSE(out(sent));
    caf::message received;
    caf::binary_deserializer in(*system_, bytes);
    EXPECT_FALSE(in(received));
    EXPECT_TRUE(received.match_elements<T>());
    return received.match_elements<T>() ? received.get_as<T>(0) : T{};
  }
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
};

SequenceSubmit a_sequence() {
  SequenceSubmit s;
  s.id = {{0xfedcba9876543210ULL, 42}, 3};
  s.arrival = 17;
  s.tokens = {1, -2, 2147483647};
  s.prompt_tokens = 2;
  s.sampling.temperature = std::numeric_limits<float>::denorm_min();
  s.sampling.top_p = -0.0F;
  s.sampling.logit_bias = {{5, -std::numeric_limits<float>::infinity()},
                           {6, std::numeric_limits<float>::infinity()}};
  s.sampling.seed = ~0ULL;
  s.max_tokens = 9;
  s.stop_tokens = {0, 2};
  return s;
}

TEST_F(Messages, SurviveTheirBytes) {
  const SequenceId id{{1, 2}, 3};
  const auto same = [&](const auto& message) { EXPECT_EQ(travel(message), message); };
  same(Submit{7, 1, a_sequence()});
  same(OpenSetPart{7, 1, 2, true, {a_sequence(), a_sequence()}});
  same(OpenSetCredit{7, 2});
  same(CancelSequence{7, id});
  same(Refused{7, id, {model::ErrorCode::overloaded, "full", "n"}});
  same(Serving{7});
  same(ReserveBlocks{7, id, 5, {1, 2, 3}, 4, false});
  same(BlockLease{7, id, 5, true, {9, 8}, 32, 1});
  same(ExtendLeases{7, 6, {{id, 5, 1, 2, 3, {4, 5}}}});
  same(LeaseExtensions{7, 6, {{id, true, 1, {3, 4}}}});
  same(ReleaseBlocks{7, id, 5, true, {1, 2}});
  same(BlocksReleased{7, id, 5});
  same(KvReady{7, 99});
  same(Fenced{7, 1, 0xabcdefULL});
  same(TokenFeed{7, 8, {{1, 2, 3}}});
  same(TokenBatch{7,
                  8,
                  {{id, 1, 0, 5, {6, -1.5F, {{7, -std::numeric_limits<float>::infinity()}}}}},
                  {{id, 0, 1, {{2, -0.5F, {}}}}}});
  same(RequestOpened{0, {1, 2}, "client", "tenant", "model", "fp", 1, 2, 3, "text"});
  same(RequestClosed{0, {1, 2}, "client", {{"stop"}, 1, 2, 3, 4, "e"}});
  same(AuditAck{{{{1, 2}, true}}, "why"});
  same(Suspect{7, "stage/0", "late"});
  same(MemberList{{{"stage/0", "node", 1, 2, 3, "running", 4, -1}}});
  model::StepPlan plan;
  plan.generation = 7;
  plan.step = 8;
  plan.forget = {1};
  plan.start = {{2, id, 0, {1, 2}, 1, a_sequence().sampling, {3}, 0}};
  plan.grants = {{4, {5}}};
  plan.rows = {{2, 0, 2, true}};
  same(plan);
  same(model::StepResult{7, 8, {{id, 1, 0, 5, {6, -1.5F, {}}}}, {}, 123});
}

TEST_F(Messages, KeepNotANumber) {
  TokenBatch batch;
  batch.sampled = {{{}, 0, 0, 0, {1, std::numeric_limits<float>::quiet_NaN(), {}}}};
  const TokenBatch arrived = travel(batch);
  ASSERT_EQ(arrived.sampled.size(), 1U);
  EXPECT_NE(arrived.sampled[0].token.logprob, arrived.sampled[0].token.logprob);
}

TEST(Codec, RefusesEveryTruncationAndAnotherVersion) {
  const std::string bytes = model::encode(Submit{7, 1, a_sequence()});
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(model::decode<Submit>(bytes.substr(0, n))) << n;
  EXPECT_FALSE(model::decode<Submit>(bytes + "x"));
  std::string other = bytes;
  other[0] = static_cast<char>(model::kCodecVersion + 1);
  EXPECT_FALSE(model::decode<Submit>(other));
}

TEST(Codec, NeverAllocatesForALengthThatTheBytesCannotHold) {
  std::string bytes = model::encode(BlockLease{7, {}, 5, true, {}, 0, 0});
  // The list's count stands before the two 32-bit numbers at the end.
  for (std::size_t i = bytes.size() - 12; i < bytes.size() - 8; ++i) bytes[i] = static_cast<char>(0xff);
  EXPECT_FALSE(model::decode<BlockLease>(bytes));
}

}  // namespace
}  // namespace troupe::actors
