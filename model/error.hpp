// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace troupe::model {

/// Everything that can go wrong with a request or a start, one word each. net/openai maps these to an HTTP
/// status and OpenAI's error type with a switch that has no default, so a new value cannot be forgotten
/// there.
enum class ErrorCode : std::uint8_t {
  invalid_request,  ///< a field is missing, of the wrong type or out of range (400)
  context_length,   ///< prompt + requested tokens exceed the context or the KV pool can never hold it (400)
  model_not_found,  ///< the named model is not served here (404)
  not_found,        ///< no such route or object (404)
  method_not_allowed,  ///< the route exists, the method does not (405)
  payload_too_large,   ///< body or header over its limit (413 / 431)
  unsupported_media,   ///< Content-Type is not JSON (415)
  timed_out,           ///< the client took too long to send its request (408)
  unauthorized,        ///< no or wrong API key (401)
  overloaded,          ///< a named queue is full; try again later (429)
  unavailable,         ///< not ready, draining, or a part is being restarted for too long (503)
  audit_unavailable,   ///< the audit record cannot be written: fail closed (503)
  internal,            ///< a defect of ours; the log has the id (500)
  cancelled,           ///< the client went away, or an operator cancelled the request (499, never sent)
  bad_file,            ///< a model file is truncated, corrupt or of an unknown kind (start-up)
  io,                  ///< the operating system refused a file or socket operation (start-up)
  bad_config,          ///< an option is unknown or out of range (start-up)
};

/// An error as a user reads it: what is wrong, where (`param`: field, option or file offset), what to do.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string param;  ///< JSON field, option name or "file:offset"; empty when none applies
  bool operator==(const Error&) const = default;
};

/// A value or an Error. Expected failures are values; exceptions mean "cannot continue".
template <class T>
class Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error: `return {};` means success.
template <>
class Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)
  explicit operator bool() const { return ok_; }
  bool ok() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

/// The code's name as it stands in logs and metrics, e.g. "context_length".
const char* to_string(ErrorCode code);

}  // namespace troupe::model
