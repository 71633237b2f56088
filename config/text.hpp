// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text that came from outside, made safe to print: shared by error messages, listings and log lines.
namespace troupe::config {

/// The first code point of a text.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;  ///< bytes, 1..4; 0 where the text does not start with a well-formed code point
};

/// Decodes the first code point. Overlong forms, surrogates and values above U+10FFFF are not well-formed.
/// Source: Unicode 15, table 3-7.
CodePoint first_code_point(std::string_view text);

/// Whether a code point must not reach a terminal or a line-based reader as it is: controls (C0, DEL, C1),
/// the line and paragraph separators, and the marks that reorder text.
bool is_unprintable(char32_t code);

/// Whether the text is well-formed UTF-8 without unprintable code points.
bool is_clean_text(std::string_view text);

/// Appends `text` with quotes, backslashes and unprintable code points escaped as in JSON (so that a JSON
/// parser gives them back), and each ill-formed byte replaced by U+FFFD. No quotes are put around it.
void append_escaped(std::string& out, std::string_view text);

/// `text` escaped, between double quotes: a JSON string, and a TOML basic string too.
std::string in_quotes(std::string_view text);

}  // namespace troupe::config
