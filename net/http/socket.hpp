// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::net {

/// A connected TCP socket whose every wait has a limit.
class Socket {
 public:
  Socket(int fd, std::string peer, std::chrono::milliseconds timeout);
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&&) = delete;

  /// Errors of all of these: io, naming the peer and what happened.
  static model::Result<Socket> connect(const std::string& host, std::uint16_t port,
                                       std::chrono::milliseconds connect_timeout,
                                       std::chrono::milliseconds timeout);
  model::Result<void> send(std::string_view bytes);
  /// At least one byte, appended to `to`; 0 when the peer closed.
  model::Result<std::size_t> receive(std::string& to);
  model::Error failure(const std::string& what) const;

 private:
  model::Result<void> wait(short events);

  int fd_;
  std::string peer_;
  std::chrono::milliseconds timeout_;
};

}  // namespace troupe::net
