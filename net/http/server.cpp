// SPDX-License-Identifier: Apache-2.0
#include "net/http/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <thread>

#include "net/http/connection.hpp"

namespace troupe::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::size_t kMostRefusals = 64;  ///< connections over the cap that still get their 503
constexpr std::chrono::milliseconds kAcceptPause{100};

class Server final : public HttpServer {
 public:
  Server(std::shared_ptr<ServerCore> core, tcp::acceptor acceptor, std::uint16_t port)
      : core_(std::move(core)),
        acceptor_(std::move(acceptor)),
        pause_(acceptor_.get_executor()),
        work_(core_->io.get_executor()),
        port_(port) {}
  ~Server() override { Server::stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start(std::uint32_t threads) {
    asio::post(acceptor_.get_executor(), [this] { accept(); });
    for (std::uint32_t i = 0; i < std::max(threads, 1U); ++i) {
      threads_.emplace_back([core = core_] { core->io.run(); });
    }
  }

  std::uint16_t port() const override { return port_; }

  void stop_accepting() override {
    core_->draining = true;
    asio::post(acceptor_.get_executor(), [this] { close_acceptor(); });
    for_each_connection(&Connection::drain);
  }

  void stop() override {
    if (threads_.empty()) return;
    core_->draining = true;
    asio::post(acceptor_.get_executor(), [this] {
      close_acceptor();
      for_each_connection(&Connection::abort);
    });
    work_.reset();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void close_acceptor() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  }

  void accept() {
    acceptor_.async_accept(asio::make_strand(core_->io),
                           [this](const boost::system::error_code& error, tcp::socket socket) {
                             on_accept(error, std::move(socket));
                           });
  }

  void on_accept(const boost::system::error_code& error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) {
      // Out of descriptors, most likely: the connection waits in the backlog until some are free.
      pause_.expires_after(kAcceptPause);
      pause_.async_wait([this](const boost::system::error_code&) {
        if (acceptor_.is_open()) accept();
      });
      return;
    }
    adopt(std::move(socket));
    accept();
  }

  void adopt(tcp::socket socket) {
    const auto executor = socket.get_executor();
    std::size_t open = 0;
    auto connection = std::make_shared<Connection>(core_, std::move(socket));
    {
      const std::lock_guard lock(core_->mutex);
      open = core_->connections.size();
      if (open >= core_->limits.max_connections + kMostRefusals) return;
      core_->connections.emplace(connection.get(), connection);
    }
    const bool refused = open >= core_->limits.max_connections;
    asio::post(executor,
               [connection, refused] { refused ? connection->start_refused() : connection->start(); });
  }

  void for_each_connection(void (Connection::*call)()) {
    std::vector<std::shared_ptr<Connection>> connections;
    {
      const std::lock_guard lock(core_->mutex);
      for (const auto& [raw, weak] : core_->connections) {
        if (auto connection = weak.lock()) connections.push_back(std::move(connection));
      }
    }
    for (auto& connection : connections) connection->post(call);
  }

  std::shared_ptr<ServerCore> core_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::uint16_t port_;
  std::vector<std::thread> threads_;
};

}  // namespace

model::Result<std::unique_ptr<HttpServer>> serve_http(int listening_socket, HttpLimits limits,
                                                      std::uint32_t threads, HttpHandler handler,
                                                      HttpErrorBody error_body) {
  auto core = std::make_shared<ServerCore>();
  core->limits = limits;
  core->handler = std::move(handler);
  core->error_body = std::move(error_body);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int named = ::getsockname(listening_socket, reinterpret_cast<sockaddr*>(&address), &size);
  tcp::acceptor acceptor(asio::make_strand(core->io));
  boost::system::error_code error;
  acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listening_socket, error);
  const auto endpoint = error ? tcp::endpoint{} : acceptor.local_endpoint(error);
  if (named != 0 || error) {
    return model::Error{model::ErrorCode::io, "not a listening TCP socket: " + error.message(), ""};
  }
  auto server = std::make_unique<Server>(std::move(core), std::move(acceptor), endpoint.port());
  server->start(threads);
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace troupe::net
