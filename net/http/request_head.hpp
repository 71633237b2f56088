// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "net/http/server.hpp"

/// The strict reading of a request's head, on its raw bytes. Beast 1.81 accepts heads that another HTTP
/// implementation in front of us may frame differently (request smuggling); these never get as far as Beast.
namespace troupe::net {

/// A request line and its header fields, free of ambiguity.
struct RequestHead {
  std::string method;
  std::string path;   ///< percent-decoded, valid UTF-8, no control characters
  std::string query;  ///< raw
  std::vector<HttpHeader> headers;
  bool http_1_1 = true;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::uint64_t content_length = 0;
  std::string_view header(std::string_view name) const;
};

/// Where a head ends in a buffer that is still filling.
struct HeadScan {
  bool broken = false;     ///< a line that does not end in CR LF: no more bytes can make it a head
  std::size_t length = 0;  ///< bytes up to and with the empty line; 0 while it is not there
};

/// Looks for the end of the head in `bytes`; everything before `from` was scanned by an earlier call.
HeadScan scan_head(std::string_view bytes, std::size_t from);

/// Reads a complete head (request line through empty line). Accepts exactly: one HTTP/1.0 or 1.1 request line
/// in origin form (or absolute form that names the Host's host), at most 100 fields without folding, one Host
/// (1.1), and either no framing field, one canonical Content-Length, or (1.1) one `Transfer-Encoding:
/// chunked`. Errors: invalid_request naming the header field in `param`, or none for the request line.
/// Source: RFC 9112, sections 2-7, at its strict reading.
model::Result<RequestHead> read_head(std::string_view raw);

bool equal_ignoring_case(std::string_view a, std::string_view b);

/// First field with that name, empty when absent.
std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name);

}  // namespace troupe::net
