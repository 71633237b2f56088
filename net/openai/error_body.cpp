// SPDX-License-Identifier: Apache-2.0
#include "net/openai/error_body.hpp"

#include "net/openai/json_text.hpp"

namespace troupe::net {
namespace {

using model::ErrorCode;

/// What a code is on the wire. An empty `code` is written as null.
struct Wire {
  int status;
  const char* type;
  const char* code;
};

Wire wire_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_request:
      return {400, "invalid_request_error", ""};
    case ErrorCode::context_length:
      return {400, "invalid_request_error", "context_length_exceeded"};
    case ErrorCode::model_not_found:
      return {404, "invalid_request_error", "model_not_found"};
    case ErrorCode::not_found:
      return {404, "invalid_request_error", "unknown_url"};
    case ErrorCode::method_not_allowed:
      return {405, "invalid_request_error", "method_not_supported"};
    case ErrorCode::payload_too_large:
      return {413, "invalid_request_error", "payload_too_large"};
    case ErrorCode::unsupported_media:
      return {415, "invalid_request_error", "unsupported_content_type"};
    case ErrorCode::timed_out:
      return {408, "invalid_request_error", "request_timeout"};
    case ErrorCode::unauthorized:
      return {401, "invalid_request_error", "invalid_api_key"};
    case ErrorCode::overloaded:
      return {429, "requests", "rate_limit_exceeded"};
    case ErrorCode::unavailable:
      return {503, "server_error", "unavailable"};
    case ErrorCode::audit_unavailable:
      return {503, "server_error", "audit_unavailable"};
    case ErrorCode::internal:
      return {500, "server_error", "internal_error"};
    case ErrorCode::cancelled:
      return {499, "server_error", "cancelled"};
    case ErrorCode::bad_file:
      return {500, "server_error", "bad_file"};
    case ErrorCode::io:
      return {500, "server_error", "io"};
    case ErrorCode::bad_config:
      return {500, "server_error", "bad_config"};
  }
  return {500, "server_error", "internal_error"};
}

void append_or_null(std::string& out, std::string_view text) {
  text.empty() ? static_cast<void>(out += "null") : append_json_string(out, text);
}

}  // namespace

int http_status(ErrorCode code) {
  return wire_of(code).status;
}

std::string render_error(const model::Error& error) {
  const Wire wire = wire_of(error.code);
  std::string out = R"({"error":{"message":)";
  append_json_string(out, error.message);
  out += R"(,"type":)";
  append_json_string(out, wire.type);
  out += R"(,"param":)";
  append_or_null(out, error.param);
  out += R"(,"code":)";
  append_or_null(out, wire.code);
  out += "}}";
  return out;
}

}  // namespace troupe::net
