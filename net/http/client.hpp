// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "net/http/server.hpp"

/// A small blocking HTTP/1.1 client for the command line: one request, one connection, no TLS.
namespace troupe::net {

struct ClientRequest {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string method = "GET";
  std::string target = "/";
  std::vector<HttpHeader> headers;  ///< Host, Content-Length and Connection are added
  std::string body;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds read_timeout{120'000};  ///< longest silence of the server
  std::uint64_t max_body_bytes = 256U << 20U;
};

struct ClientResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string body;  ///< empty when it went to a callback
  std::string_view header(std::string_view name) const;
};

/// Gets the body of a 2xx answer piece by piece; returning false ends the transfer (and hangs up).
using BodyCallback = std::function<bool(std::string_view piece)>;

/// Sends a request and reads the answer. With `on_body`, the body of a 2xx answer goes there; that of another
/// always comes back whole. Errors: io, naming host:port: unreachable, silent too long, closed early, not
/// HTTP.
model::Result<ClientResponse> fetch(const ClientRequest& request, const BodyCallback& on_body = nullptr);

/// "HOST:PORT" or "[IPv6]:PORT" as an address. Errors: invalid_request with the expected form.
model::Result<std::pair<std::string, std::uint16_t>> parse_endpoint(std::string_view text);

}  // namespace troupe::net
