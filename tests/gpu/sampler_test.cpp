// SPDX-License-Identifier: Apache-2.0
#include "gpu/sampler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "model/random.hpp"

namespace troupe::gpu {
namespace {

using model::SamplingParams;
using model::Token;

std::vector<float> random_logits(std::size_t count, std::uint64_t seed, double spread) {
  std::vector<float> logits(count);
  for (std::size_t i = 0; i < count; ++i) {
    // Rounded, so that ties happen.
    logits[i] = static_cast<float>(std::round(spread * 8 * (model::uniform(seed, i, 0) - 0.5)) / 8);
  }
  return logits;
}

/// The specification, word by word, with a full sort: probabilities descending, ties by lowest id.
Token choose_naively(std::vector<float> logits, const SamplingParams& params,
                     const std::vector<Token>& history, std::size_t prompt_tokens) {
  for (const auto& [token, bias] : params.logit_bias) logits[token] += bias;
  std::map<Token, int> in_all;
  std::map<Token, int> in_answer;
  for (std::size_t i = 0; i < history.size(); ++i) {
    ++in_all[history[i]];
    if (i >= prompt_tokens) ++in_answer[history[i]];
  }
  for (const auto& [token, count] : in_all) {
    logits[token] = logits[token] > 0 ? logits[token] / params.repetition_penalty
                                      : logits[token] * params.repetition_penalty;
  }
  for (const auto& [token, count] : in_answer) {
    logits[token] -= params.presence_penalty + params.frequency_penalty * static_cast<float>(count);
  }
  std::vector<Token> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](Token a, Token b) { return logits[a] > logits[b]; });
  if (params.temperature <= 0) return order[0];

  std::vector<double> weights;
  for (const Token token : order) {
    weights.push_back(std::exp(static_cast<double>((logits[token] - logits[order[0]]) / params.temperature)));
  }
  std::size_t kept = weights.size();
  while (kept > 1 && weights[kept - 1] < static_cast<double>(params.min_p)) --kept;
  if (params.top_k > 0) kept = std::min<std::size_t>(kept, static_cast<std::size_t>(params.top_k));
  const auto mass = [&] {
    return std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(kept), 0.0);
  };
  if (params.top_p < 1) {
    const double enough = static_cast<double>(params.top_p) * mass();
    double sum = 0;
    std::size_t count = 0;
    while (count < kept && sum < enough) sum += weights[count++];
    kept = count;
  }
  const double target = model::uniform(params.seed, history.size(), 0) * mass();
  double sum = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    sum += weights[i];
    if (sum > target) return order[i];
  }
  return order[kept - 1];
}

std::vector<SamplingParams> many_params() {
  std::vector<SamplingParams> all;
  for (const float temperature : {0.0F, 0.3F, 1.0F, 1.7F}) {
    for (const std::int32_t top_k : {0, 1, 7, 5000}) {
      for (const float top_p : {1.0F, 0.9F, 0.3F}) {
        for (const float min_p : {0.0F, 0.1F}) {
          SamplingParams params;
          params.temperature = temperature;
          params.top_k = top_k;
          params.top_p = top_p;
          params.min_p = min_p;
          all.push_back(params);
        }
      }
    }
  }
  return all;
}

TEST(Sampler, ChoosesWhatASortOfTheWholeVocabularyChooses) {
  Sampler sampler(3001);
  std::uint64_t seed = 0;
  for (SamplingParams params : many_params()) {
    for (const double spread : {2.0, 30.0}) {  // flat: the draw goes deep; steep: few candidates
      const auto logits = random_logits(3001, ++seed, spread);
      params.seed = seed * 77;
      params.repetition_penalty = seed % 3 == 0 ? 1.3F : 1.0F;
      params.presence_penalty = seed % 4 == 0 ? 0.7F : 0.0F;
      params.frequency_penalty = seed % 5 == 0 ? -0.4F : 0.0F;
      if (seed % 6 == 0) params.logit_bias = {{17, 3.0F}, {2999, -100.0F}};
      std::vector<Token> history;
      for (std::size_t i = 0; i < 40; ++i) history.push_back(static_cast<Token>((i * i * seed) % 3001));
      const auto chosen = sampler.sample(logits, params, history, 25);
      ASSERT_TRUE(chosen);
      EXPECT_EQ(chosen->token, choose_naively(logits, params, history, 25)) << "seed " << seed;
    }
  }
}

TEST(Sampler, BreaksTiesForTheLowestId) {
  Sampler sampler(100);
  std::vector<float> logits(100, 1.0F);
  logits[40] = logits[60] = 2.0F;
  SamplingParams greedy;
  greedy.temperature = 0;
  greedy.logprobs = 3;
  const auto scored = *sampler.sample(logits, greedy, {}, 0);
  EXPECT_EQ(scored.token, 40);
  ASSERT_EQ(scored.top.size(), 3U);
  EXPECT_EQ(scored.top[0].token, 40);
  EXPECT_EQ(scored.top[1].token, 60);
  EXPECT_EQ(scored.top[2].token, 0);
}

TEST(Sampler, DrawsInProportionToProbability) {
  Sampler sampler(4);
  const std::vector<float> logits{std::log(0.1F), std::log(0.2F), std::log(0.3F), std::log(0.4F)};
  std::vector<int> counts(4);
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    SamplingParams params;
    params.seed = seed;
    ++counts[sampler.sample(logits, params, {}, 0)->token];
  }
  for (int token = 0; token < 4; ++token) EXPECT_NEAR(counts[token], 2000 * (token + 1), 250);
}

TEST(Sampler, DependsOnSeedAndPositionOnly) {
  Sampler fresh(500);
  Sampler used(500);
  const auto logits = random_logits(500, 3, 6.0);
  SamplingParams params;
  params.seed = 9;
  std::vector<Token> history(10, 1);
  const auto expected = fresh.sample(logits, params, history, 10);
  params.presence_penalty = 1;
  (void)used.sample(logits, params, history, 2);
  params.presence_penalty = 0;
  EXPECT_EQ(used.sample(logits, params, history, 10)->token, expected->token);
  int changed = 0;
  for (std::size_t position = 0; position < 50; ++position) {
    history.push_back(1);
    changed += used.sample(logits, params, history, 10)->token != expected->token ? 1 : 0;
  }
  EXPECT_GT(changed, 40);
}

TEST(Sampler, ReportsTheRawDistributionWhateverThePenalties) {
  Sampler sampler(1000);
  const auto logits = random_logits(1000, 5, 10.0);
  SamplingParams params;
  params.temperature = 0.5F;
  params.repetition_penalty = 2.0F;
  params.logit_bias = {{123, 100.0F}};
  params.logprobs = 20;
  const auto scored = *sampler.sample(logits, params, std::vector<Token>{1, 2, 3}, 1);
  EXPECT_EQ(scored.token, 123);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  EXPECT_NEAR(static_cast<double>(scored.logprob), static_cast<double>(logits[123]) - std::log(sum), 1e-5);
  ASSERT_EQ(scored.top.size(), 20U);
  EXPECT_EQ(scored.top[0].token, std::max_element(logits.begin(), logits.end()) - logits.begin());
  for (std::size_t i = 1; i < 20; ++i) EXPECT_GE(scored.top[i - 1].logprob, scored.top[i].logprob);
  for (const auto& [token, logprob] : scored.top) {
    EXPECT_NEAR(static_cast<double>(logprob), static_cast<double>(logits[token]) - std::log(sum), 1e-5);
  }
  EXPECT_EQ(sampler.score(logits, 7, 0)->top.size(), 0U);
  EXPECT_NEAR(static_cast<double>(sampler.score(logits, 7, 0)->logprob),
              static_cast<double>(logits[7]) - std::log(sum), 1e-5);
}

TEST(Sampler, RefusesLogitsThatAreNotFinite) {
  Sampler sampler(50);
  std::vector<float> logits(50, 0.5F);
  const SamplingParams params;
  for (const std::size_t place : {0U, 17U, 49U}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      auto broken = logits;
      broken[place] = bad;
      EXPECT_FALSE(sampler.sample(broken, params, {}, 0));
      EXPECT_FALSE(sampler.score(broken, 3, 1));
    }
  }
  logits[20] = -std::numeric_limits<float>::infinity();  // a masked token is sound
  EXPECT_TRUE(sampler.sample(logits, params, {}, 0));
}

TEST(Sampler, IgnoresABiasBeyondTheVocabulary) {
  Sampler sampler(50);
  SamplingParams params;
  params.temperature = 0;
  params.logit_bias = {{50, 9.0F}, {-1, 9.0F}};
  EXPECT_EQ(sampler.sample(std::vector<float>(50, 1.0F), params, {}, 0)->token, 0);
}

}  // namespace
}  // namespace troupe::gpu
