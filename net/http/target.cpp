// SPDX-License-Identifier: Apache-2.0
#include "net/http/target.hpp"

#include <algorithm>

#include "model/utf8.hpp"

namespace troupe::net {
namespace {

model::Error bad(std::string message) {
  return {model::ErrorCode::invalid_request, std::move(message), ""};
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

model::Result<std::string> decode_path(std::string_view raw) {
  std::string path;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      path += raw[i];
      continue;
    }
    const int high = i + 2 < raw.size() ? hex_value(raw[i + 1]) : -1;
    const int low = i + 2 < raw.size() ? hex_value(raw[i + 2]) : -1;
    if (high < 0 || low < 0) return bad("the path has a % without two hexadecimal digits");
    path += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (model::valid_utf8_prefix(path) != path.size()) return bad("the path is not UTF-8");
  const bool control = std::any_of(
      path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
  if (control) return bad("the path has a control character");
  return path;
}

}  // namespace

bool is_host(std::string_view text) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:[]";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != kMarks.npos;
  });
}

model::Result<Target> parse_target(std::string_view text) {
  constexpr std::string_view kMarks = "-._~!$&'()*+,;=:@/?%";
  Target target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    const auto end = std::min(text.find_first_of("/?"), text.size());
    target.authority = text.substr(0, end);
    if (!is_host(target.authority)) return bad("the target's host is not HOST or HOST:PORT");
    text.remove_prefix(end);
    if (text.empty()) text = "/";
    break;
  }
  if (text.empty() || text.front() != '/') return bad("the target must begin with /");
  for (const char c : text) {
    if (!is_alphanumeric(c) && kMarks.find(c) == kMarks.npos)
      return bad("the target has a character to be escaped");
  }
  const auto mark = text.find('?');
  if (mark != text.npos) target.query = text.substr(mark + 1);
  auto path = decode_path(text.substr(0, mark));
  if (!path) return path.error();
  target.path = *std::move(path);
  return target;
}

}  // namespace troupe::net
