// SPDX-License-Identifier: Apache-2.0
#include "config/text.hpp"

#include <array>
#include <cstdint>

namespace troupe::config {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

std::uint8_t byte_at(std::string_view text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

/// The range that the second byte must lie in, given the first. It is what excludes overlong forms and
/// surrogates.
struct SecondByte {
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xbf;
};

SecondByte second_byte_range(std::uint8_t first) {
  switch (first) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return {};
  }
}

std::size_t length_from_first_byte(std::uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

void append_utf16_escape(std::string& out, char32_t code) {
  static constexpr std::array<char, 17> digits = {"0123456789abcdef"};
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += digits[(code >> static_cast<unsigned>(shift)) & 0xfU];
}

void append_code_point(std::string& out, CodePoint code, std::string_view bytes) {
  switch (code.value) {
    case U'"':
      out += "\\\"";
      return;
    case U'\\':
      out += "\\\\";
      return;
    case U'\n':
      out += "\\n";
      return;
    case U'\r':
      out += "\\r";
      return;
    case U'\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (is_unprintable(code.value)) {
    append_utf16_escape(out, code.value);
  } else {
    out += bytes;
  }
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  if (text.empty()) return {};
  const std::uint8_t first = byte_at(text, 0);
  const std::size_t length = length_from_first_byte(first);
  if (length == 0 || text.size() < length) return {};
  if (length == 1) return {first, 1};
  const SecondByte second = second_byte_range(first);
  if (byte_at(text, 1) < second.low || byte_at(text, 1) > second.high) return {};
  char32_t value = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xc0U) != 0x80U) return {};
    value = (value << 6U) | (byte_at(text, i) & 0x3fU);
  }
  return {value, length};
}

bool is_unprintable(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool reorders = code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                        (code >= 0x2066 && code <= 0x2069) || code == 0x061c;
  return control || separator || reorders || code == 0xfeff;
}

bool is_clean_text(std::string_view text) {
  while (!text.empty()) {
    const CodePoint code = first_code_point(text);
    if (code.length == 0 || is_unprintable(code.value)) return false;
    text.remove_prefix(code.length);
  }
  return true;
}

void append_escaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const CodePoint code = first_code_point(text);
    if (code.length == 0) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    append_code_point(out, code, text.substr(0, code.length));
    text.remove_prefix(code.length);
  }
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text);
  return out + '"';
}

}  // namespace troupe::config
