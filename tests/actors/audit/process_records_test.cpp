// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/process_records.hpp"

#include <gmock/gmock.h>

#include "tests/actors/audit/memory_storage.hpp"

namespace troupe::actors {
namespace {

using testing::Disk;
using ::testing::HasSubstr;
using testing::MemoryStorage;
using testing::record_of;
using testing::verify;

TEST(ProcessRecords, a_start_closes_what_a_dead_process_left_open_and_tells_of_itself) {
  const auto disk = std::make_shared<Disk>();
  {
    auto log = AuditLog::open(std::make_unique<MemoryStorage>(disk));
    for (std::uint64_t n : {1, 2, 3}) ASSERT_TRUE(log->append(record_of(n)));
    ASSERT_TRUE(log->append(record_of(2, true)));
    ASSERT_TRUE(log->sync());
  }
  const ProcessFacts facts{"tiny", "fp", 1'048'577, 42, "0.1.0"};
  const auto start = record_start(std::make_unique<MemoryStorage>(disk), facts, {});
  ASSERT_TRUE(start);
  EXPECT_EQ(start->lost, 2U);
  EXPECT_EQ(verify(disk->log).head.count, 7U);
  EXPECT_THAT(disk->log, HasSubstr(R"("kind":"closed","request":"00000000000000000000000000000003")"));
  EXPECT_THAT(disk->log, HasSubstr(R"("error":"lost: the process that served it ended")"));
  EXPECT_THAT(
      disk->log,
      HasSubstr(
          R"("kind":"started","pid":42,"generation":1048577,"model":"tiny","fingerprint":"fp","detail":"0.1.0")"));

  EXPECT_EQ(record_start(std::make_unique<MemoryStorage>(disk), facts, {})->lost, 0U) << "once";
  ASSERT_TRUE(record_stop(std::make_unique<MemoryStorage>(disk), facts, "drained", {}));
  EXPECT_THAT(disk->log, HasSubstr(R"("kind":"stopped","pid":42)"));
  EXPECT_THAT(disk->log, HasSubstr(R"("detail":"drained")"));
  EXPECT_EQ(verify(disk->log).head.count, 9U);
}

TEST(ProcessRecords, a_start_without_a_working_log_fails) {
  const auto disk = std::make_shared<Disk>();
  disk->room = 10;
  const auto start = record_start(std::make_unique<MemoryStorage>(disk), {}, {});
  ASSERT_FALSE(start);
  EXPECT_EQ(start.error().code, model::ErrorCode::audit_unavailable);
}

}  // namespace
}  // namespace troupe::actors
