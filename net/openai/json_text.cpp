// SPDX-License-Identifier: Apache-2.0
#include "net/openai/json_text.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "model/utf8.hpp"

namespace troupe::net {
namespace {

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out += "\\u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4U];
      out += kDigits[static_cast<unsigned char>(c) & 15U];
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto front = model::utf8_front(text);
    if (front.kind != model::Utf8Front::Kind::whole) {
      out += "\xEF\xBF\xBD";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' || c == '\x7f') {
      append_escaped(out, c);
    } else {
      out += text.substr(0, front.size);
    }
    text.remove_prefix(front.size);
  }
  out += '"';
}

void append_logprob(std::string& out, float logprob) {
  constexpr float kLeast = -9999.0F;
  std::array<char, 40> text{};
  const float finite = std::isfinite(logprob) ? logprob : kLeast;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), finite).ptr;
  out.append(text.data(), end);
}

}  // namespace troupe::net
