// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.hpp"

/// HTTP/1.1 on Boost.Beast, behind an interface without Boost: bytes on wires, no policy.
namespace troupe::net {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// A complete, strictly framed request.
struct HttpRequest {
  std::string method;
  std::string path;   ///< decoded, without the query
  std::string query;  ///< raw
  std::vector<HttpHeader> headers;
  std::string body;
  std::string
      request_id;  ///< X-Request-Id as sent (checked: printable, at most 128 bytes), else made by the server
  std::string peer;  ///< address:port of the client, for the log
  /// First header with that name (case-insensitive), empty when absent.
  std::string_view header(std::string_view name) const;
};

/// The answer to one request: either respond() once, or begin_stream(), write()*, finish(). X-Request-Id is
/// added.
///
/// Threads: any; calls are posted to the connection's strand in order. After a disconnect all calls do
/// nothing.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;
  virtual void respond(int status, std::string_view content_type, std::string body,
                       std::vector<HttpHeader> extra = {}) = 0;
  virtual void begin_stream(int status, std::string_view content_type,
                            std::vector<HttpHeader> extra = {}) = 0;
  /// Queues bytes; they are merged into one write while the socket is busy.
  virtual void write(std::string bytes) = 0;
  virtual void finish() = 0;
  /// Called at most once, on the strand, when the client goes away (or is cut: too slow, over its buffer)
  /// before finish.
  virtual void on_disconnect(std::function<void()> callback) = 0;
};

struct HttpLimits {
  std::uint64_t max_body_bytes = 16U << 20U;
  std::uint32_t max_header_bytes = 16U << 10U;
  std::chrono::milliseconds header_timeout{10'000};      ///< whole header
  std::chrono::milliseconds body_timeout{60'000};        ///< whole body
  std::chrono::milliseconds keep_alive_timeout{75'000};  ///< idle between requests
  std::chrono::milliseconds write_timeout{30'000};       ///< a client that does not read is cut
  std::uint32_t max_connections = 4096;
  std::uint64_t max_unsent_bytes = 256U << 10U;  ///< per stream, socket buffer included
};

/// Renders an error body for framing errors that never reach the handler (net/openai gives OpenAI's shape).
using HttpErrorBody = std::function<std::string(const model::Error& error)>;
using HttpHandler = std::function<void(HttpRequest request, std::shared_ptr<HttpResponder> responder)>;

/// A listener with its I/O threads.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  /// The port it listens on (an ephemeral one when 0 was asked for).
  virtual std::uint16_t port() const = 0;
  /// Stops accepting; idle connections are closed, answers in flight go on.
  virtual void stop_accepting() = 0;
  /// Closes everything and joins the threads.
  virtual void stop() = 0;
};

/// Opens a listening socket (close-on-exec, SO_REUSEADDR). Done by the launcher, so that connections wait
/// while a worker restarts. Errors: io, naming host:port and what holds it ("address already in use: choose
/// another --port").
model::Result<int> listen_on(const std::string& host, std::uint16_t port);

/// Serves on an already listening socket, which it takes over. `threads`: I/O threads, at least 1.
model::Result<std::unique_ptr<HttpServer>> serve_http(int listening_socket, HttpLimits limits,
                                                      std::uint32_t threads, HttpHandler handler,
                                                      HttpErrorBody error_body);

}  // namespace troupe::net
