// SPDX-License-Identifier: Apache-2.0
#include "net/http/outbox.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace troupe::net {
namespace {

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const auto length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), length};
}

std::string hex(std::size_t value) {
  std::array<char, 20> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, 16).ptr;
  return {text.data(), end};
}

class Responder : public HttpResponder {
 public:
  explicit Responder(std::shared_ptr<Outbox> outbox) : outbox_(std::move(outbox)) {}
  ~Responder() override { outbox_->abandon(); }
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  void respond(int status, std::string_view content_type, std::string body,
               std::vector<HttpHeader> extra) override {
    outbox_->respond(status, content_type, body, extra);
  }
  void begin_stream(int status, std::string_view content_type, std::vector<HttpHeader> extra) override {
    outbox_->begin_stream(status, content_type, extra);
  }
  void write(std::string bytes) override { outbox_->write(bytes); }
  void finish() override { outbox_->finish(); }
  void on_disconnect(std::function<void()> callback) override { outbox_->on_disconnect(std::move(callback)); }

 private:
  std::shared_ptr<Outbox> outbox_;
};

}  // namespace

Outbox::Outbox(AnswerFraming framing, std::function<void()> wake)
    : framing_(std::move(framing)), wake_(std::move(wake)) {}

void Outbox::put_head(int status, std::string_view content_type, const std::vector<HttpHeader>& extra) {
  pending_ += framing_.chunked ? "HTTP/1.1 " : "HTTP/1.0 ";
  pending_ += std::to_string(status);
  pending_ += ' ';
  pending_ += reason_phrase(status);
  const auto field = [this](std::string_view name, std::string_view value) {
    pending_.append("\r\n").append(name).append(": ").append(value);
  };
  field("Date", http_date());
  field("Connection", framing_.keep_alive ? "keep-alive" : "close");
  field("X-Request-Id", framing_.request_id);
  if (!content_type.empty()) field("Content-Type", content_type);
  for (const auto& header : extra) field(header.name, header.value);
}

void Outbox::respond(int status, std::string_view content_type, std::string_view body,
                     const std::vector<HttpHeader>& extra) {
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::fresh) return;
  put_head(status, content_type, extra);
  pending_ += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (!framing_.head_only) pending_ += body;
  state_ = State::finished;
  wake_locked();
}

void Outbox::begin_stream(int status, std::string_view content_type, const std::vector<HttpHeader>& extra) {
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::fresh) return;
  if (!framing_.chunked) framing_.keep_alive = false;
  put_head(status, content_type, extra);
  pending_ += framing_.chunked ? "\r\nTransfer-Encoding: chunked\r\n\r\n" : "\r\n\r\n";
  state_ = State::streaming;
  wake_locked();
}

void Outbox::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (closed_ || cut_ || state_ != State::streaming || bytes.empty() || framing_.head_only) return;
  if (pending_.size() + in_flight_ > framing_.max_unsent) {
    cut_ = true;
  } else if (framing_.chunked) {
    pending_.append(hex(bytes.size())).append("\r\n").append(bytes).append("\r\n");
  } else {
    pending_ += bytes;
  }
  wake_locked();
}

void Outbox::finish() {
  const std::lock_guard lock(mutex_);
  if (closed_ || state_ != State::streaming) return;
  if (framing_.chunked && !framing_.head_only) pending_ += "0\r\n\r\n";
  state_ = State::finished;
  wake_locked();
}

void Outbox::on_disconnect(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!closed_) {
      disconnected_ = std::move(callback);
      return;
    }
    if (!std::exchange(gone_, false)) return;
  }
  callback();
}

void Outbox::abandon() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || state_ == State::finished) return;
    framing_.keep_alive = false;
    if (state_ == State::streaming) {
      cut_ = true;
      wake_locked();
      return;
    }
  }
  respond(500, "", "", {});
}

void Outbox::wake_locked() {
  if (woken_) return;
  woken_ = true;
  wake_();
}

Outbox::Taken Outbox::take(bool room) {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  if (!room) return {{}, false, cut_};
  in_flight_ += pending_.size();
  return {std::exchange(pending_, {}), state_ == State::finished, cut_};
}

void Outbox::sent(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  in_flight_ -= bytes;
}

std::function<void()> Outbox::close(bool complete) {
  const std::lock_guard lock(mutex_);
  if (closed_) return nullptr;
  closed_ = true;
  gone_ = !complete && !disconnected_;
  pending_.clear();
  wake_ = nullptr;
  auto callback = std::exchange(disconnected_, nullptr);
  return complete ? nullptr : callback;
}

std::shared_ptr<HttpResponder> make_responder(std::shared_ptr<Outbox> outbox) {
  return std::make_shared<Responder>(std::move(outbox));
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Unnamed";
  }
}

}  // namespace troupe::net
