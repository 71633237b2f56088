// SPDX-License-Identifier: Apache-2.0
#include "net/http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "tests/net/raw_client.hpp"

namespace troupe::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using ::testing::StartsWith;

std::string render(const model::Error& error) {
  return "{\"error\":\"" + error.message + "\"}";
}

/// A server on an ephemeral port with a scripted handler; counts the requests that reached it.
class HttpServerTest : public ::testing::Test {
 protected:
  void serve(HttpHandler handler, HttpLimits limits = {}, std::uint32_t threads = 1) {
    auto socket = listen_on("127.0.0.1", 0);
    ASSERT_TRUE(socket) << socket.error().message;
    auto count = [this, handler = std::move(handler)](HttpRequest request,
                                                      std::shared_ptr<HttpResponder> responder) {
      ++handled_;
      handler(std::move(request), std::move(responder));
    };
    auto server = serve_http(*socket, limits, threads, count, render);
    ASSERT_TRUE(server) << server.error().message;
    server_ = *std::move(server);
  }
  void serve_echo(HttpLimits limits = {}) {
    serve(
        [](const HttpRequest& request, const std::shared_ptr<HttpResponder>& responder) {
          responder->respond(200, "text/plain",
                             request.method + " " + request.path + " [" + request.body + "]");
        },
        limits);
  }
  std::string exchange(std::string_view bytes, std::chrono::milliseconds limit = 5s) {
    RawClient client(server_->port());
    client.send(bytes);
    client.read_to_end(limit);
    closed_ = client.closed;
    return client.seen;
  }

  std::unique_ptr<HttpServer> server_;
  std::atomic<int> handled_{0};
  bool closed_ = false;
};

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  serve_echo();
  RawClient client(server_->port());
  for (int i = 0; i < 3; ++i) {
    client.seen.clear();
    client.send("POST /a%20b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_THAT(client.read_until("[abc]"), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(client.seen, HasSubstr("POST /a b [abc]"));
    EXPECT_THAT(client.seen, HasSubstr("Connection: keep-alive"));
  }
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsOneAfterTheOther) {
  serve_echo();
  const auto seen = exchange(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nb"
      "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_LT(seen.find("GET /1 []"), seen.find("POST /2 [b]"));
  EXPECT_LT(seen.find("POST /2 [b]"), seen.find("GET /3 []"));
  EXPECT_TRUE(closed_);
  EXPECT_EQ(handled_, 3);
}

TEST_F(HttpServerTest, ReadsChunkedBodiesByteByByte) {
  serve_echo();
  RawClient client(server_->port());
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
  for (const char c : request) client.send({&c, 1});
  EXPECT_THAT(client.read_until("]"), HasSubstr("[abcde]"));
}

TEST_F(HttpServerTest, HeadHasTheLengthAndNoBody) {
  serve_echo();
  const auto seen = exchange("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(seen, HasSubstr("Content-Length: 10"));
  EXPECT_THAT(seen, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, InvitesTheBodyWhenTheClientWaitsForIt) {
  serve_echo();
  RawClient client(server_->port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  client.send("hi");
  EXPECT_THAT(client.read_until("[hi]"), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, DoesNotInviteABodyThatIsTooLarge) {
  HttpLimits limits;
  limits.max_body_bytes = 10;
  serve_echo(limits);
  const auto seen =
      exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(seen, StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(closed_);
}

TEST_F(HttpServerTest, EchoesAPrintableRequestIdAndReplacesOthers) {
  serve_echo();
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: abc-1\r\nConnection: close\r\n\r\n"),
              HasSubstr("X-Request-Id: abc-1\r\n"));
  for (const std::string& id : {std::string("a b"), std::string(129, 'a'), std::string("\xC3\xA9")}) {
    const auto seen =
        exchange("GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: " + id + "\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(seen, HasSubstr("X-Request-Id: ")) << id;
    EXPECT_THAT(seen, Not(HasSubstr("X-Request-Id: " + id))) << id;
  }
}

TEST_F(HttpServerTest, RefusesBrokenFramingAndClosesSoThatNothingBecomesTheNextRequest) {
  serve_echo();
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string line = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string chunked = line + "Transfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> probes = {
      line + "Transfer-Encoding: xchunked\r\n\r\n" + smuggled,
      line + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + smuggled,
      line + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + smuggled,
      line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled,
      line + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled,
      line + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
      line + "Content-Length: 005\r\n\r\nabcde" + smuggled,
      line + "Content-Length: 5, 5\r\n\r\nabcde" + smuggled,
      line + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde" + smuggled,
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
      "GET / HTTP/1.1\r\n\r\n" + smuggled,
      "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled,
      "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled,
      "GET / HTTP/1.1\nHost: x\n\n" + smuggled,
      chunked + "5\nabcde\n0\n\n" + smuggled,
      chunked + "5;a=b\r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "5 \r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "+5\r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "0x5\r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "-1\r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "\r\nabcde\r\n0\r\n\r\n" + smuggled,
      chunked + "5\r\nabcdeX0\r\n\r\n" + smuggled,
      chunked + "5\r\nabcdefgh\r\n0\r\n\r\n" + smuggled,
      chunked + "FFFFFFFFFFFFFFFFF\r\nabc" + smuggled,
  };
  for (const auto& probe : probes) {
    const auto seen = exchange(probe, 2s);
    EXPECT_THAT(seen, StartsWith("HTTP/1.1 4")) << probe;
    EXPECT_THAT(seen, HasSubstr("Connection: close")) << probe;
    EXPECT_THAT(seen, Not(HasSubstr("smuggled"))) << probe;
    EXPECT_TRUE(closed_) << probe;
  }
  EXPECT_EQ(handled_, 0);
  EXPECT_THAT(exchange("GET /fine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("GET /fine []"));
}

TEST_F(HttpServerTest, RefusesAHeadOverItsLimitWith431) {
  HttpLimits limits;
  limits.max_header_bytes = 1000;
  serve_echo(limits);
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(1000, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a')),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_TRUE(closed_);
}

TEST_F(HttpServerTest, RefusesABodyOverItsLimitWith413AndTheUnreadRestIsNoRequest) {
  HttpLimits limits;
  limits.max_body_bytes = 100;
  serve_echo(limits);
  std::string body(300, 'x');
  body += "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto seen = exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + body);
  EXPECT_THAT(seen, StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(seen, Not(HasSubstr("smuggled")));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nC8\r\n" +
                       std::string(200, 'x')),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(handled_, 0);
}

TEST_F(HttpServerTest, RefusesABombOfTinyChunks) {
  serve_echo();
  std::string bomb = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 70'000; ++i) bomb += "1\r\na\r\n";
  EXPECT_THAT(exchange(bomb), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, RefusesAnEndlessTrailer) {
  serve_echo();
  std::string bomb = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (int i = 0; i < 20'000; ++i) bomb += "A: b\r\n";
  EXPECT_THAT(exchange(bomb), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpServerTest, EndsSlowHeadsSlowBodiesAndIdleConnections) {
  HttpLimits limits;
  limits.header_timeout = 150ms;
  limits.body_timeout = 150ms;
  limits.keep_alive_timeout = 150ms;
  serve_echo(limits);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(exchange("GET / HT"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(exchange(""), "");
  EXPECT_TRUE(closed_);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(HttpServerTest, ADripOfHeaderBytesDoesNotExtendTheLimit) {
  HttpLimits limits;
  limits.header_timeout = 300ms;
  serve_echo(limits);
  RawClient client(server_->port());
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\n");
  while (client.seen.empty() && std::chrono::steady_clock::now() - begin < 5s) {
    client.send("A");
    client.read_until("408", 20ms);
  }
  EXPECT_THAT(client.seen, StartsWith("HTTP/1.1 408 "));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(HttpServerTest, RefusesAConnectionOverTheCapWith503AndServesAgainWhenOneLeaves) {
  HttpLimits limits;
  limits.max_connections = 2;
  serve_echo(limits);
  {
    RawClient first(server_->port());
    RawClient second(server_->port());
    first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    first.read_until("[]");
    second.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    second.read_until("[]");
    EXPECT_THAT(exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 503 "));
    EXPECT_TRUE(closed_);
  }
  std::string seen;
  for (int i = 0; i < 100 && seen.find("200 OK") == std::string::npos; ++i) {
    std::this_thread::sleep_for(20ms);
    seen = exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }
  EXPECT_THAT(seen, HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, StreamsInChunksAndMergesWrites) {
  serve([](const HttpRequest&, const std::shared_ptr<HttpResponder>& responder) {
    responder->begin_stream(200, "text/event-stream", {{"Cache-Control", "no-cache"}});
    responder->write("one");
    responder->write("two");
    responder->finish();
    responder->write("never");
  });
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("0\r\n\r\n"), HasSubstr("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
  EXPECT_THAT(client.seen, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(client.seen, HasSubstr("Cache-Control: no-cache"));
}

TEST_F(HttpServerTest, AnHttp10StreamEndsWithTheConnection) {
  serve([](const HttpRequest&, const std::shared_ptr<HttpResponder>& responder) {
    responder->begin_stream(200, "text/event-stream");
    responder->write("one");
    responder->finish();
  });
  const auto seen = exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(seen, ::testing::EndsWith("\r\n\r\none"));
  EXPECT_THAT(seen, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_TRUE(closed_);
}

TEST_F(HttpServerTest, AnUnansweredOrThrowingHandlerGives500) {
  serve([](const HttpRequest& request, const std::shared_ptr<HttpResponder>&) {
    if (request.path == "/throw") throw std::runtime_error("boom");
  });
  EXPECT_THAT(exchange("GET /drop HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(exchange("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

/// A handler that streams from a thread of its own until the client is gone.
class Streamer {
 public:
  HttpHandler handler(std::string piece, std::chrono::microseconds pause) {
    return [this, piece, pause](const HttpRequest&, const std::shared_ptr<HttpResponder>& responder) {
      responder->on_disconnect([this] {
        gone_ = std::chrono::steady_clock::now();
        notify();
      });
      responder->begin_stream(200, "text/event-stream");
      thread_ = std::thread([this, piece, pause, responder] {
        while (!stopped_) {
          responder->write(piece);
          std::this_thread::sleep_for(pause);
        }
      });
    };
  }
  ~Streamer() {
    stopped_ = true;
    if (thread_.joinable()) thread_.join();
  }
  bool wait_gone(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return condition_.wait_for(lock, limit, [this] { return is_gone_; });
  }
  std::chrono::steady_clock::time_point gone_;

 private:
  void notify() {
    const std::lock_guard lock(mutex_);
    is_gone_ = true;
    condition_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable condition_;
  bool is_gone_ = false;
  std::atomic<bool> stopped_{false};
  std::thread thread_;
};

TEST_F(HttpServerTest, NoticesAtOnceThatAStreamingClientWentAway) {
  Streamer streamer;
  serve(streamer.handler("data: x\n\n", 10s / 1000));
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("data");
  const auto left = std::chrono::steady_clock::now();
  client.close();
  ASSERT_TRUE(streamer.wait_gone(3s));
  EXPECT_LT(streamer.gone_ - left, 500ms);
}

TEST_F(HttpServerTest, NoticesThatAClientWentAwayBeforeAnythingWasWritten) {
  std::shared_ptr<HttpResponder> kept;
  std::atomic<int> gone{0};
  std::atomic<bool> ready{false};
  serve([&](const HttpRequest&, std::shared_ptr<HttpResponder> responder) {
    responder->on_disconnect([&gone] { ++gone; });
    kept = std::move(responder);
    ready = true;
  });
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!ready) std::this_thread::sleep_for(1ms);
  client.close();
  for (int i = 0; i < 300 && gone == 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(gone, 1);
  kept->respond(200, "", "late");
  server_->stop();
  EXPECT_EQ(gone, 1);
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotReadWhenItsBufferIsFull) {
  Streamer streamer;
  HttpLimits limits;
  limits.max_unsent_bytes = 64U << 10U;
  serve(streamer.handler(std::string(1000, 'x'), 10us), limits);
  RawClient client(server_->port(), 4096);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(streamer.wait_gone(10s));
}

TEST_F(HttpServerTest, CutsAClientThatDoesNotReadWithinTheWriteTimeout) {
  HttpLimits limits;
  limits.write_timeout = 300ms;
  limits.max_unsent_bytes = 64U << 10U;
  std::atomic<int> gone{0};
  serve(
      [&gone](const HttpRequest&, const std::shared_ptr<HttpResponder>& responder) {
        responder->on_disconnect([&gone] { ++gone; });
        responder->respond(200, "text/plain", std::string(8U << 20U, 'x'));
      },
      limits);
  RawClient client(server_->port(), 4096);
  const auto begin = std::chrono::steady_clock::now();
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (gone == 0 && std::chrono::steady_clock::now() - begin < 10s) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(gone, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(HttpServerTest, ALargeBodyArrivesWholeAtAClientThatReads) {
  serve([](const HttpRequest&, const std::shared_ptr<HttpResponder>& responder) {
    responder->respond(200, "text/plain", std::string(8U << 20U, 'x'));
  });
  const auto seen = exchange("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 20s);
  EXPECT_EQ(seen.size() - seen.find("\r\n\r\n") - 4, 8U << 20U);
}

TEST_F(HttpServerTest, SurvivesGarbage) {
  HttpLimits limits;
  limits.header_timeout = 50ms;
  limits.body_timeout = 50ms;
  serve_echo(limits);
  std::mt19937 random(4711);
  for (int round = 0; round < 100; ++round) {
    std::string garbage =
        round % 2 == 0 ? "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" : "";
    const auto length = random() % 2000;
    for (unsigned i = 0; i < length; ++i) garbage += static_cast<char>(random() % 256);
    const auto seen = exchange(garbage, 3s);
    EXPECT_TRUE(closed_) << round;
    if (!garbage.empty()) {
      EXPECT_THAT(seen, StartsWith("HTTP/1.1 4")) << round;
    }
  }
  EXPECT_THAT(exchange("GET /fine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("GET /fine []"));
}

TEST_F(HttpServerTest, StopAcceptingClosesIdleConnectionsAndLetsAnswersEnd) {
  std::shared_ptr<HttpResponder> kept;
  std::atomic<bool> ready{false};
  serve([&](const HttpRequest& request, std::shared_ptr<HttpResponder> responder) {
    if (request.path == "/now") {
      responder->respond(200, "", "now");
      return;
    }
    kept = std::move(responder);
    kept->begin_stream(200, "text/plain");
    ready = true;
  });
  RawClient idle(server_->port());
  idle.send("GET /now HTTP/1.1\r\nHost: x\r\n\r\n");
  idle.read_until("now");
  RawClient busy(server_->port());
  busy.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!ready) std::this_thread::sleep_for(1ms);
  server_->stop_accepting();
  idle.read_to_end(3s);
  EXPECT_TRUE(idle.closed);
  kept->write("late");
  kept->finish();
  busy.read_to_end(3s);
  EXPECT_TRUE(busy.closed);
  EXPECT_THAT(busy.seen, HasSubstr("late"));
  RawClient after(server_->port());
  EXPECT_FALSE(after.connected());
}

TEST_F(HttpServerTest, StopEndsAStreamAndTellsItsHandler) {
  Streamer streamer;
  serve(streamer.handler("x", 1ms), {}, 2);
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("x\r\n");
  server_->stop();
  EXPECT_TRUE(streamer.wait_gone(1s));
}

TEST(Listen, ABusyPortNamesWhoHoldsItAndWhatToDo) {
  const auto first = listen_on("127.0.0.1", 0);
  ASSERT_TRUE(first);
  auto server = serve_http(
      *first, {}, 1, [](const HttpRequest&, const std::shared_ptr<HttpResponder>&) {}, render);
  const auto second = listen_on("127.0.0.1", (*server)->port());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, model::ErrorCode::io);
  EXPECT_THAT(second.error().message, HasSubstr("in use by process " + std::to_string(::getpid())));
  EXPECT_THAT(second.error().message, HasSubstr("choose another --port"));
}

TEST(Listen, AnUnknownHostIsAnError) {
  const auto socket = listen_on("no-such-host.invalid", 0);
  ASSERT_FALSE(socket);
  EXPECT_THAT(socket.error().message, HasSubstr("no-such-host.invalid"));
  EXPECT_FALSE(listen_on("192.0.2.1", 0));
}

}  // namespace
}  // namespace troupe::net
