// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/ingress/answer_writer.hpp"
#include "model/request.hpp"
#include "model/served_model.hpp"
#include "net/openai/request.hpp"
#include "telemetry/clock.hpp"
#include "telemetry/random.hpp"

namespace troupe::actors {

/// A request ready for the ingress, and what its answer will look like.
struct PreparedRequest {
  model::Request request;
  AnswerShape shape;
};

/// Makes complete requests out of API requests: text becomes tokens, the seed is drawn, the limit of tokens
/// is what was asked for or what the context still holds. After this nothing about the answer is left open.
///
/// Threads: any; immutable.
class RequestBuilder {
 public:
  RequestBuilder(std::shared_ptr<const model::ServedModel> served, std::shared_ptr<telemetry::Random> random,
                 std::shared_ptr<const telemetry::Clock> clock);

  /// Errors: model_not_found; context_length with the arithmetic; invalid_request for an empty prompt and for
  /// what the chat template refuses.
  model::Result<PreparedRequest> chat(const net::ChatRequest& chat) const;
  /// The same. A text prompt is raw: spellings of special tokens in it are those tokens.
  model::Result<PreparedRequest> completion(const net::CompletionRequest& completion) const;
  /// Tokens of a conversation or a text, as a request with it would have them.
  model::Result<std::vector<model::Token>> tokenize(const net::TokenizeRequest& request) const;
  /// Errors: model_not_found. An empty name means the one that is served.
  model::Result<void> check_model(const std::string& name) const;

 private:
  model::Result<std::vector<model::Token>> encode_messages(const std::vector<model::ChatMessage>& messages,
                                                           bool generation_prompt) const;
  model::Result<std::vector<model::Token>> encode_text(const std::string& text,
                                                       bool add_special_tokens) const;
  model::Result<void> check_bytes(std::size_t bytes, const char* field) const;
  model::Result<std::uint32_t> max_tokens(const net::RequestOptions& options, std::size_t prompt_tokens,
                                          std::uint32_t otherwise, const char* field) const;
  PreparedRequest prepare(const net::RequestOptions& options) const;

  std::shared_ptr<const model::ServedModel> served_;
  std::shared_ptr<telemetry::Random> random_;
  std::shared_ptr<const telemetry::Clock> clock_;
  std::size_t longest_token_ = 1;  ///< bytes
};

}  // namespace troupe::actors
