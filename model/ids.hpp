// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::model {

/// A token of the model's vocabulary. Negative values never name a token.
using Token = std::int32_t;

/// An index into the KV pool of a replica: block b is slot b on every stage.
using BlockId = std::uint32_t;

/// A stage's row in its table of sequences. Given out by the scheduler, reused after the sequence is
/// forgotten.
using Slot = std::uint32_t;

/// A replica's number, from the launcher's persisted counter; every change of membership makes a new one.
/// Messages of another generation are dropped.
using Generation = std::uint64_t;

/// The number of a step within its generation, from 1.
using StepNumber = std::uint64_t;

/// A request's server-made 128-bit id. The client's X-Request-Id is an attribute, never the key.
struct RequestId {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  auto operator<=>(const RequestId&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// One generated answer: choice `choice` of a request (n > 1 or several prompts give several sequences).
struct SequenceId {
  RequestId request;
  std::uint32_t choice = 0;
  auto operator<=>(const SequenceId&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// 32 lower-case hex digits.
std::string to_string(const RequestId& id);
/// "<request>.<choice>".
std::string to_string(const SequenceId& id);
/// The inverse of to_string; nothing when the text is not 32 hex digits.
std::optional<RequestId> parse_request_id(std::string_view text);

}  // namespace troupe::model

template <>
struct std::hash<troupe::model::RequestId> {
  std::size_t operator()(const troupe::model::RequestId& id) const noexcept {
    return static_cast<std::size_t>(id.high ^ (id.low * 0x9e3779b97f4a7c15ULL));
  }
};
template <>
struct std::hash<troupe::model::SequenceId> {
  std::size_t operator()(const troupe::model::SequenceId& id) const noexcept {
    return std::hash<troupe::model::RequestId>{}(id.request) * 31U + id.choice;
  }
};
