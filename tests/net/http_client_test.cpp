// SPDX-License-Identifier: Apache-2.0
#include "net/http/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "net/http/sse.hpp"

namespace troupe::net {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Accepts one connection, reads a little, sends `answer`, closes after `linger`.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, std::chrono::milliseconds linger = 0ms)
      : fd_(*listen_on("127.0.0.1", 0)) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), linger] {
      const int client = ::accept(fd_, nullptr, nullptr);
      std::array<char, 4096> bytes{};
      const auto got = ::recv(client, bytes.data(), bytes.size(), 0);
      seen_.assign(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      for (const char c : answer) ::send(client, &c, 1, MSG_NOSIGNAL);
      std::this_thread::sleep_for(linger);
      ::close(client);
    });
  }
  ~OneAnswer() {
    join();
    ::close(fd_);
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  ClientRequest request() const {
    ClientRequest request;
    request.port = port_;
    return request;
  }
  std::string seen_;

 private:
  int fd_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

TEST(HttpClient, ReadsABodyByItsLength) {
  OneAnswer server(
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhelloIGNORED");
  auto request = server.request();
  request.method = "POST";
  request.target = "/x";
  request.body = "ask";
  request.headers = {{"Content-Type", "application/json"}};
  const auto response = fetch(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->header("content-type"), "text/plain");
  server.join();
  EXPECT_THAT(server.seen_, HasSubstr("POST /x HTTP/1.1\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(server.seen_, HasSubstr("Content-Length: 3\r\n\r\nask"));
}

TEST(HttpClient, StreamsChunksAndSkipsContinue) {
  OneAnswer server(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "9\r\ndata: a\n\n\r\nf\r\ndata: b\r\n\r\ndata\r\n4\r\n: c\n\r\n1\r\n\n\r\n0\r\n\r\n");
  SseDecoder decoder;
  std::vector<std::string> data;
  const auto response = fetch(server.request(), [&](std::string_view piece) {
    for (auto& event : decoder.feed(piece)) data.push_back(std::move(event.data));
    return true;
  });
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_THAT(data, ElementsAre("a", "b", "c"));
  EXPECT_EQ(response->body, "");
}

TEST(HttpClient, AnErrorsBodyComesBackWholeEvenWhenStreaming) {
  OneAnswer server("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
  const auto response = fetch(server.request(), [](std::string_view) { return true; });
  ASSERT_TRUE(response);
  EXPECT_EQ(response->body, "no");
}

TEST(HttpClient, TheCallbackMayHangUp) {
  OneAnswer server("HTTP/1.1 200 OK\r\n\r\nendless", 200ms);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(fetch(server.request(), [](std::string_view) { return false; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 150ms);
}

TEST(HttpClient, ASilentServerIsAnError) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 400ms);
  auto request = server.request();
  request.read_timeout = 100ms;
  const auto response = fetch(request);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("silent for 100 ms"));
}

TEST(HttpClient, BrokenAnswersAreErrors) {
  for (const char* answer :
       {"", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    OneAnswer server(answer);
    const auto response = fetch(server.request());
    ASSERT_FALSE(response) << answer;
    EXPECT_THAT(response.error().message, HasSubstr("127.0.0.1:")) << answer;
  }
}

TEST(HttpClient, NobodyListeningIsSaid) {
  ClientRequest request;
  request.port = 1;
  const auto response = fetch(request);
  ASSERT_FALSE(response);
  EXPECT_THAT(response.error().message, HasSubstr("is a server running there?"));
}

TEST(HttpClient, EndpointsAreHostAndPort) {
  EXPECT_EQ(*parse_endpoint("localhost:80"), std::pair(std::string("localhost"), std::uint16_t{80}));
  EXPECT_EQ(parse_endpoint("[::1]:8080")->first, "::1");
  for (const char* bad : {"", "localhost", ":80", "a:", "a:0", "a:70000", "a:8x"})
    EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

TEST(SseDecoder, DecodesEventsHoweverTheyAreCut) {
  const std::string stream =
      ": comment\r\nevent: e\r\ndata: one\r\ndata: two\r\n\r\nid: 7\rdata\r\rdata:three\n\nevent: "
      "lost\n\ndata: tail";
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    SseDecoder decoder;
    auto events = decoder.feed(std::string_view(stream).substr(0, cut));
    for (auto& event : decoder.feed(std::string_view(stream).substr(cut))) events.push_back(std::move(event));
    ASSERT_EQ(events.size(), 3U) << cut;
    EXPECT_EQ(events[0].event, "e");
    EXPECT_EQ(events[0].data, "one\ntwo");
    EXPECT_EQ(events[1].data, "");
    EXPECT_EQ(events[1].id, "7");
    EXPECT_EQ(events[2].data, "three");
  }
}

TEST(SseEvent, IsOneDataLine) {
  EXPECT_EQ(sse_event("{}"), "data: {}\n\n");
}

}  // namespace
}  // namespace troupe::net
