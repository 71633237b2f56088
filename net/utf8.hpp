// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// UTF-8 at the edge: what comes in is checked, what goes out is whole.
namespace troupe::net {

/// Length in bytes of the well-formed code point at the start of `text` (1..4), 0 when there is none.
/// Overlong forms, surrogates and values above U+10FFFF are not well-formed. Source: Unicode 15, table 3-7.
std::size_t code_point_length(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// `bytes` with every ill-formed byte replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);

}  // namespace troupe::net
