// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/sampling.hpp"

/// OpenAI's response bodies. Every function returns one JSON text, without the framing of a stream.
namespace troupe::net {

/// What all parts of one answer repeat.
struct ResponseIdentity {
  std::string id;            ///< "chatcmpl-..." or "cmpl-..."
  std::int64_t created = 0;  ///< Unix seconds
  std::string model;
  std::string fingerprint;  ///< system_fingerprint
};

/// A token with its log-probability, as bytes.
struct TokenScore {
  std::string bytes;
  std::optional<float> logprob;                    ///< none for the first token of a prompt
  std::vector<std::pair<std::string, float>> top;  ///< most likely first
  bool in_text = true;                             ///< false for a bos that was put before the text
};

struct Usage {
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;
};

/// One choice, whole or a piece of it.
struct Choice {
  std::uint32_t index = 0;
  std::string text;
  std::optional<std::vector<TokenScore>> scores;  ///< log-probabilities, when asked for
  std::size_t text_offset = 0;                    ///< code points of the choice's text before these scores
  std::optional<model::FinishReason> finish;
  std::optional<std::string> stop_text;  ///< vLLM's stop_reason
};

/// Renders the parts of a chat answer.
class ChatRenderer {
 public:
  explicit ChatRenderer(const ResponseIdentity& identity);
  std::string completion(const std::vector<Choice>& choices, const Usage& usage) const;
  /// The first chunk of a choice: {"role":"assistant"}. `usage_null`: the stream will end with its usage.
  std::string role_chunk(std::uint32_t index, bool usage_null) const;
  /// New text, new log-probabilities.
  std::string chunk(const Choice& choice, bool usage_null) const;
  /// An empty delta with the finish reason.
  std::string finish_chunk(const Choice& choice, bool usage_null) const;
  /// No choices, only the usage.
  std::string usage_chunk(const Usage& usage) const;

 private:
  std::string chunk_head_;
  std::string whole_head_;
};

/// Renders the parts of a text completion. Whole and streamed bodies have the same shape.
class CompletionRenderer {
 public:
  explicit CompletionRenderer(const ResponseIdentity& identity);
  std::string completion(const std::vector<Choice>& choices, const Usage& usage) const;
  std::string chunk(const Choice& choice, bool usage_null) const;
  std::string usage_chunk(const Usage& usage) const;

 private:
  std::string head_;
};

/// Where the text after `bytes` begins, in code points, when `bytes` begin at `offset`. A code point that is
/// spread over several tokens counts with the first.
std::size_t advance_offset(std::size_t offset, std::string_view bytes);

/// One served model, for /v1/models.
struct ModelCard {
  std::string id;
  std::int64_t created = 0;
  std::uint32_t max_model_len = 0;
};

std::string render_model(const ModelCard& card);
std::string render_models(const std::vector<ModelCard>& cards);

/// vLLM's bodies of /tokenize and /detokenize.
std::string render_tokens(const std::vector<model::Token>& tokens, std::uint32_t max_model_len);
std::string render_prompt(std::string_view text);

}  // namespace troupe::net
