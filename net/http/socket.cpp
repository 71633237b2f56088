// SPDX-License-Identifier: Apache-2.0
#include "net/http/socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace troupe::net {
namespace {

/// 0 when connected, else an errno value.
int connect_within(int fd, const addrinfo& address, std::chrono::milliseconds limit) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd wait{fd, POLLOUT, 0};
  const int ready = ::poll(&wait, 1, static_cast<int>(limit.count()));
  if (ready <= 0) return ready == 0 ? ETIMEDOUT : errno;
  int code = 0;
  socklen_t size = sizeof code;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size);
  return code;
}

}  // namespace

Socket::Socket(int fd, std::string peer, std::chrono::milliseconds timeout)
    : fd_(fd), peer_(std::move(peer)), timeout_(timeout) {}

Socket::Socket(Socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), peer_(std::move(other.peer_)), timeout_(other.timeout_) {}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

model::Error Socket::failure(const std::string& what) const {
  return {model::ErrorCode::io, peer_ + ": " + what, peer_};
}

model::Result<Socket> Socket::connect(const std::string& host, std::uint16_t port,
                                      std::chrono::milliseconds connect_timeout,
                                      std::chrono::milliseconds timeout) {
  const std::string peer = host + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) return model::Error{model::ErrorCode::io, peer + ": " + ::gai_strerror(code), peer};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last = ECONNREFUSED;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int type = address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK;
    Socket socket(::socket(address->ai_family, type, address->ai_protocol), peer, timeout);
    last = socket.fd_ < 0 ? errno : connect_within(socket.fd_, *address, connect_timeout);
    if (last != 0) continue;
    const int on = 1;
    ::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
  }
  std::string message = peer + ": cannot connect: " + std::strerror(last);
  if (last == ECONNREFUSED) message += ": is a server running there?";
  return model::Error{model::ErrorCode::io, message, peer};
}

model::Result<void> Socket::wait(short events) {
  pollfd wait{fd_, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, static_cast<int>(timeout_.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return failure("silent for " + std::to_string(timeout_.count()) + " ms");
  if (ready < 0) return failure(std::strerror(errno));
  return {};
}

model::Result<void> Socket::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto ready = wait(POLLOUT); !ready) return ready;
    } else if (errno != EINTR) {
      return failure(std::strerror(errno));
    }
  }
  return {};
}

model::Result<std::size_t> Socket::receive(std::string& to) {
  std::array<char, 16384> bytes;
  for (;;) {
    const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (got >= 0) {
      to.append(bytes.data(), static_cast<std::size_t>(got));
      return static_cast<std::size_t>(got);
    }
    if (errno == EAGAIN) {
      if (auto ready = wait(POLLIN); !ready) return ready.error();
    } else if (errno != EINTR) {
      return failure(std::strerror(errno));
    }
  }
}

}  // namespace troupe::net
