// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/json_text.hpp"

#include "model/utf8.hpp"

namespace troupe::actors {
namespace {

void append_escaped_unit(std::string& out, unsigned code) {
  constexpr const char* digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[(code >> shift) & 15U];
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  if (code < 0x20 || code == 0x7f) {
    append_escaped_unit(out, code);
  } else {
    out += c;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const model::Utf8Front front = model::utf8_front(text);
    const std::string_view point = text.substr(0, front.size);
    if (front.kind != model::Utf8Front::Kind::whole) {
      out += "\xEF\xBF\xBD";
    } else if (point.size() == 1) {
      append_ascii(out, point.front());
    } else if (point == "\xE2\x80\xA8" || point == "\xE2\x80\xA9") {
      append_escaped_unit(out, point.back() == '\xA8' ? 0x2028 : 0x2029);
    } else {
      out += point;
    }
    text.remove_prefix(front.size);
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace troupe::actors
