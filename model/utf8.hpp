// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace troupe::model {

/// What stands at the front of a byte string.
struct Utf8Front {
  enum class Kind { whole, partial, invalid };
  Kind kind = Kind::invalid;
  /// Bytes of the code point (whole), of its beginning (partial: the string ends inside it), or to be
  /// replaced by one U+FFFD (invalid: the longest beginning of a code point, at least 1).
  std::size_t size = 1;
};

/// Looks at the front of a non-empty string. Source: the Unicode Standard, table 3-7 (no surrogates, no
/// overlong forms).
Utf8Front utf8_front(std::string_view bytes);

/// Length of the longest valid beginning.
std::size_t valid_utf8_prefix(std::string_view bytes);

}  // namespace troupe::model
