// SPDX-License-Identifier: Apache-2.0
#include "model/error.hpp"

namespace troupe::model {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_request:
      return "invalid_request";
    case ErrorCode::context_length:
      return "context_length";
    case ErrorCode::model_not_found:
      return "model_not_found";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::method_not_allowed:
      return "method_not_allowed";
    case ErrorCode::payload_too_large:
      return "payload_too_large";
    case ErrorCode::unsupported_media:
      return "unsupported_media";
    case ErrorCode::timed_out:
      return "timed_out";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::overloaded:
      return "overloaded";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::audit_unavailable:
      return "audit_unavailable";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::bad_file:
      return "bad_file";
    case ErrorCode::io:
      return "io";
    case ErrorCode::bad_config:
      return "bad_config";
  }
  return "unknown";
}

}  // namespace troupe::model
