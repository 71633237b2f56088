// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_log.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/actors/audit/memory_storage.hpp"

namespace troupe::actors {
namespace {

using testing::Disk;
using ::testing::HasSubstr;
using testing::MemoryStorage;
using testing::record_of;
using testing::verify;

class AuditLogTest : public ::testing::Test {
 protected:
  AuditLog open(AuditLogLimits limits = {}) {
    auto log = AuditLog::open(std::make_unique<MemoryStorage>(disk_), limits);
    if (!log) throw std::runtime_error(log.error().message);
    return std::move(*log);
  }
  model::Error refusal() {
    const auto log = AuditLog::open(std::make_unique<MemoryStorage>(disk_));
    return log ? model::Error{} : log.error();
  }
  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
};

TEST_F(AuditLogTest, many_records_share_one_sync_and_are_on_the_disk_after_it) {
  AuditLog log = open();
  for (std::uint64_t n = 1; n <= 64; ++n) ASSERT_TRUE(*log.append(record_of(n)));
  EXPECT_TRUE(disk_->log.empty()) << "append only queues";
  EXPECT_EQ(log.pending_records(), 64U);
  const int before = disk_->syncs;
  ASSERT_TRUE(log.sync());
  EXPECT_EQ(disk_->syncs, before + 1);
  disk_->lose_power();
  EXPECT_EQ(verify(disk_->log).head.count, 64U);
  EXPECT_EQ(log.pending_records(), 0U);
  ASSERT_TRUE(log.sync());
  EXPECT_EQ(disk_->syncs, before + 1) << "nothing to do";
}

TEST_F(AuditLogTest, a_record_that_comes_again_is_written_once_also_after_a_restart) {
  AuditLog log = open();
  EXPECT_TRUE(*log.append(record_of(1)));
  EXPECT_FALSE(*log.append(record_of(1))) << "queued";
  ASSERT_TRUE(log.sync());
  EXPECT_FALSE(*log.append(record_of(1))) << "written";
  EXPECT_TRUE(*log.append(record_of(1, true))) << "its end is another record";
  ASSERT_TRUE(log.sync());
  AuditLog again = open();
  EXPECT_EQ(again.head().count, 2U);
  EXPECT_FALSE(*again.append(record_of(1)));
  EXPECT_FALSE(*again.append(record_of(1, true)));
  EXPECT_TRUE(*again.append(record_of(2)));
  ASSERT_TRUE(again.sync());
  EXPECT_EQ(verify(disk_->log).head.count, 3U);
}

TEST_F(AuditLogTest, starts_and_stops_are_written_each_time) {
  AuditLog log = open();
  AuditRecord started;
  started.kind = AuditKind::started;
  EXPECT_TRUE(*log.append(started));
  EXPECT_TRUE(*log.append(started));
}

TEST_F(AuditLogTest, what_it_remembers_of_old_requests_is_bounded) {
  AuditLog log = open({.remembered_keys = 10});
  for (std::uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(*log.append(record_of(n)));
  EXPECT_FALSE(*log.append(record_of(11)));
  EXPECT_TRUE(*log.append(record_of(10))) << "forgotten: so old that nobody sends it again";
}

TEST_F(AuditLogTest, a_full_disk_refuses_and_loses_nothing_and_goes_on_when_there_is_room) {
  AuditLog log = open();
  ASSERT_TRUE(*log.append(record_of(1)));
  ASSERT_TRUE(log.sync());
  disk_->room = disk_->log.size() + 100;
  ASSERT_TRUE(*log.append(record_of(2)));
  for (int i = 0; i < 3; ++i) {
    const auto refused = log.sync();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, model::ErrorCode::audit_unavailable);
    EXPECT_THAT(refused.error().message, HasSubstr("no space left"));
  }
  ASSERT_TRUE(*log.append(record_of(3)));
  EXPECT_EQ(log.pending_records(), 2U);
  disk_->room = SIZE_MAX;
  ASSERT_TRUE(log.sync());
  disk_->lose_power();
  const AuditVerdict verdict = verify(disk_->log, log.head());
  EXPECT_FALSE(verdict.bad) << verdict.bad->reason;
  EXPECT_EQ(verdict.head.count, 3U);
}

TEST_F(AuditLogTest, a_failed_fsync_is_not_retried_blindly) {
  AuditLog log = open();
  ASSERT_TRUE(*log.append(record_of(1)));
  ASSERT_TRUE(log.sync());
  ASSERT_TRUE(*log.append(record_of(2)));
  disk_->fsyncs_to_fail = 1;
  ASSERT_FALSE(log.sync());
  const int opens = disk_->opens;
  ASSERT_TRUE(log.sync());
  EXPECT_EQ(disk_->opens, opens + 1) << "opened anew";
  disk_->lose_power();
  EXPECT_EQ(verify(disk_->log, log.head()).head.count, 2U) << "the lost pages were written again";
}

TEST_F(AuditLogTest, acknowledged_records_that_a_disk_error_damaged_stop_the_log_for_good) {
  AuditLog log = open();
  ASSERT_TRUE(*log.append(record_of(1)));
  ASSERT_TRUE(log.sync());
  ASSERT_TRUE(*log.append(record_of(2)));
  disk_->fsyncs_to_fail = 1;
  ASSERT_FALSE(log.sync());
  disk_->log[20] = '#';
  for (int i = 0; i < 2; ++i) {
    const auto refused = log.sync();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("no longer holds record 1 as it was acknowledged"));
  }
}

TEST_F(AuditLogTest, too_much_waiting_is_refused) {
  AuditLog log = open({.pending_bytes = 1000});
  std::uint64_t n = 1;
  while (log.append(record_of(n))) ++n;
  EXPECT_LT(n, 10U);
  EXPECT_THAT(log.append(record_of(n)).error().message, HasSubstr("audit records wait for the disk"));
  ASSERT_TRUE(log.sync());
  EXPECT_TRUE(*log.append(record_of(n)));
}

TEST_F(AuditLogTest, a_torn_last_line_is_set_aside_and_reported) {
  AuditLog log = open();
  ASSERT_TRUE(*log.append(record_of(1)));
  ASSERT_TRUE(log.sync());
  const std::string good = disk_->log;
  disk_->log += R"({"sequence":2,"prev":"ab)";
  AuditLog again = open();
  EXPECT_EQ(again.opened().torn_file, "audit.jsonl.torn-1");
  EXPECT_EQ(again.opened().torn_bytes, 24U);
  EXPECT_EQ(disk_->torn.at(0), R"({"sequence":2,"prev":"ab)");
  EXPECT_EQ(disk_->log, good);
  EXPECT_EQ(again.head().count, 1U);
}

TEST_F(AuditLogTest, complete_records_beyond_the_known_head_are_kept) {
  AuditLog log = open();
  ASSERT_TRUE(*log.append(record_of(1)));
  ASSERT_TRUE(log.sync());
  const std::string old_head = disk_->head;
  ASSERT_TRUE(*log.append(record_of(2)));
  ASSERT_TRUE(log.sync());
  disk_->head = old_head;
  EXPECT_EQ(open().head().count, 2U);
  disk_->head = "garbage";
  EXPECT_EQ(open().head().count, 2U) << "without a head the whole chain is followed";
}

TEST_F(AuditLogTest, missing_changed_and_rewritten_records_stop_the_start_with_a_remedy) {
  AuditLog log = open();
  for (std::uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(*log.append(record_of(n)));
  ASSERT_TRUE(log.sync());
  const Disk good = *disk_;
  const std::size_t two = good.log.find('\n', good.log.find('\n') + 1) + 1;

  disk_->log.resize(two);
  EXPECT_THAT(refusal().message, HasSubstr("3 records in"));
  EXPECT_THAT(refusal().message, HasSubstr("records are missing. Restore the log, or move both files away"));
  EXPECT_EQ(refusal().code, model::ErrorCode::audit_unavailable);

  *disk_ = good;
  disk_->log[two + 90] ^= 1;
  EXPECT_THAT(refusal().message, HasSubstr("is not the one that audit.head names"));

  disk_->head.clear();
  EXPECT_THAT(refusal().message, HasSubstr("the audit record after 2"));
  EXPECT_EQ(refusal().param, "audit.jsonl:" + std::to_string(two));
  EXPECT_EQ(disk_->torn.size(), 0U) << "a bad record is evidence: nothing is moved";
}

TEST_F(AuditLogTest, whatever_fails_whenever_an_acknowledged_record_is_never_lost) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    disk_ = std::make_shared<Disk>();
    std::uint64_t next = 1;
    std::uint64_t acknowledged = 0;
    auto log = std::make_unique<AuditLog>(open());
    for (int i = 0; i < 60; ++i) {
      const auto dice = random() % 10;
      if (dice < 5) {
        ASSERT_TRUE(log->append(record_of(next)));
        ++next;
      } else if (dice < 8) {
        if (log->sync()) acknowledged = next - 1;
      } else if (dice == 8) {
        disk_->fsyncs_to_fail = static_cast<int>(random() % 3);
        disk_->room = random() % 2 == 0 ? SIZE_MAX : disk_->log.size() + random() % 900;
      } else {
        disk_->lose_power();
        disk_->fsyncs_to_fail = 0;
        disk_->room = SIZE_MAX;
        log = std::make_unique<AuditLog>(open());
        ASSERT_GE(log->head().count, acknowledged);
        next = log->head().count + 1;
      }
    }
    disk_->fsyncs_to_fail = 0;
    disk_->room = SIZE_MAX;
    ASSERT_TRUE(log->sync());
    const AuditVerdict verdict = verify(disk_->log, log->head());
    ASSERT_FALSE(verdict.bad) << verdict.bad->reason;
    ASSERT_EQ(verdict.head.count, next - 1);
  }
}

TEST(AuditStorage, the_files_of_a_directory_behave_like_the_disk_of_the_tests) {
  const std::string directory = ::testing::TempDir() + "audit_log_" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  {
    auto log = AuditLog::open(open_audit_storage(directory));
    ASSERT_TRUE(log) << log.error().message;
    for (std::uint64_t n = 1; n <= 3; ++n) ASSERT_TRUE(log->append(record_of(n)));
    ASSERT_TRUE(log->sync());
  }
  EXPECT_FALSE(verify_file(directory + "/audit.jsonl")->bad);
  std::ofstream(directory + "/audit.jsonl", std::ios::app) << "{\"sequence\":4,";
  EXPECT_TRUE(verify_file(directory + "/audit.jsonl")->bad);
  auto again = AuditLog::open(open_audit_storage(directory));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->head().count, 3U);
  EXPECT_EQ(again->opened().torn_file, directory + "/audit.jsonl.torn-1");
  EXPECT_EQ(std::filesystem::file_size(again->opened().torn_file), 14U);
  EXPECT_EQ(std::filesystem::status(directory + "/audit.jsonl").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_FALSE(verify_file(directory + "/audit.jsonl")->bad);
  std::filesystem::remove_all(directory);
}

TEST(AuditStorage, a_missing_directory_and_a_full_device_are_named) {
  const auto missing = AuditLog::open(open_audit_storage("/nonexistent/place"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("cannot open /nonexistent/place/audit.jsonl: No such file"));

  const std::string directory = ::testing::TempDir() + "audit_full_" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  std::filesystem::create_symlink("/dev/full", directory + "/audit.jsonl");
  auto log = AuditLog::open(open_audit_storage(directory));
  ASSERT_TRUE(log) << log.error().message;
  ASSERT_TRUE(log->append(record_of(1)));
  const auto full = log->sync();
  ASSERT_FALSE(full);
  EXPECT_THAT(full.error().message, HasSubstr("No space left on device: free some space"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace troupe::actors
