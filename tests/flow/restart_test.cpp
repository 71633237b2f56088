// SPDX-License-Identifier: Apache-2.0
// Two stages, two micro-batches in flight, virtual time, seeded job order, links that lose and delay: whoever
// dies, every client gets the undisturbed answer, once.
#include <gtest/gtest.h>

#include <random>

#include "tests/flow/replica.hpp"

namespace troupe::flow {
namespace {

struct Wanted {
  std::vector<model::Token> prompt;
  std::uint32_t max_tokens = 0;
  model::SamplingParams sampling;
};

std::vector<Wanted> workload(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  std::vector<Wanted> wanted;
  for (std::uint32_t i = 0; i < 8; ++i) {
    Wanted w;
    for (std::uint32_t t = 1 + below(i % 2 == 0 ? 20 : 100); t > 0; --t) {
      // Every other prompt begins alike, so that prefixes are shared.
      w.prompt.push_back(static_cast<model::Token>(w.prompt.size() < 40 && i % 4 == 1 ? 7 : below(900)));
    }
    w.max_tokens = 1 + below(60);
    w.sampling = Replica::greedy();
    if (i % 3 == 2) {
      w.sampling.temperature = 1;
      w.sampling.seed = random();
    }
    wanted.push_back(std::move(w));
  }
  return wanted;
}

void open_all(Replica& replica, const std::vector<Wanted>& wanted) {
  for (const auto& w : wanted) replica.open(w.prompt, w.max_tokens, w.sampling);
}

void expect_undisturbed(Replica& replica, const std::vector<Wanted>& wanted, std::uint32_t stages) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& client = *replica.clients[i];
    const auto answer =
        support::hash_answer(wanted[i].prompt, wanted[i].max_tokens, wanted[i].sampling, stages, false);
    ASSERT_EQ(client.terminals, 1U) << "request " << i << " " << client.error;
    EXPECT_EQ(client.after_terminal, 0U) << "request " << i;
    EXPECT_EQ(client.error, "") << "request " << i;
    ASSERT_EQ(client.choices.count(0), 1U) << "request " << i;
    EXPECT_EQ(client.choices.at(0).tokens, answer) << "request " << i;
    EXPECT_EQ(client.choices.at(0).finishes, 1U) << "request " << i;
  }
  replica.settle();
  EXPECT_EQ(replica.kv().leased, 0U) << "leaked blocks";
  EXPECT_EQ(replica.kv().quarantined, 0U);
  EXPECT_EQ(replica.kv().free + replica.kv().idle, replica.kv().total);
}

ReplicaOptions two_stages(std::uint64_t seed) {
  ReplicaOptions options;
  options.seed = seed;
  options.stages = 2;
  options.delay_max = std::chrono::microseconds(300);
  return options;
}

TEST(Replica, AnswersAsTheModelDoesAlone) {
  for (std::uint32_t stages = 1; stages <= 3; ++stages) {
    ReplicaOptions options = two_stages(stages);
    options.stages = stages;
    Replica replica(options);
    const auto wanted = workload(stages);
    open_all(replica, wanted);
    ASSERT_TRUE(replica.run_until_done());
    expect_undisturbed(replica, wanted, stages);
  }
}

TEST(Replica, RepairsLostMessages) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ReplicaOptions options = two_stages(seed);
    options.drop = 0.01;
    Replica replica(options);
    const auto wanted = workload(seed);
    open_all(replica, wanted);
    ASSERT_TRUE(replica.run_until_done());
    expect_undisturbed(replica, wanted, 2);
  }
}

TEST(Replica, PreemptsAndResumesWhenBlocksRunOut) {
  ReplicaOptions options = two_stages(5);
  options.blocks = 9;
  Replica replica(options);
  std::vector<Wanted> wanted;
  for (model::Token i = 0; i < 6; ++i) wanted.push_back({{i, 1, 2, 3}, 120, Replica::greedy()});
  open_all(replica, wanted);
  ASSERT_TRUE(replica.run_until_done());
  EXPECT_GT(replica.preemptions(), 0U);
  expect_undisturbed(replica, wanted, 2);
}

struct Victim {
  const char* name;
  std::vector<std::string> actors;
};

class RestartTest : public ::testing::TestWithParam<Victim> {};

TEST_P(RestartTest, KilledAt200PointsLeavesEveryStreamTheSame) {
  // How many jobs an undisturbed run takes says where "in the middle" is.
  std::uint64_t jobs = 0;
  {
    Replica replica(two_stages(1));
    open_all(replica, workload(1));
    ASSERT_TRUE(replica.run_until_done());
    jobs = replica.jobs_run();
  }
  std::mt19937_64 random(42);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto& actors = GetParam().actors;
    const std::string& victim = actors[seed % actors.size()];
    const std::uint64_t at = random() % jobs;
    SCOPED_TRACE("seed " + std::to_string(seed) + ": " + victim + " killed at job " + std::to_string(at));
    ReplicaOptions options = two_stages(seed);
    options.drop = seed % 4 == 0 ? 0.002 : 0;
    options.keep_store = seed % 2 == 0;
    Replica replica(options);
    const auto wanted = workload(seed);
    open_all(replica, wanted);
    while (replica.jobs_run() < at && replica.step()) continue;
    replica.kill(victim);
    ASSERT_TRUE(replica.run_until_done());
    expect_undisturbed(replica, wanted, 2);
    ASSERT_TRUE(replica.escalations().empty()) << replica.escalations().front();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Victims, RestartTest,
                         ::testing::Values(Victim{"scheduler", {"scheduler"}},
                                           Victim{"kv_cache", {"kv_cache"}},
                                           Victim{"stage", {"stage/0", "compute/0", "stage/1", "compute/1"}},
                                           Victim{"ingress", {"ingress/0"}}, Victim{"audit", {"audit"}}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace troupe::flow
