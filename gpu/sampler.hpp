// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/ids.hpp"
#include "model/sampling.hpp"

namespace troupe::gpu {

/// Logits to tokens, in this order: logit_bias, repetition penalty, presence and frequency penalties; greedy,
/// or temperature, min-p, top-k, top-p and one draw. Candidates are ordered by probability descending, ties
/// by lowest id; the draw is keyed by (seed, absolute position). A token is a function of its row alone.
///
/// Holds the scratch memory of one worker. Threads: one caller at a time.
class Sampler {
 public:
  explicit Sampler(std::uint32_t vocab_size);

  /// Chooses the token at position history.size(). history[0, prompt_tokens) is the prompt; all its tokens
  /// are within the vocabulary. A logit_bias beyond the vocabulary is ignored. logits: [vocab_size].
  /// Log-probabilities are of `logits` as they come. Nothing when a logit is NaN or +infinity: the step is
  /// broken.
  std::optional<model::ScoredToken> sample(std::span<const float> logits, const model::SamplingParams& params,
                                           std::span<const model::Token> history,
                                           std::uint32_t prompt_tokens);

  /// The log-probability of `token` and the `top` (0 or more) most likely. Nothing when a logit is NaN or
  /// +infinity.
  std::optional<model::ScoredToken> score(std::span<const float> logits, model::Token token,
                                          std::uint32_t top);

 private:
  struct Candidate {
    float logit;
    model::Token token;
  };
  /// Candidates in descending order, found as far as they are asked for.
  class Descending;

  std::span<const float> adjust(std::span<const float> logits, const model::SamplingParams& params,
                                std::span<const model::Token> history, std::uint32_t prompt_tokens);
  model::Token draw(std::span<const float> logits, float maximum, const model::SamplingParams& params,
                    std::uint64_t position);
  model::ScoredToken score_known(std::span<const float> logits, float maximum, model::Token token,
                                 std::uint32_t top);
  static bool before(const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  }

  std::vector<float> adjusted_;        // [vocab_size]
  std::vector<std::uint32_t> counts_;  // [vocab_size], all zero between calls
  std::vector<Candidate> heap_;
  std::vector<Candidate> kept_;
  std::vector<double> cumulative_;  // of kept_
};

}  // namespace troupe::gpu
