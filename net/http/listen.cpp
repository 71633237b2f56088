// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "net/http/server.hpp"

namespace troupe::net {
namespace {

constexpr int kBacklog = 1024;

/// The inode of the socket that listens on `port`, as the kernel's table names it; empty when there is none.
std::string listening_inode(std::uint16_t port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, skipped, inode;
      fields >> number >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) fields >> skipped;
      fields >> inode;
      const auto colon = local.rfind(':');
      if (state != "0A" || colon == local.npos) continue;
      unsigned found = 0;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), found, 16);
      if (found == port) return inode;
    }
  }
  return {};
}

/// "process 4711 (python3)", or "another process" when it is not ours to see.
std::string holder_of(std::uint16_t port) {
  namespace fs = std::filesystem;
  const std::string wanted = "socket:[" + listening_inode(port) + "]";
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    if (process.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    for (fs::directory_iterator it(process.path() / "fd", error), end; !error && it != end;
         it.increment(error)) {
      if (fs::read_symlink(it->path(), error) != wanted) continue;
      std::string name;
      std::getline(std::ifstream(process.path() / "comm") >> std::ws, name);
      return "process " + process.path().filename().string() + " (" + name + ")";
    }
  }
  return "another process";
}

model::Error failure(const std::string& host, std::uint16_t port, int code) {
  std::string message = "cannot listen on " + host + ":" + std::to_string(port) + ": ";
  if (code == EADDRINUSE) {
    message += "the address is in use by " + holder_of(port) + ": choose another --port, or stop it";
  } else if (code == EADDRNOTAVAIL) {
    message += "this machine has no such address: choose another --host (127.0.0.1, 0.0.0.0)";
  } else if (code == EACCES) {
    message += "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): choose another --port";
  } else {
    message += std::strerror(code);
  }
  return {model::ErrorCode::io, message, host + ":" + std::to_string(port)};
}

int listen_at(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC, address.ai_protocol);
  if (fd < 0) return -1;
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, kBacklog) == 0) return fd;
  const int code = errno;
  ::close(fd);
  errno = code;
  return -1;
}

}  // namespace

model::Result<int> listen_on(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) {
    return model::Error{model::ErrorCode::io,
                        "cannot listen on " + host + ": " + ::gai_strerror(code) + ": choose another --host",
                        host};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int last = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = listen_at(*address);
    if (fd >= 0) return fd;
    last = errno;
  }
  return failure(host, port, last);
}

}  // namespace troupe::net
