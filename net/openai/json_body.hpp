// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <string_view>

#include "model/error.hpp"

/// Included by net/openai/*.cpp only: it names Boost.JSON.
namespace troupe::net {

/// A parsed body and the memory it lives in.
class JsonBody {
 public:
  explicit JsonBody(std::shared_ptr<boost::json::value> value) : value_(std::move(value)) {}
  const boost::json::object& object() const { return value_->get_object(); }

 private:
  std::shared_ptr<boost::json::value> value_;
};

/// Parses a body that must be one JSON object. Of equal keys the last one counts, as at OpenAI.
/// Errors: invalid_request: not JSON or not UTF-8 (with the byte), deeper than `depth`, not an object, or so
/// many small values that they would need more than 64 MiB.
model::Result<JsonBody> parse_json_body(std::string_view body, std::uint32_t depth);

}  // namespace troupe::net
