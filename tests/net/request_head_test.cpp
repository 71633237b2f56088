// SPDX-License-Identifier: Apache-2.0
#include "net/http/request_head.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::net {
namespace {

using ::testing::HasSubstr;

TEST(RequestHead, ReadsLineFieldsAndFraming) {
  const auto head = read_head(
      "POST /v1/mod%65ls?a=%20b HTTP/1.1\r\nHost: localhost:8080\r\nX-A:  two words \t\r\nContent-Length: "
      "12\r\n"
      "Expect: 100-Continue\r\nConnection: Keep-Alive, x\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->method, "POST");
  EXPECT_EQ(head->path, "/v1/models");
  EXPECT_EQ(head->query, "a=%20b");
  EXPECT_EQ(head->header("x-a"), "two words");
  EXPECT_EQ(head->content_length, 12U);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_TRUE(head->keep_alive);
}

TEST(RequestHead, Http10ClosesUnlessAskedToKeepTheConnection) {
  EXPECT_FALSE(read_head("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(read_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")->keep_alive);
  EXPECT_FALSE(read_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")->keep_alive);
}

TEST(RequestHead, AbsoluteFormMustNameTheSameHost) {
  EXPECT_EQ(read_head("GET http://a:1/x?y HTTP/1.1\r\nHost: A:1\r\n\r\n")->path, "/x");
  const auto other = read_head("GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().param, "Host");
}

struct Probe {
  const char* what;
  std::string head;
};

class RefusedHead : public ::testing::TestWithParam<Probe> {};

TEST_P(RefusedHead, IsRefused) {
  const auto head = read_head(GetParam().head);
  ASSERT_FALSE(head) << GetParam().what;
  EXPECT_EQ(head.error().code, model::ErrorCode::invalid_request);
  EXPECT_FALSE(head.error().message.empty());
}

std::string with(const std::string& fields) {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Probes, RefusedHead,
    ::testing::Values(
        Probe{"xchunked", with("Transfer-Encoding: xchunked\r\n")},
        Probe{"chunked, identity", with("Transfer-Encoding: chunked, identity\r\n")},
        Probe{"chunked, chunked", with("Transfer-Encoding: chunked, chunked\r\n")},
        Probe{"gzip, chunked", with("Transfer-Encoding: gzip, chunked\r\n")},
        Probe{"identity", with("Transfer-Encoding: identity\r\n")},
        Probe{"two codings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
        Probe{"empty coding", with("Transfer-Encoding:\r\n")},
        Probe{"chunked and vertical tab", with("Transfer-Encoding: \x0b"
                                               "chunked\r\n")},
        Probe{"folded coding", with("Transfer-Encoding:\r\n chunked\r\n")},
        Probe{"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
        Probe{"CL.TE", with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")},
        Probe{"TE.CL", with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")},
        Probe{"leading zeros", with("Content-Length: 005\r\n")},
        Probe{"list of equals", with("Content-Length: 5, 5\r\n")},
        Probe{"two equals", with("Content-Length: 5\r\nContent-Length: 5\r\n")},
        Probe{"two that differ", with("Content-Length: 5\r\nContent-Length: 6\r\n")},
        Probe{"plus", with("Content-Length: +5\r\n")}, Probe{"minus", with("Content-Length: -5\r\n")},
        Probe{"hexadecimal", with("Content-Length: 0x5\r\n")}, Probe{"blank", with("Content-Length:\r\n")},
        Probe{"overflow", with("Content-Length: 18446744073709551617\r\n")},
        Probe{"no host", "GET / HTTP/1.1\r\n\r\n"},
        Probe{"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
        Probe{"empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"},
        Probe{"host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
        Probe{"userinfo in host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"},
        Probe{"absolute form of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
        Probe{"space before colon", with("Content-Length : 5\r\n")},
        Probe{"no colon", with("Content-Length 5\r\n")}, Probe{"empty name", with(": 5\r\n")},
        Probe{"name with NUL", with(std::string("A\0B: 5\r\n", 8))},
        Probe{"value with NUL", with(std::string("A: 5\0\r\n", 7))},
        Probe{"value with DEL", with("A: \x7f\r\n")},
        Probe{"folded first field", "GET / HTTP/1.1\r\n A: b\r\n\r\n"},
        Probe{"folded value", with("A: b\r\n c\r\n")}, Probe{"bare LF", "GET / HTTP/1.1\nHost: a\n\n"},
        Probe{"one bare LF", "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"},
        Probe{"bare CR", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"},
        Probe{"leading CR LF", "\r\nGET / HTTP/1.1\r\n\r\n"}, Probe{"HTTP/0.9", "GET /\r\n\r\n"},
        Probe{"HTTP/2", "PRI * HTTP/2.0\r\n\r\n"}, Probe{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
        Probe{"lower case", "GET / http/1.1\r\nHost: a\r\n\r\n"},
        Probe{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"tab", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"method with colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"relative", "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"percent alone", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"percent and one digit", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"percent and letters", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"encoded NUL", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"encoded line", "GET /%0d%0a HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"encoded surrogate", "GET /%ED%A0%80 HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"encoded overlong", "GET /%C0%AF HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"raw non-ASCII", "GET /\xC3\xA9 HTTP/1.1\r\nHost: a\r\n\r\n"},
        Probe{"value not UTF-8", with("A: \xFF\r\n")},
        Probe{"unknown expectation", with("Expect: 200-ok\r\n")}));

TEST(RequestHead, RefusesMoreThanAHundredFields) {
  std::string fields;
  for (int i = 0; i < 99; ++i) fields += "A: b\r\n";
  EXPECT_TRUE(read_head(with(fields)));
  const auto head = read_head(with(fields + "A: b\r\n"));
  ASSERT_FALSE(head);
  EXPECT_THAT(head.error().message, HasSubstr("100"));
}

TEST(ScanHead, FindsTheEndInPiecesAndStopsAtABareLineFeed) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  for (std::size_t cut = 1; cut + 4 < head.size(); ++cut) {
    const auto part = scan_head(std::string_view(head).substr(0, cut), 0);
    EXPECT_FALSE(part.broken) << cut;
    EXPECT_EQ(part.length, 0U) << cut;
    EXPECT_EQ(scan_head(head, cut).length, head.size() - 4) << cut;
  }
  EXPECT_TRUE(scan_head("GET / HTTP/1.1\n", 0).broken);
}

}  // namespace
}  // namespace troupe::net
