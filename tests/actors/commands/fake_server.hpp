// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "net/http/server.hpp"
#include "net/http/sse.hpp"

namespace troupe::actors::testing {

/// A server with scripted answers, on a port of its own. Streams what is queued, in order; remembers what it
/// was asked.
class FakeServer {
 public:
  FakeServer() {
    const auto socket = net::listen_on("127.0.0.1", 0);
    if (!socket) throw std::runtime_error(socket.error().message);
    auto server = net::serve_http(
        *socket, {}, 1,
        [this](net::HttpRequest request, std::shared_ptr<net::HttpResponder> responder) {
          answer(std::move(request), *responder);
        },
        [](const model::Error& error) { return error.message; });
    if (!server) throw std::runtime_error(server.error().message);
    server_ = std::move(*server);
  }
  ~FakeServer() { server_->stop(); }

  std::uint16_t port() const { return server_->port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  std::string url() const { return "http://" + address(); }

  /// The next POST is answered by a stream of these events.
  void stream(std::vector<std::string> events) { answers_.push_back({200, std::move(events)}); }
  /// The next POST is answered by a status and a body.
  void refuse(int status, std::string body) { answers_.push_back({status, {std::move(body)}}); }
  /// What GET /ps answers.
  std::string ps;

  /// Bodies of the POSTs so far.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  struct Answer {
    int status = 200;
    std::vector<std::string> parts;
  };

  void answer(net::HttpRequest request, net::HttpResponder& responder) {
    if (request.path == "/v1/models") {
      return responder.respond(200, "application/json", R"({"object":"list","data":[{"id":"tiny"}]})");
    }
    if (request.path == "/ps") return responder.respond(200, "application/json", ps);
    const std::lock_guard lock(mutex_);
    asked_.push_back(request.body);
    if (answers_.empty()) return responder.respond(500, "text/plain", "nothing is queued");
    const Answer answer = answers_.front();
    answers_.erase(answers_.begin());
    if (answer.status != 200) return responder.respond(answer.status, "application/json", answer.parts[0]);
    responder.begin_stream(200, "text/event-stream");
    for (const std::string& event : answer.parts) responder.write(net::sse_event(event));
    responder.finish();
  }

  mutable std::mutex mutex_;
  std::vector<Answer> answers_;
  std::vector<std::string> asked_;
  std::unique_ptr<net::HttpServer> server_;
};

inline std::string delta(const std::string& text) {
  return R"({"choices":[{"index":0,"delta":{"content":")" + text + R"("},"finish_reason":null}]})";
}
inline const char* const kStopped = R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})";
inline std::string usage(int tokens) {
  return R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":)" + std::to_string(tokens) + "}}";
}

}  // namespace troupe::actors::testing
