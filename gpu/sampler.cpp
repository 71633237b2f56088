// SPDX-License-Identifier: Apache-2.0
#include "gpu/sampler.hpp"

#include <algorithm>
#include <limits>

#include "gpu/elementary.hpp"
#include "gpu/lanes.hpp"
#include "model/random.hpp"

namespace troupe::gpu {
namespace {

/// The largest logit; nothing when one is NaN or +infinity.
std::optional<float> find_maximum(std::span<const float> logits) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  std::uint32_t sound[kLanes];
  std::fill_n(sound, kLanes, 1U);
  std::size_t k = 0;
  for (; k + kLanes <= logits.size(); k += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      lanes[j] = std::max(lanes[j], logits[k + j]);
      sound[j] &= logits[k + j] <= std::numeric_limits<float>::max() ? 1U : 0U;
    }
  }
  for (std::size_t j = 0; k + j < logits.size(); ++j) {
    lanes[j] = std::max(lanes[j], logits[k + j]);
    sound[j] &= logits[k + j] <= std::numeric_limits<float>::max() ? 1U : 0U;
  }
  if (!std::all_of(sound, sound + kLanes, [](std::uint32_t value) { return value == 1U; }))
    return std::nullopt;
  return *std::max_element(lanes, lanes + kLanes);
}

/// Sum of e^((logit - maximum) * inverse_temperature), in the fixed order of lanes.
double sum_of_weights(std::span<const float> logits, float maximum, float inverse_temperature) {
  double lanes[kLanes] = {};
  float weights[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= logits.size(); k += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) {
      weights[j] = exponential((logits[k + j] - maximum) * inverse_temperature);
    }
    for (std::size_t j = 0; j < kLanes; ++j) lanes[j] += static_cast<double>(weights[j]);
  }
  for (std::size_t j = 0; k + j < logits.size(); ++j) {
    lanes[j] += static_cast<double>(exponential((logits[k + j] - maximum) * inverse_temperature));
  }
  return fold_lanes(lanes);
}

model::Token argmax(std::span<const float> logits, float maximum) {
  return static_cast<model::Token>(std::find(logits.begin(), logits.end(), maximum) - logits.begin());
}

}  // namespace

/// Most draws end within a few hundred candidates near the maximum: a heap of those is built first, and one
/// of the whole vocabulary only when they are used up. The order, and so the outcome, is the same.
class Sampler::Descending {
 public:
  Descending(std::span<const float> logits, float least, std::vector<Candidate>& heap)
      : logits_(logits), least_(least), heap_(heap) {
    collect(least, std::numeric_limits<float>::infinity());
  }

  std::optional<Candidate> next() {
    if (heap_.empty() && !complete_) {
      complete_ = true;
      collect(-std::numeric_limits<float>::infinity(), least_);
    }
    if (heap_.empty()) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), after);
    const Candidate candidate = heap_.back();
    heap_.pop_back();
    return candidate;
  }

 private:
  static bool after(const Candidate& a, const Candidate& b) { return before(b, a); }
  void collect(float least, float below) {
    heap_.clear();
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      if (logits_[i] >= least && logits_[i] < below)
        heap_.push_back({logits_[i], static_cast<model::Token>(i)});
    }
    std::make_heap(heap_.begin(), heap_.end(), after);
  }

  std::span<const float> logits_;
  float least_;
  std::vector<Candidate>& heap_;
  bool complete_ = false;
};

Sampler::Sampler(std::uint32_t vocab_size) : adjusted_(vocab_size), counts_(vocab_size) {
  heap_.reserve(vocab_size);
  kept_.reserve(vocab_size);
  cumulative_.reserve(vocab_size);
}

std::optional<model::ScoredToken> Sampler::sample(std::span<const float> logits,
                                                  const model::SamplingParams& params,
                                                  std::span<const model::Token> history,
                                                  std::uint32_t prompt_tokens) {
  const std::optional<float> raw_maximum = find_maximum(logits);
  if (!raw_maximum) return std::nullopt;
  const std::span<const float> adjusted = adjust(logits, params, history, prompt_tokens);
  const float maximum =
      adjusted.data() == logits.data() ? *raw_maximum : *std::max_element(adjusted.begin(), adjusted.end());
  const model::Token token = params.temperature <= 0.0F ? argmax(adjusted, maximum)
                                                        : draw(adjusted, maximum, params, history.size());
  if (params.logprobs < 0) return model::ScoredToken{.token = token, .logprob = 0, .top = {}};
  return score_known(logits, *raw_maximum, token, static_cast<std::uint32_t>(params.logprobs));
}

std::optional<model::ScoredToken> Sampler::score(std::span<const float> logits, model::Token token,
                                                 std::uint32_t top) {
  const std::optional<float> maximum = find_maximum(logits);
  if (!maximum) return std::nullopt;
  return score_known(logits, *maximum, token, top);
}

std::span<const float> Sampler::adjust(std::span<const float> logits, const model::SamplingParams& params,
                                       std::span<const model::Token> history, std::uint32_t prompt_tokens) {
  const bool counted = params.presence_penalty != 0.0F || params.frequency_penalty != 0.0F;
  if (params.logit_bias.empty() && params.repetition_penalty == 1.0F && !counted) return logits;
  std::copy(logits.begin(), logits.end(), adjusted_.begin());
  for (const auto& [token, bias] : params.logit_bias) {
    if (token >= 0 && static_cast<std::size_t>(token) < adjusted_.size()) adjusted_[token] += bias;
  }
  if (params.repetition_penalty != 1.0F) {
    for (const model::Token token : history) {
      if (counts_[token]++ != 0) continue;
      float& logit = adjusted_[token];
      logit = logit > 0 ? logit / params.repetition_penalty : logit * params.repetition_penalty;
    }
    for (const model::Token token : history) counts_[token] = 0;
  }
  if (counted) {
    const auto answer = history.subspan(std::min<std::size_t>(prompt_tokens, history.size()));
    for (const model::Token token : answer) ++counts_[token];
    for (const model::Token token : answer) {
      if (counts_[token] == 0) continue;
      adjusted_[token] -=
          params.presence_penalty + params.frequency_penalty * static_cast<float>(counts_[token]);
      counts_[token] = 0;
    }
  }
  return adjusted_;
}

model::Token Sampler::draw(std::span<const float> logits, float maximum, const model::SamplingParams& params,
                           std::uint64_t position) {
  const float inverse_temperature = 1.0F / params.temperature;
  constexpr float kUsualReach = 10.0F;  // e^-10 of the most likely token's probability
  Descending candidates(logits, maximum - kUsualReach * params.temperature, heap_);
  const double chance = model::uniform(params.seed, position, 0);
  const bool cut = params.top_k > 0 || params.min_p > 0.0F;
  const double total = cut ? 0.0 : sum_of_weights(logits, maximum, inverse_temperature);
  // Without a cut the mass is known beforehand, and the walk can end at the token that the draw hits.
  const double enough = params.top_p < 1.0F ? static_cast<double>(params.top_p) * total : chance * total;

  kept_.clear();
  cumulative_.clear();
  double mass = 0;
  while (const auto candidate = candidates.next()) {
    const float weight = exponential((candidate->logit - maximum) * inverse_temperature);
    if (weight < params.min_p) break;
    mass += static_cast<double>(weight);
    kept_.push_back(*candidate);
    cumulative_.push_back(mass);
    if (params.top_k > 0 && kept_.size() >= static_cast<std::size_t>(params.top_k)) break;
    if (!cut && (params.top_p < 1.0F ? mass >= enough : mass > enough)) break;
  }
  const auto find = [&](double target, auto reached) {
    const auto place = std::partition_point(cumulative_.begin(), cumulative_.end(),
                                            [&](double value) { return !reached(value, target); });
    return std::min<std::size_t>(static_cast<std::size_t>(place - cumulative_.begin()), kept_.size() - 1);
  };
  if (params.top_p < 1.0F) {
    const double whole = cut ? mass : total;
    mass = cumulative_[find(static_cast<double>(params.top_p) * whole, std::greater_equal<>())];
  } else if (!cut) {
    mass = total;
  }
  return kept_[find(chance * mass, std::greater<>())].token;
}

model::ScoredToken Sampler::score_known(std::span<const float> logits, float maximum, model::Token token,
                                        std::uint32_t top) {
  const double log_sum = logarithm(sum_of_weights(logits, maximum, 1.0F));
  const auto logprob = [&](float logit) {
    return static_cast<float>(static_cast<double>(logit) - static_cast<double>(maximum) - log_sum);
  };
  model::ScoredToken scored{.token = token, .logprob = logprob(logits[token]), .top = {}};
  kept_.clear();
  for (std::size_t i = 0; top > 0 && i < logits.size(); ++i) {
    const Candidate candidate{logits[i], static_cast<model::Token>(i)};
    if (kept_.size() == top) {
      if (!before(candidate, kept_.back())) continue;
      kept_.pop_back();
    }
    kept_.insert(std::upper_bound(kept_.begin(), kept_.end(), candidate, before), candidate);
  }
  for (const Candidate& candidate : kept_) scored.top.push_back({candidate.token, logprob(candidate.logit)});
  return scored;
}

}  // namespace troupe::gpu
