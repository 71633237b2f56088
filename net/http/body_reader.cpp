// SPDX-License-Identifier: Apache-2.0
#include "net/http/body_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>

namespace troupe::net {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxChunks = 65'536;

model::Error error_of(const boost::system::error_code& error, std::uint64_t max_body_bytes) {
  if (error == http::error::body_limit) {
    return {model::ErrorCode::payload_too_large,
            "the body is larger than " + std::to_string(max_body_bytes) + " bytes (server.max_body_bytes)",
            ""};
  }
  return {model::ErrorCode::invalid_request, "the body is not framed rightly: " + error.message(), ""};
}

}  // namespace

struct BodyReader::Parser {
  http::request_parser<http::string_body> request;
  std::uint64_t max_body_bytes = 0;
  std::uint32_t chunks = 0;
  std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)> on_chunk;
};

BodyReader::BodyReader() = default;
BodyReader::~BodyReader() = default;

model::Result<void> BodyReader::begin(std::string_view raw_head, const RequestHead& head,
                                      std::uint64_t max_body_bytes) {
  parser_ = std::make_unique<Parser>();
  auto& request = parser_->request;
  parser_->max_body_bytes = max_body_bytes;
  parser_->on_chunk = [parser = parser_.get()](std::uint64_t, boost::beast::string_view extensions,
                                               boost::system::error_code& error) {
    if (!extensions.empty()) error = http::error::bad_chunk_extension;
    if (++parser->chunks > kMaxChunks) error = http::error::bad_chunk;
  };
  request.header_limit(static_cast<std::uint32_t>(raw_head.size()) + 1);
  request.body_limit(max_body_bytes);
  request.on_chunk_header(parser_->on_chunk);
  request.eager(true);
  boost::system::error_code error;
  const std::size_t used = request.put(boost::asio::buffer(raw_head.data(), raw_head.size()), error);
  if (error && error != http::error::need_more) return error_of(error, max_body_bytes);
  const bool agrees = request.is_header_done() && used == raw_head.size() &&
                      request.chunked() == head.chunked &&
                      (head.chunked || request.content_length().value_or(0) == head.content_length);
  if (!agrees) return model::Error{model::ErrorCode::invalid_request, "the head is ambiguous", ""};
  return {};
}

model::Result<std::size_t> BodyReader::take(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !done()) {
    boost::system::error_code error;
    const auto rest = bytes.substr(used);
    const std::size_t taken = parser_->request.put(boost::asio::buffer(rest.data(), rest.size()), error);
    used += taken;
    if (error == http::error::need_more) break;
    if (error) return error_of(error, parser_->max_body_bytes);
    if (taken == 0) break;
  }
  return used;
}

bool BodyReader::done() const {
  return parser_ && parser_->request.is_done();
}

std::string BodyReader::release() {
  std::string body = std::move(parser_->request.get().body());
  parser_.reset();
  return body;
}

}  // namespace troupe::net
