// SPDX-License-Identifier: Apache-2.0
#include "net/http/client.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "net/http/request_head.hpp"
#include "net/http/socket.hpp"

namespace troupe::net {
namespace {

constexpr std::size_t kMaxHead = 64U << 10U;
constexpr std::size_t kMaxChunkLine = 4096;

std::string render_request(const ClientRequest& request) {
  const bool bare_ipv6 = request.host.find(':') != std::string::npos;
  std::string out = request.method + " " + request.target +
                    " HTTP/1.1\r\nHost: " + (bare_ipv6 ? "[" + request.host + "]" : request.host) + ":" +
                    std::to_string(request.port) + "\r\nConnection: close\r\n";
  for (const auto& header : request.headers) out += header.name + ": " + header.value + "\r\n";
  if (!request.body.empty() || request.method == "POST") {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n" + request.body;
}

/// Reads one answer from a socket.
class AnswerReader {
 public:
  AnswerReader(Socket& socket, const ClientRequest& request, const BodyCallback& on_body)
      : socket_(socket), request_(request), on_body_(on_body) {}

  model::Result<ClientResponse> read() {
    do {
      if (auto head = read_head_lines(); !head) return head.error();
    } while (response_.status == 100);
    if (auto body = read_body(); !body) return body.error();
    return std::move(response_);
  }

 private:
  model::Result<void> need(std::size_t bytes) {
    while (in_.size() < bytes) {
      auto got = socket_.receive(in_);
      if (!got) return got.error();
      if (*got == 0) return socket_.failure("closed the connection in the middle of its answer");
    }
    return {};
  }

  /// The next line, without its end.
  model::Result<std::string> line(std::size_t most) {
    for (;;) {
      const auto end = in_.find('\n');
      if (end != std::string::npos) {
        std::string text = in_.substr(0, end);
        in_.erase(0, end + 1);
        if (!text.empty() && text.back() == '\r') text.pop_back();
        return text;
      }
      if (in_.size() > most) return socket_.failure("sent a line that is too long: is this an HTTP server?");
      if (auto more = need(in_.size() + 1); !more) return more.error();
    }
  }

  model::Result<void> read_head_lines() {
    auto status = line(kMaxHead);
    if (!status) return status.error();
    const bool http = status->starts_with("HTTP/1.") && status->size() >= 12;
    const auto read = http ? std::from_chars(status->data() + 9, status->data() + 12, response_.status)
                           : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (read.ec != std::errc{}) return socket_.failure("did not answer in HTTP");
    response_.headers.clear();
    for (std::size_t total = 0;;) {
      auto text = line(kMaxHead);
      if (!text) return text.error();
      if (text->empty()) return {};
      total += text->size();
      if (total > kMaxHead) return socket_.failure("sent a head of more than 64 KiB");
      const auto colon = text->find(':');
      if (colon == std::string::npos) return socket_.failure("sent a broken header line");
      const auto value = text->find_first_not_of(" \t", colon + 1);
      response_.headers.push_back(
          {text->substr(0, colon), value == std::string::npos ? std::string{} : text->substr(value)});
    }
  }

  model::Result<void> read_body() {
    if (request_.method == "HEAD" || response_.status == 204 || response_.status == 304) return {};
    if (equal_ignoring_case(response_.header("Transfer-Encoding"), "chunked")) return read_chunks();
    const auto length = response_.header("Content-Length");
    if (length.empty()) return read_to_end();
    std::uint64_t bytes = 0;
    if (std::from_chars(length.data(), length.data() + length.size(), bytes).ec != std::errc{}) {
      return socket_.failure("sent a broken Content-Length");
    }
    return pass(bytes);
  }

  model::Result<void> read_chunks() {
    while (!hung_up_) {
      auto text = line(kMaxChunkLine);
      if (!text) return text.error();
      std::uint64_t bytes = 0;
      const auto read = std::from_chars(text->data(), text->data() + text->size(), bytes, 16);
      if (read.ec != std::errc{}) return socket_.failure("sent a broken chunk");
      if (bytes == 0) return {};
      if (auto passed = pass(bytes); !passed || hung_up_) return passed;
      if (auto end = line(kMaxChunkLine); !end) return end.error();
    }
    return {};
  }

  model::Result<void> read_to_end() {
    for (;;) {
      if (auto taken = deliver(in_); !taken || hung_up_) return taken;
      in_.clear();
      auto got = socket_.receive(in_);
      if (!got) return got.error();
      if (*got == 0) return {};
    }
    return {};
  }

  /// Passes on the next `bytes`, as they come.
  model::Result<void> pass(std::uint64_t bytes) {
    while (bytes > 0 && !hung_up_) {
      if (auto some = need(1); !some) return some;
      const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, in_.size()));
      if (auto taken = deliver(std::string_view(in_).substr(0, piece)); !taken) return taken;
      in_.erase(0, piece);
      bytes -= piece;
    }
    return {};
  }

  model::Result<void> deliver(std::string_view piece) {
    if (piece.empty()) return {};
    if (on_body_ && response_.status / 100 == 2) {
      hung_up_ = !on_body_(piece);
      return {};
    }
    if (response_.body.size() + piece.size() > request_.max_body_bytes) {
      return socket_.failure("sent a body of more than " + std::to_string(request_.max_body_bytes) +
                             " bytes");
    }
    response_.body += piece;
    return {};
  }

  Socket& socket_;
  const ClientRequest& request_;
  const BodyCallback& on_body_;
  ClientResponse response_;
  std::string in_;
  bool hung_up_ = false;
};

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const {
  return find_header(headers, name);
}

model::Result<ClientResponse> fetch(const ClientRequest& request, const BodyCallback& on_body) {
  auto socket = Socket::connect(request.host, request.port, request.connect_timeout, request.read_timeout);
  if (!socket) return socket.error();
  if (auto sent = socket->send(render_request(request)); !sent) return sent.error();
  return AnswerReader(*socket, request, on_body).read();
}

model::Result<std::pair<std::string, std::uint16_t>> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon != text.npos && colon > 0) {
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + colon + 1, end, port);
    auto host = text.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    if (read.ec == std::errc{} && read.ptr == end && port > 0 && !host.empty())
      return std::pair(std::string(host), port);
  }
  return model::Error{model::ErrorCode::invalid_request,
                      "\"" + std::string(text) + "\" is not HOST:PORT, like 127.0.0.1:8080", "address"};
}

}  // namespace troupe::net
