// SPDX-License-Identifier: Apache-2.0
#include "model/ids.hpp"

#include <charconv>
#include <cstdio>

namespace troupe::model {

std::string to_string(const RequestId& id) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(id.high),
                static_cast<unsigned long long>(id.low));
  return text;
}

std::string to_string(const SequenceId& id) {
  return to_string(id.request) + "." + std::to_string(id.choice);
}

std::optional<RequestId> parse_request_id(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  RequestId id;
  const auto parse = [&](std::string_view half, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(half.data(), half.data() + half.size(), out, 16);
    return error == std::errc{} && end == half.data() + half.size();
  };
  if (!parse(text.substr(0, 16), id.high) || !parse(text.substr(16), id.low)) return std::nullopt;
  return id;
}

}  // namespace troupe::model
