// SPDX-License-Identifier: Apache-2.0
#include "net/http/request_head.hpp"

#include <algorithm>
#include <charconv>

#include "model/utf8.hpp"
#include "net/http/target.hpp"

namespace troupe::net {
namespace {

constexpr std::size_t kMaxFields = 100;

model::Error bad(std::string message, std::string field = {}) {
  return {model::ErrorCode::invalid_request, std::move(message), std::move(field)};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || kMarks.find(c) != kMarks.npos;
  });
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_list_item(std::string_view list, std::string_view item) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (equal_ignoring_case(trim(list.substr(0, comma)), item)) return true;
    list = comma == list.npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

/// All values of one field; empty when it is absent.
std::vector<std::string_view> values_of(const RequestHead& head, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& header : head.headers) {
    if (equal_ignoring_case(header.name, name)) values.push_back(header.value);
  }
  return values;
}

model::Result<std::string> read_request_line(std::string_view line, RequestHead& head) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  if (first == line.npos || first == last)
    return bad("the request line must be: METHOD SP TARGET SP HTTP/1.1");
  const auto version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return bad("only HTTP/1.1 and HTTP/1.0 are spoken here");
  head.http_1_1 = version == "HTTP/1.1";
  head.method = line.substr(0, first);
  if (!is_token(head.method)) return bad("the method is not a token");
  return std::string(line.substr(first + 1, last - first - 1));
}

model::Result<void> read_field(std::string_view line, RequestHead& head) {
  if (head.headers.size() == kMaxFields) return bad("more than 100 header fields");
  if (line.front() == ' ' || line.front() == '\t') return bad("folded header lines are obsolete and refused");
  const auto colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return bad("a header line is not NAME: VALUE");
  std::string name(line.substr(0, colon));
  const auto value = trim(line.substr(colon + 1));
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == '\x7f';
  });
  if (control) return bad("control character in a header value", name);
  if (model::valid_utf8_prefix(value) != value.size()) return bad("a header value is not UTF-8", name);
  head.headers.push_back({std::move(name), std::string(value)});
  return {};
}

model::Result<void> read_content_length(std::string_view digits, RequestHead& head) {
  const bool canonical = !digits.empty() && digits.size() <= 19 && (digits == "0" || digits.front() != '0') &&
                         digits.find_first_not_of("0123456789") == digits.npos;
  const char* end = digits.data() + digits.size();
  if (!canonical || std::from_chars(digits.data(), end, head.content_length).ec != std::errc{}) {
    return bad("Content-Length must be one decimal number without sign, list or leading zero",
               "Content-Length");
  }
  return {};
}

model::Result<void> read_framing(RequestHead& head) {
  const auto codings = values_of(head, "Transfer-Encoding");
  const auto lengths = values_of(head, "Content-Length");
  if (!codings.empty()) {
    if (!head.http_1_1) return bad("Transfer-Encoding does not exist in HTTP/1.0", "Transfer-Encoding");
    if (codings.size() > 1 || !equal_ignoring_case(codings[0], "chunked")) {
      return bad("the only transfer coding understood is one \"chunked\"", "Transfer-Encoding");
    }
    if (!lengths.empty()) return bad("Content-Length beside Transfer-Encoding", "Content-Length");
    head.chunked = true;
  }
  if (lengths.size() > 1) return bad("more than one Content-Length", "Content-Length");
  return lengths.empty() ? model::Result<void>{} : read_content_length(lengths[0], head);
}

model::Result<void> read_connection(RequestHead& head) {
  head.keep_alive = head.http_1_1;
  for (const auto value : values_of(head, "Connection")) {
    if (has_list_item(value, "close")) {
      head.keep_alive = false;
      break;
    }
    if (has_list_item(value, "keep-alive")) head.keep_alive = true;
  }
  const auto expect = head.header("Expect");
  if (!expect.empty()) {
    if (!equal_ignoring_case(expect, "100-continue")) return bad("unknown expectation", "Expect");
    head.expects_continue = head.http_1_1;
  }
  return {};
}

model::Result<void> read_target(const std::string& text, RequestHead& head) {
  const auto hosts = values_of(head, "Host");
  if (hosts.size() > 1) return bad("more than one Host", "Host");
  if (hosts.empty() && head.http_1_1) return bad("HTTP/1.1 needs a Host", "Host");
  if (!hosts.empty() && !is_host(hosts[0])) return bad("Host is not HOST or HOST:PORT", "Host");
  auto target = parse_target(text);
  if (!target) return target.error();
  if (!target->authority.empty() && !hosts.empty() && !equal_ignoring_case(target->authority, hosts[0])) {
    return bad("the target names another host than Host", "Host");
  }
  head.path = std::move(target->path);
  head.query = std::move(target->query);
  return {};
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const auto& header : headers) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::string_view RequestHead::header(std::string_view name) const {
  return find_header(headers, name);
}
std::string_view HttpRequest::header(std::string_view name) const {
  return find_header(headers, name);
}

HeadScan scan_head(std::string_view bytes, std::size_t from) {
  for (std::size_t i = from; i < bytes.size(); ++i) {
    const char c = bytes[i];
    const bool after_cr = i > 0 && bytes[i - 1] == '\r';
    if ((c == '\n') != after_cr || (c == '\r' && i == 0)) return {true, 0};
    if (c == '\n' && i >= 3 && bytes.substr(i - 3, 4) == "\r\n\r\n") return {false, i + 1};
  }
  return {};
}

model::Result<RequestHead> read_head(std::string_view raw) {
  const HeadScan scan = scan_head(raw, 0);
  if (scan.broken || scan.length != raw.size()) return bad("every line of the head must end in CR LF");
  RequestHead head;
  std::string target;
  for (bool first = true; raw.size() > 2; first = false) {
    const auto end = raw.find("\r\n");
    const auto line = raw.substr(0, end);
    raw.remove_prefix(end + 2);
    if (first) {
      auto read = read_request_line(line, head);
      if (!read) return read.error();
      target = *std::move(read);
    } else if (auto read = read_field(line, head); !read) {
      return read.error();
    }
  }
  for (const auto check : {read_framing, read_connection}) {
    if (auto read = check(head); !read) return read.error();
  }
  if (auto read = read_target(target, head); !read) return read.error();
  return head;
}

}  // namespace troupe::net
