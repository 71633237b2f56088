// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/ingress/answer.hpp"
#include "model/tokenizer.hpp"
#include "net/http/server.hpp"
#include "net/openai/response.hpp"

namespace troupe::actors {

/// What an answer looks like on the wire; decided by its request.
struct AnswerShape {
  enum class Kind : std::uint8_t { chat, completion };
  /// A prompt as it is repeated with echo.
  struct Echo {
    std::string text;
    std::vector<model::Token> tokens;
    bool bos_added = false;  ///< the first token is not in the text
  };
  Kind kind = Kind::chat;
  bool stream = false;
  bool include_usage = false;
  bool logprobs = false;
  std::vector<Echo> echo;  ///< one per prompt; empty: off
  std::uint32_t n = 1;
  std::uint32_t choices = 1;
  std::uint64_t prompt_tokens = 0;
  net::ResponseIdentity identity;
};

/// Turns an answer's events into one JSON body, or into server-sent events as they come. A failure before the
/// first byte becomes an HTTP status with an error body, a later one an error event and the end of the stream
/// without [DONE].
///
/// Threads: deliver from one thread at a time; never blocks.
std::shared_ptr<AnswerSink> make_answer_writer(AnswerShape shape,
                                               std::shared_ptr<const model::Tokenizer> tokenizer,
                                               std::shared_ptr<net::HttpResponder> responder);

/// Answers with the error's status and OpenAI's body; overloaded and unavailable say when to come back.
void respond_error(net::HttpResponder& responder, const model::Error& error,
                   std::vector<net::HttpHeader> extra = {});

}  // namespace troupe::actors
