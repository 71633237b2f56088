// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/openai_client.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "config/text.hpp"
#include "net/http/client.hpp"
#include "net/http/sse.hpp"
#include "net/openai/json_document.hpp"

namespace troupe::actors {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using std::chrono::steady_clock;

/// A long prompt on a busy server is silent for a while.
constexpr std::chrono::minutes kLongestSilence{30};

Error explained(const Error& error, const ServerUrl& server) {
  if (error.message.find(std::strerror(ECONNREFUSED)) == std::string::npos) return error;
  return {ErrorCode::io,
          "nothing listens on " + server.host + ":" + std::to_string(server.port) +
              "; start it with: troupe serve --model PATH",
          ""};
}

/// What a server's error body says; `what` is used when it says nothing.
Error server_error(std::string_view body, const std::string& what) {
  const auto document = net::JsonDocument::parse(body);
  if (!document || !document->text("/error/message")) return {ErrorCode::internal, what, ""};
  return {ErrorCode::invalid_request, *document->text("/error/message"),
          document->text("/error/param").value_or("")};
}

Error status_error(const net::ClientResponse& response) {
  return server_error(response.body, "the server answered with status " + std::to_string(response.status));
}

/// Turns the events of a stream into pieces and a report.
class StreamReader {
 public:
  explicit StreamReader(const std::function<bool(const AnswerPiece&)>& on_piece) : on_piece_(on_piece) {}

  bool feed(std::string_view bytes) {
    for (const net::SseEvent& event : decoder_.feed(bytes)) {
      if (event.data == "[DONE]") {
        done_ = true;
      } else if (!on_event(event.data)) {
        return false;
      }
    }
    return true;
  }

  Result<AnswerReport> finish() && {
    if (error_) return *error_;
    if (!done_ && !interrupted_) {
      return Error{ErrorCode::io, "the answer ended early: the server went away in the middle of it", ""};
    }
    if (first_ && report_.completion_tokens > 1 && last_ > *first_) {
      report_.tokens_per_second = static_cast<double>(report_.completion_tokens - 1) /
                                  std::chrono::duration<double>(last_ - *first_).count();
    }
    return report_;
  }

 private:
  bool on_event(const std::string& data) {
    const auto document = net::JsonDocument::parse(data);
    if (!document || document->has("/error")) {
      error_ = server_error(data, "the server sent something that is no answer");
      return false;
    }
    if (const auto tokens = document->integer("/usage/completion_tokens")) {
      report_.completion_tokens = static_cast<std::uint64_t>(*tokens);
      report_.prompt_tokens =
          static_cast<std::uint64_t>(document->integer("/usage/prompt_tokens").value_or(0));
    }
    if (const auto reason = document->text("/choices/0/finish_reason")) report_.finish_reason = *reason;
    if (const auto text = document->text("/choices/0/delta/reasoning_content")) on_text(*text, true);
    if (const auto text = document->text("/choices/0/delta/content")) on_text(*text, false);
    if (const auto text = document->text("/choices/0/text")) on_text(*text, false);
    return !interrupted_;
  }

  void on_text(const std::string& text, bool reasoning) {
    if (text.empty()) return;
    last_ = steady_clock::now();
    if (!first_) {
      first_ = last_;
      report_.ttft = last_ - begin_;
    }
    interrupted_ = !on_piece_({text, reasoning}) || interrupted_;
  }

  const std::function<bool(const AnswerPiece&)>& on_piece_;
  net::SseDecoder decoder_;
  AnswerReport report_;
  steady_clock::time_point begin_ = steady_clock::now();
  std::optional<steady_clock::time_point> first_;
  steady_clock::time_point last_;
  std::optional<Error> error_;
  bool interrupted_ = false;
  bool done_ = false;
};

}  // namespace

Result<ServerUrl> parse_server_url(const std::string& url) {
  const auto wrong = [&url](const std::string& why) {
    return Error{ErrorCode::invalid_request,
                 "--url " + config::in_quotes(url) + " " + why + "; it looks like http://127.0.0.1:8080",
                 "--url"};
  };
  std::string_view rest = url;
  if (rest.starts_with("https://")) return wrong("asks for TLS, which this command does not speak");
  if (rest.starts_with("http://")) rest.remove_prefix(std::string_view("http://").size());
  const std::size_t slash = rest.find('/');
  const std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash);
  if (!path.empty() && path != "/" && path != "/v1" && path != "/v1/") return wrong("has a path");
  std::string address(rest.substr(0, slash));
  if (address.find(':') == std::string::npos || address.ends_with(']')) address += ":80";
  const auto endpoint = net::parse_endpoint(address);
  if (!endpoint) return wrong("has no HOST:PORT");
  return ServerUrl{endpoint->first, endpoint->second};
}

std::string to_string(const AnswerReport& report) {
  char number[64];
  std::string text;
  if (report.ttft) {
    std::snprintf(number, sizeof number, "TTFT %.2f s, ", report.ttft->count());
    text += number;
  }
  if (report.tokens_per_second) {
    std::snprintf(number, sizeof number, "%.1f tokens/s, ", *report.tokens_per_second);
    text += number;
  }
  if (report.finish_reason.empty()) return text + "interrupted";
  text += std::to_string(report.completion_tokens) + (report.completion_tokens == 1 ? " token" : " tokens");
  return report.finish_reason == "length" ? text + ", cut at the limit" : text;
}

Result<AnswerReport> stream_answer(const ServerUrl& server, const std::string& path, const std::string& body,
                                   const std::function<bool(const AnswerPiece&)>& on_piece) {
  net::ClientRequest request;
  request.host = server.host;
  request.port = server.port;
  request.method = "POST";
  request.target = path;
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "text/event-stream"}};
  request.body = body;
  request.read_timeout = kLongestSilence;
  StreamReader reader(on_piece);
  const auto response = net::fetch(request, [&reader](std::string_view bytes) { return reader.feed(bytes); });
  if (!response) return explained(response.error(), server);
  if (response->status != 200) return status_error(*response);
  return std::move(reader).finish();
}

Result<std::string> get(const ServerUrl& server, const std::string& path) {
  net::ClientRequest request;
  request.host = server.host;
  request.port = server.port;
  request.target = path;
  auto response = net::fetch(request);
  if (!response) return explained(response.error(), server);
  if (response->status != 200) return status_error(*response);
  return std::move(response->body);
}

Result<std::string> first_model(const ServerUrl& server) {
  const auto body = get(server, "/v1/models");
  if (!body) return body.error();
  const auto document = net::JsonDocument::parse(*body);
  const auto name = document ? document->text("/data/0/id") : std::nullopt;
  if (!name) return Error{ErrorCode::internal, "the server lists no model at /v1/models", ""};
  return *name;
}

std::string terminal_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const config::CodePoint code = config::first_code_point(text);
    const std::size_t length = code.length == 0 ? 1 : code.length;
    const bool keep = code.value == U'\n' || code.value == U'\t' ||
                      (code.length > 0 && !config::is_unprintable(code.value));
    out += keep ? text.substr(0, length) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace troupe::actors
