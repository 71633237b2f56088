// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/chat_template.hpp"
#include "model/error.hpp"
#include "model/sampling.hpp"

/// OpenAI's request bodies, read and checked field by field. Every number has a range and every list a
/// length; a field that changes what comes out and is not served yet is refused by name, a field that does
/// not is ignored, and a name that looks like a typing error of a known one is refused with the right one.
namespace troupe::net {

/// What the reader checks against.
struct RequestBounds {
  std::uint32_t json_depth = 64;
  std::uint32_t vocab_size = 0;     ///< token ids are below it
  std::uint32_t max_choices = 128;  ///< prompts x n
};

/// The fields that chat and text completions share.
struct RequestOptions {
  std::string model;
  bool stream = false;
  bool include_usage = false;  ///< stream_options.include_usage
  std::uint32_t n = 1;
  std::optional<std::uint32_t> max_tokens;      ///< absent: what the API's default says
  std::string max_tokens_field = "max_tokens";  ///< by which name it came
  std::optional<std::uint64_t> seed;            ///< absent: the server draws one
  model::SamplingParams sampling;               ///< without its seed
  std::vector<std::string> stop;
  std::vector<model::Token> stop_token_ids;
  bool ignore_eos = false;
};

/// POST /v1/chat/completions.
struct ChatRequest {
  RequestOptions options;
  std::vector<model::ChatMessage> messages;
};

/// A prompt as text or as token ids.
using PromptInput = std::variant<std::string, std::vector<model::Token>>;

/// POST /v1/completions.
struct CompletionRequest {
  RequestOptions options;
  std::vector<PromptInput> prompts;
  bool echo = false;
  bool add_special_tokens = true;  ///< a text prompt begins with the model's bos, if it has one
};

/// POST /tokenize: text or a conversation.
struct TokenizeRequest {
  std::string model;
  std::optional<std::string> prompt;
  std::vector<model::ChatMessage> messages;
  bool add_special_tokens = true;
  bool add_generation_prompt = true;
};

/// POST /detokenize.
struct DetokenizeRequest {
  std::string model;
  std::vector<model::Token> tokens;
};

/// Errors: invalid_request; `param` names the field ("messages[2].role", "stop"), the message its range or
/// remedy. A body that is not JSON (RFC 8259, UTF-8, at most `json_depth` deep) is told with the byte at
/// which it stops being so.
model::Result<ChatRequest> parse_chat_request(std::string_view body, const RequestBounds& bounds);
model::Result<CompletionRequest> parse_completion_request(std::string_view body, const RequestBounds& bounds);
model::Result<TokenizeRequest> parse_tokenize_request(std::string_view body, const RequestBounds& bounds);
model::Result<DetokenizeRequest> parse_detokenize_request(std::string_view body, const RequestBounds& bounds);

}  // namespace troupe::net
