// SPDX-License-Identifier: Apache-2.0
#include "config/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::config {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// The one relation that is broken, as "option: message".
std::string broken(const Config& config) {
  const auto relations = check(config);
  EXPECT_THAT(relations, SizeIs(1));
  return relations.empty() ? "" : std::string(relations[0].options[0]) + ": " + relations[0].message;
}

TEST(Check, FindsNothingWrongWithTheDefaults) {
  EXPECT_THAT(check(Config{}), IsEmpty());
}

TEST(Check, WantsTwoPortsOnOneAddress) {
  Config config;
  config.server.admin_port = config.server.port;
  EXPECT_THAT(broken(config),
              HasSubstr("server.admin_port: the admin listener and the API cannot share port 8080"));
  config.server.host = "0.0.0.0";
  EXPECT_THAT(broken(config), HasSubstr("--admin-port"));
  config.server.host = "10.0.0.7";
  EXPECT_THAT(check(config), IsEmpty());
}

TEST(Check, LetsBothPortsBeChosenByTheSystem) {
  Config config;
  config.server.port = config.server.admin_port = 0;
  EXPECT_THAT(check(config), IsEmpty());
}

TEST(Check, WantsOneTokenPerSequenceInAStep) {
  Config config;
  config.scheduler.max_num_batched_tokens = 63;
  EXPECT_THAT(broken(config), HasSubstr("63 is less than scheduler.max_num_seqs (64)"));
  config.scheduler.max_num_batched_tokens = 64;
  EXPECT_THAT(check(config), IsEmpty());
}

TEST(Check, WantsTheLargestRequestToBeAdmissible) {
  Config config;
  config.scheduler.max_waiting = 63;
  EXPECT_THAT(broken(config), HasSubstr("128 is more than max_num_seqs + max_waiting (127)"));
  config.scheduler.max_waiting = 64;
  EXPECT_THAT(check(config), IsEmpty());
}

TEST(Check, WantsPausesInOrder) {
  Config config;
  config.supervision.worker.pause_min = milliseconds(2001);
  EXPECT_THAT(broken(config),
              HasSubstr("supervision.worker.pause_min: 2001ms is longer than pause_max (2s)"));
  config = {};
  config.supervision.actor.pause_min = milliseconds(3000);
  EXPECT_THAT(broken(config), HasSubstr("supervision.actor.pause_min"));
}

TEST(Check, WantsAWindowThatSeesEveryAttempt) {
  Config config;
  // 10 + 20 + 40 + 80 + 160 ms of pauses before the sixth death.
  config.supervision.actor.window = milliseconds(310);
  EXPECT_THAT(broken(config),
              HasSubstr("supervision.actor.window: 310ms is shorter than the pauses of 5 restarts"));
  config.supervision.actor.window = milliseconds(311);
  EXPECT_THAT(check(config), IsEmpty());
}

TEST(Check, LeavesOutRelationsOfOptionsThatAreAlreadyWrong) {
  Config config;
  config.scheduler.max_num_batched_tokens = 1;
  EXPECT_THAT(check(config, {"scheduler.max_num_seqs"}), IsEmpty());
  EXPECT_THAT(check(config, {"server.port"}), SizeIs(1));
}

TEST(Check, AsksForAModelOnlyToServe) {
  Config config;
  ASSERT_THAT(check_serve(config), SizeIs(1));
  EXPECT_THAT(check_serve(config)[0].message, HasSubstr("--model"));
  config.model.path = "model.gguf";
  EXPECT_THAT(check_serve(config), IsEmpty());
}

}  // namespace
}  // namespace troupe::config
