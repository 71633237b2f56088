// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::net {

/// A request target taken apart.
struct Target {
  std::string authority;  ///< only in absolute form
  std::string path;       ///< percent-decoded
  std::string query;      ///< raw
};

/// Origin form ("/path?query") or absolute form ("http://host/path").
/// Errors: invalid_request for other forms, characters outside RFC 3986, a percent sign without two hex
/// digits, and a path whose decoded bytes are not UTF-8 or hold a control character.
model::Result<Target> parse_target(std::string_view text);

/// Whether `text` can be a Host field: a name, IPv4 address or [IPv6], maybe with a port.
bool is_host(std::string_view text);

}  // namespace troupe::net
