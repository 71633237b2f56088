// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::net {

class JsonBody;

/// A JSON object that a server answered with, for clients: values by JSON pointer
/// ("/choices/0/delta/content"). What is absent or of another type is nothing.
class JsonDocument {
 public:
  /// Errors: those of parse_json_body.
  static model::Result<JsonDocument> parse(std::string_view text);

  bool has(std::string_view pointer) const;
  std::optional<std::string> text(std::string_view pointer) const;
  std::optional<std::int64_t> integer(std::string_view pointer) const;
  /// Number of elements of an array; 0 for anything else.
  std::size_t size(std::string_view pointer) const;

 private:
  explicit JsonDocument(std::shared_ptr<const JsonBody> body) : body_(std::move(body)) {}
  std::shared_ptr<const JsonBody> body_;
};

}  // namespace troupe::net
