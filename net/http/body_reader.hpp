// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "net/http/request_head.hpp"

namespace troupe::net {

/// Reads a request's body through Beast's parser, which is given the head too and must frame it as read_head
/// did.
class BodyReader {
 public:
  BodyReader();
  ~BodyReader();
  BodyReader(const BodyReader&) = delete;
  BodyReader& operator=(const BodyReader&) = delete;

  /// Begins with the raw head of a request. Errors: invalid_request when Beast reads the head otherwise than
  /// `head`.
  model::Result<void> begin(std::string_view raw_head, const RequestHead& head, std::uint64_t max_body_bytes);

  /// Takes as much of `bytes` as belongs to the body; returns how much that is.
  /// Errors: payload_too_large over the limit; invalid_request for broken chunks, chunk extensions (nobody
  /// needs them, smugglers do) and more than 65,536 chunks.
  model::Result<std::size_t> take(std::string_view bytes);

  bool done() const;
  /// The body, once done; moves it out.
  std::string release();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace troupe::net
