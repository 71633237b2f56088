// SPDX-License-Identifier: Apache-2.0
#include "net/http/outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

AnswerFraming framing() {
  AnswerFraming framing;
  framing.request_id = "id-1";
  framing.max_unsent = 1000;
  return framing;
}

TEST(Outbox, WakesOnceForAllThatGathersUntilItIsTaken) {
  int wakes = 0;
  Outbox outbox(framing(), [&wakes] { ++wakes; });
  outbox.begin_stream(200, "text/plain", {});
  outbox.write("one");
  outbox.write("two");
  EXPECT_EQ(wakes, 1);
  EXPECT_THAT(outbox.take(true).bytes, EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n"));
  outbox.finish();
  EXPECT_EQ(wakes, 2);
  const auto last = outbox.take(true);
  EXPECT_EQ(last.bytes, "0\r\n\r\n");
  EXPECT_TRUE(last.finished);
}

TEST(Outbox, AStreamOverItsLimitIsCutAndHoldsNoMore) {
  Outbox outbox(framing(), [] {});
  outbox.begin_stream(200, "", {});
  std::size_t held = outbox.take(true).bytes.size();
  outbox.sent(held);
  held = 0;
  for (int i = 0; i < 1000; ++i) {
    outbox.write(std::string(100, 'x'));
    if (i == 4) held = outbox.take(true).bytes.size();  // given to a socket that takes nothing
  }
  EXPECT_TRUE(outbox.take(false).cut);
  held += outbox.take(true).bytes.size();
  EXPECT_GE(held, 1000U);
  EXPECT_LE(held, 1200U);
}

TEST(Outbox, WhatTheSocketTookCountsNoLonger) {
  Outbox outbox(framing(), [] {});
  outbox.begin_stream(200, "", {});
  for (int i = 0; i < 1000; ++i) {
    outbox.write(std::string(100, 'x'));
    outbox.sent(outbox.take(true).bytes.size());
  }
  EXPECT_FALSE(outbox.take(true).cut);
}

TEST(Outbox, OnlyTheFirstAnswerCounts) {
  Outbox outbox(framing(), [] {});
  outbox.respond(404, "text/plain", "no", {{"A", "b"}});
  outbox.respond(200, "text/plain", "yes", {});
  outbox.begin_stream(200, "", {});
  outbox.abandon();
  const auto taken = outbox.take(true);
  EXPECT_THAT(taken.bytes, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(taken.bytes, HasSubstr("\r\nX-Request-Id: id-1\r\n"));
  EXPECT_THAT(taken.bytes, HasSubstr("\r\nA: b\r\n"));
  EXPECT_THAT(taken.bytes, EndsWith("\r\n\r\nno"));
  EXPECT_TRUE(taken.finished);
}

TEST(Outbox, AfterACloseNothingIsKeptAndNobodyIsWoken) {
  int wakes = 0;
  int gone = 0;
  Outbox outbox(framing(), [&wakes] { ++wakes; });
  outbox.on_disconnect([&gone] { ++gone; });
  outbox.begin_stream(200, "", {});
  const auto disconnected = outbox.close(false);
  ASSERT_TRUE(disconnected);
  disconnected();
  outbox.write("late");
  outbox.finish();
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(outbox.take(true).bytes, "");
}

TEST(Outbox, WhoAsksTooLateIsToldAtOnceAndOnlyIfTheClientWentBeforeTheEnd) {
  int gone = 0;
  Outbox cut(framing(), [] {});
  cut.close(false);
  cut.on_disconnect([&gone] { ++gone; });
  EXPECT_EQ(gone, 1);
  Outbox complete(framing(), [] {});
  complete.close(true);
  complete.on_disconnect([&gone] { ++gone; });
  EXPECT_EQ(gone, 1);
}

}  // namespace
}  // namespace troupe::net
