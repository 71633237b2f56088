// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.hpp"

/// What the terminal commands need of a server with OpenAI's API.
namespace troupe::actors {

struct ServerUrl {
  std::string host;
  std::uint16_t port = 0;
  bool operator==(const ServerUrl&) const = default;
};

/// "http://HOST[:PORT][/v1]"; port 80 when none is given. Errors: invalid_request, saying what is understood.
model::Result<ServerUrl> parse_server_url(const std::string& url);

/// How fast an answer came, and how it ended.
struct AnswerReport {
  std::optional<std::chrono::duration<double>>
      ttft;                                 ///< request sent to first text; nothing when there was none
  std::optional<double> tokens_per_second;  ///< after the first token; nothing for fewer than two
  std::uint64_t prompt_tokens = 0;
  std::uint64_t completion_tokens = 0;
  std::string finish_reason;  ///< empty when it was interrupted
};

/// "TTFT 0.12 s, 34.5 tokens/s, 57 tokens", as far as known.
std::string to_string(const AnswerReport& report);

/// A piece of an answer as it came.
struct AnswerPiece {
  std::string text;
  bool reasoning = false;
};

/// Streams the answer to a request body that asks for a stream with usage. `on_piece` returns false to
/// interrupt. Errors: io (nothing listens: how to start a server), else what the server said, with its
/// `param`.
model::Result<AnswerReport> stream_answer(const ServerUrl& server, const std::string& path,
                                          const std::string& body,
                                          const std::function<bool(const AnswerPiece&)>& on_piece);

/// Name of the first model that is served. Errors: as stream_answer.
model::Result<std::string> first_model(const ServerUrl& server);

/// GET with the same errors; returns the body of a 200.
model::Result<std::string> get(const ServerUrl& server, const std::string& path);

/// Text of a model for a terminal: what could steer it (escape sequences, marks that reorder text) becomes
/// U+FFFD; line ends and tabs stay.
std::string terminal_text(std::string_view text);

}  // namespace troupe::actors
