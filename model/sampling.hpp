// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.hpp"

namespace troupe::model {

/// How the next token is chosen from the logits. Defaults are OpenAI's; ranges are checked in net/openai.
struct SamplingParams {
  float temperature = 1.0F;  ///< 0 means greedy (argmax, ties to the lowest id)
  std::int32_t top_k = 0;    ///< keep the k most likely; 0 keeps all
  float top_p = 1.0F;        ///< keep the smallest set with this probability mass, (0, 1]
  float min_p = 0.0F;        ///< drop tokens below min_p * max probability, [0, 1]
  float repetition_penalty =
      1.0F;  ///< divides (multiplies) positive (negative) logits of seen tokens, (0, 2]; over prompt + answer
  float presence_penalty = 0.0F;   ///< subtracted once for tokens in the answer so far, [-2, 2]
  float frequency_penalty = 0.0F;  ///< subtracted per occurrence in the answer so far, [-2, 2]
  std::uint64_t seed = 0;  ///< materialised by the ingress: draws are keyed by (seed, absolute position)
  std::vector<std::pair<Token, float>> logit_bias;  ///< added to logits before everything else
  /// Number of alternatives to report beside the chosen token's log-probability, 0..20; -1 reports nothing.
  /// Log-probabilities are of the model's raw distribution (temperature 1, no penalties), as OpenAI and vLLM
  /// report them.
  std::int32_t logprobs = -1;
  /// The same for prompt tokens (completions with echo): -1 off. Position 0 has none.
  std::int32_t prompt_logprobs = -1;
  bool operator==(const SamplingParams&) const = default;
};

/// When an answer ends.
struct StopParams {
  std::uint32_t max_tokens =
      0;  ///< materialised: requested, or what the context still holds; 0 only with echo
  std::vector<Token> stop_token_ids;  ///< beside the model's own end tokens
  std::vector<std::string>
      stop;                 ///< texts that end the answer and are not part of it; at most 4 of 256 bytes
  bool ignore_eos = false;  ///< the model's end tokens do not end the answer
  bool operator==(const StopParams&) const = default;
};

/// One alternative of a position.
struct TokenLogprob {
  Token token = -1;
  float logprob = 0;  ///< natural logarithm
  bool operator==(const TokenLogprob&) const = default;
};

/// A token with its log-probability and the most likely alternatives (descending), if they were asked for.
struct ScoredToken {
  Token token = -1;
  float logprob = 0;
  std::vector<TokenLogprob> top;
  bool operator==(const ScoredToken&) const = default;
};

/// Why an answer ended. Exactly one per sequence.
enum class FinishReason : std::uint8_t { stop, length, cancelled, error };
/// OpenAI's word: "stop", "length"; ours for the others: "cancelled", "error".
const char* to_string(FinishReason reason);

}  // namespace troupe::model
