// SPDX-License-Identifier: Apache-2.0
#include "net/http/connection.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <random>
#include <utility>

namespace troupe::net {
namespace {

constexpr std::size_t kReadBytes = 16U << 10U;
constexpr std::chrono::milliseconds kLingerTime{2'000};
constexpr std::uint64_t kLingerBytes = 64U << 20U;
constexpr std::size_t kMaxRequestId = 128;

std::string request_id_of(const RequestHead& head) {
  const std::string_view sent = head.header("X-Request-Id");
  const bool printable = std::all_of(sent.begin(), sent.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!sent.empty() && sent.size() <= kMaxRequestId && printable) return std::string(sent);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string made;
  for (int word = 0; word < 4; ++word) {
    auto bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4U) made += kDigits[bits & 15U];
  }
  return made;
}

std::string describe_peer(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  return endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerCore> core, boost::asio::ip::tcp::socket socket)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      read_deadline_(socket_.get_executor()),
      write_deadline_(socket_.get_executor()),
      peer_(describe_peer(socket_)) {
  ::fcntl(socket_.native_handle(), F_SETFD, FD_CLOEXEC);
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  // The kernel doubles what is asked for: half of the unsent bytes may wait in the socket, half in the
  // outbox.
  const auto send_buffer = static_cast<int>(core_->limits.max_unsent_bytes / 4);
  socket_.set_option(boost::asio::socket_base::send_buffer_size(send_buffer), ignored);
}

Connection::~Connection() {
  const std::lock_guard lock(core_->mutex);
  core_->connections.erase(this);
}

void Connection::start() {
  advance();
}

void Connection::start_refused() {
  refuse(503, {model::ErrorCode::unavailable,
               "this server has all the connections it takes (server.max_connections): try again later", ""});
}

void Connection::drain() {
  if (state_ == State::idle && in_.empty()) close();
}

void Connection::abort() {
  close();
}

void Connection::post(void (Connection::*call)()) {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this(), call] { ((*self).*call)(); });
}

void Connection::read_more() {
  if (reading_ || state_ == State::closed) return;
  reading_ = true;
  chunk_.resize(kReadBytes);
  socket_.async_read_some(boost::asio::buffer(chunk_),
                          [self = shared_from_this()](const boost::system::error_code& error,
                                                      std::size_t bytes) { self->on_read(error, bytes); });
}

void Connection::on_read(const boost::system::error_code& error, std::size_t bytes) {
  reading_ = false;
  if (state_ == State::closed) return;
  if (error) {
    close();
    return;
  }
  if (state_ == State::lingering) {
    discarded_ += bytes;
    discarded_ < kLingerBytes ? read_more() : close();
    return;
  }
  in_.append(chunk_, 0, bytes);
  if (state_ != State::answering) advance();
  // While an answer runs, a pipelined request may wait here; with that much of it we stop listening.
  if (state_ == State::answering && in_.size() <= core_->limits.max_header_bytes) read_more();
}

void Connection::advance() {
  if (state_ == State::idle && in_.empty()) {
    wait_idle();
    return;
  }
  if (state_ == State::idle) {
    state_ = State::head;
    scanned_ = 0;
    expire_read_in(core_->limits.header_timeout);
  }
  if (state_ == State::head) read_request_head();
  if (state_ == State::body) read_request_body();
}

void Connection::wait_idle() {
  if (core_->draining) {
    close();
    return;
  }
  expire_read_in(core_->limits.keep_alive_timeout);
  read_more();
}

void Connection::read_request_head() {
  const auto& limits = core_->limits;
  const HeadScan scan = scan_head(in_, scanned_);
  scanned_ = in_.size();
  if (scan.broken) {
    refuse(400, {model::ErrorCode::invalid_request, "every line of the head must end in CR LF", ""});
  } else if ((scan.length == 0 && in_.size() > limits.max_header_bytes) ||
             scan.length > limits.max_header_bytes) {
    refuse(431, {model::ErrorCode::payload_too_large,
                 "the head is larger than " + std::to_string(limits.max_header_bytes) +
                     " bytes (server.max_header_bytes)",
                 ""});
  } else if (scan.length == 0) {
    read_more();
  } else {
    const std::string_view raw(in_.data(), scan.length);
    auto head = read_head(raw);
    if (head && head->content_length > limits.max_body_bytes) {
      head_ = *std::move(head);
      refuse(413, {model::ErrorCode::payload_too_large,
                   "the body is larger than " + std::to_string(limits.max_body_bytes) +
                       " bytes (server.max_body_bytes)",
                   ""});
      return;
    }
    const auto begun =
        head ? body_.begin(raw, *head, limits.max_body_bytes) : model::Result<void>(head.error());
    if (!begun) {
      refuse(400, begun.error());
      return;
    }
    head_ = *std::move(head);
    in_.erase(0, scan.length);
    state_ = State::body;
    expire_read_in(limits.body_timeout);
    if (head_.expects_continue && in_.empty() && !body_.done()) {
      boost::system::error_code ignored;
      socket_.write_some(boost::asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), ignored);
    }
  }
}

void Connection::read_request_body() {
  const auto used = body_.take(in_);
  if (!used) {
    refuse(used.error().code == model::ErrorCode::payload_too_large ? 413 : 400, used.error());
    return;
  }
  in_.erase(0, *used);
  if (body_.done()) {
    dispatch();
  } else if (in_.size() > core_->limits.max_header_bytes) {
    refuse(400, {model::ErrorCode::invalid_request, "a chunk's size line or the trailer is too long", ""});
  } else {
    read_more();
  }
}

void Connection::open_outbox(bool keep_alive) {
  AnswerFraming framing;
  framing.head_only = head_.method == "HEAD";
  framing.chunked = head_.http_1_1;
  framing.keep_alive = keep_alive && !core_->draining;
  framing.request_id = request_id_of(head_);
  framing.max_unsent = core_->limits.max_unsent_bytes / 2;
  // The outbox keeps the connection alive while somebody may still answer; close() breaks the circle.
  auto wake = [self = shared_from_this()] {
    boost::asio::post(self->socket_.get_executor(), [self] { self->pump(); });
  };
  outbox_ = std::make_shared<Outbox>(std::move(framing), std::move(wake));
  last_bytes_taken_ = false;
  state_ = State::answering;
  read_deadline_.cancel();
}

void Connection::dispatch() {
  open_outbox(head_.keep_alive);
  HttpRequest request;
  request.method = head_.method;
  request.path = std::move(head_.path);
  request.query = std::move(head_.query);
  request.headers = std::move(head_.headers);
  request.body = body_.release();
  request.request_id = outbox_->request_id();
  request.peer = peer_;
  try {
    core_->handler(std::move(request), make_responder(outbox_));
  } catch (const std::exception&) {
    // The responder went out of scope unanswered: it has sent 500 or cut the stream.
    return;
  }
  read_more();
}

void Connection::refuse(int status, const model::Error& error) {
  open_outbox(false);
  outbox_->respond(status, "application/json", core_->error_body(error), {});
  // What we refused to read must never be taken for a request.
  in_.clear();
}

void Connection::pump() {
  if (!outbox_ || state_ != State::answering) return;
  auto taken = outbox_->take(!write_pending_);
  if (taken.cut) {
    cut();
    return;
  }
  if (write_pending_) return;
  last_bytes_taken_ = taken.finished;
  sending_ = std::move(taken.bytes);
  sent_ = 0;
  if (!sending_.empty()) {
    send_some();
  } else if (last_bytes_taken_) {
    end_answer();
  }
}

void Connection::send_some() {
  write_pending_ = true;
  write_deadline_.expires_after(core_->limits.write_timeout);
  write_deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->write_pending_ &&
        self->write_deadline_.expiry() <= std::chrono::steady_clock::now()) {
      self->cut();
    }
  });
  socket_.async_write_some(boost::asio::buffer(sending_.data() + sent_, sending_.size() - sent_),
                           [self = shared_from_this()](const boost::system::error_code& error,
                                                       std::size_t bytes) { self->on_sent(error, bytes); });
}

void Connection::on_sent(const boost::system::error_code& error, std::size_t bytes) {
  write_pending_ = false;
  if (state_ != State::answering) return;
  if (error) {
    close();
    return;
  }
  outbox_->sent(bytes);
  sent_ += bytes;
  if (sent_ < sending_.size()) {
    send_some();
    return;
  }
  write_deadline_.cancel();
  last_bytes_taken_ ? end_answer() : pump();
}

void Connection::end_answer() {
  const bool keep_alive = outbox_->keep_alive();
  outbox_->close(true);
  outbox_.reset();
  sending_.clear();
  head_ = {};
  if (!keep_alive) {
    linger();
    return;
  }
  state_ = State::idle;
  advance();
}

void Connection::linger() {
  // Closing with bytes unread would reset the connection and could take our last answer with it.
  state_ = State::lingering;
  in_.clear();
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  expire_read_in(kLingerTime);
  read_more();
}

void Connection::cut() {
  // Reset instead of an orderly close: the kernel frees what the client did not read.
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close();
}

void Connection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  boost::system::error_code ignored;
  socket_.close(ignored);
  read_deadline_.cancel();
  write_deadline_.cancel();
  if (!outbox_) return;
  const auto disconnected = std::exchange(outbox_, nullptr)->close(false);
  if (disconnected) disconnected();
}

void Connection::expire_read_in(std::chrono::milliseconds time) {
  read_deadline_.expires_after(time);
  read_deadline_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error && self->read_deadline_.expiry() <= std::chrono::steady_clock::now()) self->on_read_deadline();
  });
}

void Connection::on_read_deadline() {
  switch (state_) {
    case State::head:
      refuse(408,
             {model::ErrorCode::timed_out, "the head took too long to arrive (server.header_timeout)", ""});
      break;
    case State::body:
      refuse(408,
             {model::ErrorCode::timed_out, "the body took too long to arrive (server.body_timeout)", ""});
      break;
    case State::idle:
    case State::lingering:
      close();
      break;
    case State::answering:
    case State::closed:
      break;
  }
}

}  // namespace troupe::net
