// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/http/body_reader.hpp"
#include "net/http/outbox.hpp"
#include "net/http/request_head.hpp"
#include "net/http/server.hpp"

/// Included by net/http/*.cpp only: it names Asio.
namespace troupe::net {

class Connection;

/// What all connections of a server share. Outlives them.
struct ServerCore {
  HttpLimits limits;
  HttpHandler handler;
  HttpErrorBody error_body;
  boost::asio::io_context io;
  std::atomic<bool> draining{false};
  std::mutex mutex;  ///< guards `connections`
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections;
};

/// One client connection: reads requests one at a time, hands each to the handler, sends its answer. One read
/// is always pending (also while an answer streams: that is how a client that goes away is noticed at once).
///
/// Threads: everything runs on the connection's strand.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerCore> core, boost::asio::ip::tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  /// Answers 503 without reading: one connection too many.
  void start_refused();
  /// Closes when no request is being read or answered; otherwise after it.
  void drain();
  /// Closes at once.
  void abort();
  /// Runs one of these on the strand. Threads: any.
  void post(void (Connection::*call)());

 private:
  enum class State : std::uint8_t { idle, head, body, answering, lingering, closed };

  void read_more();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void advance();
  void wait_idle();
  void read_request_head();
  void read_request_body();
  void dispatch();
  void refuse(int status, const model::Error& error);
  void open_outbox(bool keep_alive);

  void pump();
  void send_some();
  void on_sent(const boost::system::error_code& error, std::size_t bytes);
  void end_answer();
  void linger();
  void cut();
  void close();

  void expire_read_in(std::chrono::milliseconds time);
  void on_read_deadline();

  std::shared_ptr<ServerCore> core_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer read_deadline_;
  boost::asio::steady_timer write_deadline_;
  State state_ = State::idle;
  bool reading_ = false;
  std::string in_;           ///< bytes read and not yet consumed
  std::size_t scanned_ = 0;  ///< of these, how many scan_head has seen
  std::string chunk_;        ///< where the pending read puts its bytes
  RequestHead head_;
  BodyReader body_;
  std::string peer_;
  std::shared_ptr<Outbox> outbox_;
  std::string sending_;
  std::size_t sent_ = 0;
  bool write_pending_ = false;
  bool last_bytes_taken_ = false;
  std::uint64_t discarded_ = 0;
};

}  // namespace troupe::net
