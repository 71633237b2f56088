// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_verify.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/actors/audit/memory_storage.hpp"

namespace troupe::actors {
namespace {

using ::testing::HasSubstr;
using testing::record_of;
using testing::verify;

struct Log {
  std::vector<std::string> lines;
  ChainHead head;
  std::string text() const {
    std::string all;
    for (const auto& line : lines) all += line + '\n';
    return all;
  }
};

Log log_of(std::uint64_t records) {
  Log log;
  for (std::uint64_t n = 1; n <= records; ++n)
    log.lines.push_back(seal(log.head, audit_fields(record_of(n))));
  return log;
}

TEST(Sha256, agrees_with_the_standards_examples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(AuditVerify, an_untouched_log_is_good_and_its_head_is_named) {
  const Log log = log_of(5);
  const AuditVerdict verdict = verify(log.text(), log.head);
  EXPECT_FALSE(verdict.bad);
  EXPECT_EQ(verdict.head, log.head);
  EXPECT_EQ(verdict.head.count, 5U);
  EXPECT_EQ(verdict.head.bytes, log.text().size());
  EXPECT_EQ(verdict.head.hash, sha256_hex(log.lines.back()));
  EXPECT_FALSE(verify("").bad);
}

TEST(AuditVerify, each_record_holds_the_hash_of_the_whole_line_before_it) {
  const Log log = log_of(2);
  EXPECT_THAT(log.lines[0], ::testing::StartsWith(R"({"sequence":1,"prev":")" + std::string(64, '0')));
  EXPECT_THAT(log.lines[1], ::testing::StartsWith(R"({"sequence":2,"prev":")" + sha256_hex(log.lines[0]) +
                                                  R"(","time":")"));
}

TEST(AuditVerify, a_flip_of_any_bit_class_at_any_byte_is_found_at_its_record) {
  const Log log = log_of(4);
  const std::string good = log.text();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (char mask : {'\x01', '\x20', '\x80'}) {
      std::string text = good;
      text[at] = static_cast<char>(text[at] ^ mask);
      const auto bad = verify(text).bad;
      ASSERT_TRUE(bad) << "byte " << at << " mask " << int{mask};
      const auto record = 1 + std::count(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(at), '\n');
      ASSERT_EQ(bad->record, static_cast<std::uint64_t>(record)) << "byte " << at << ": " << bad->reason;
    }
  }
}

TEST(AuditVerify, a_deleted_a_repeated_and_a_moved_record_are_found) {
  const Log log = log_of(5);
  Log deleted = log;
  deleted.lines.erase(deleted.lines.begin() + 2);
  auto bad = verify(deleted.text()).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 3U);
  EXPECT_EQ(bad->offset, log.lines[0].size() + log.lines[1].size() + 2);
  EXPECT_THAT(bad->reason, HasSubstr("this is record 4 where 3 should stand: records before it are missing"));

  Log repeated = log;
  repeated.lines.insert(repeated.lines.begin() + 2, log.lines[1]);
  bad = verify(repeated.text()).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 3U);
  EXPECT_THAT(bad->reason, HasSubstr("repeated or moved"));

  Log moved = log;
  std::swap(moved.lines[1], moved.lines[3]);
  bad = verify(moved.text()).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 2U);
}

TEST(AuditVerify, a_record_rewritten_with_a_fitting_hash_breaks_the_next_ones_link) {
  Log log = log_of(4);
  ChainHead forged;
  for (std::size_t i = 0; i < 1; ++i) ASSERT_FALSE(accept(forged, log.lines[i]));
  AuditRecord other = record_of(2);
  other.tenant = "somebody else";
  log.lines[1] = seal(forged, audit_fields(other));
  const auto bad = verify(log.text()).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 3U);
  EXPECT_THAT(bad->reason, HasSubstr("prev is not the SHA-256 of the record before it"));
}

TEST(AuditVerify, a_cut_inside_a_record_is_found_alone_and_a_cut_between_records_by_the_anchor) {
  const Log log = log_of(4);
  const std::string good = log.text();
  for (std::size_t length = 0; length < good.size(); ++length) {
    const std::string cut = good.substr(0, length);
    const auto bad = verify(cut, log.head).bad;
    ASSERT_TRUE(bad) << length;
    const bool between = cut.empty() || cut.back() == '\n';
    ASSERT_EQ(verify(cut).bad.has_value(), !between) << length;
  }
}

TEST(AuditVerify, a_whole_rewritten_log_is_found_by_the_anchor) {
  const Log log = log_of(3);
  Log forged;
  for (std::uint64_t n = 11; n <= 15; ++n)
    forged.lines.push_back(seal(forged.head, audit_fields(record_of(n))));
  EXPECT_FALSE(verify(forged.text()).bad) << "a chain alone cannot see it";
  const auto bad = verify(forged.text(), log.head).bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 3U);
  EXPECT_THAT(bad->reason, HasSubstr("rewritten"));
}

TEST(AuditVerify, foreign_lines_and_a_line_without_end_are_bad_records) {
  const Log log = log_of(1);
  for (const std::string& line :
       {std::string("{}"), std::string(), std::string(300, 'x'), std::string(200, '\0')}) {
    const auto bad = verify(log.text() + line + '\n').bad;
    ASSERT_TRUE(bad);
    EXPECT_EQ(bad->record, 2U);
    EXPECT_EQ(bad->reason, "this is not an audit record");
  }
  const auto endless = verify(std::string(kLongestLine + (2U << 20U), 'x')).bad;
  ASSERT_TRUE(endless);
  EXPECT_EQ(endless->record, 1U);
}

TEST(AuditVerify, the_head_survives_its_file_and_a_torn_one_is_no_head) {
  const Log log = log_of(3);
  const std::string text = write_head(log.head);
  EXPECT_EQ(text.size(), 160U) << "one short write in place";
  EXPECT_EQ(read_head(text), log.head);
  EXPECT_FALSE(read_head(""));
  EXPECT_FALSE(read_head(text.substr(0, 60)));
  EXPECT_FALSE(read_head(std::string(160, '\0')));
}

TEST(AuditVerify, a_file_is_held_against_the_head_beside_it) {
  const std::string directory = ::testing::TempDir() + "audit_verify_" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  const std::string path = directory + "/audit.jsonl";
  const Log log = log_of(4);
  std::ofstream(path) << log.text();
  EXPECT_FALSE(verify_file(path)->bad);
  std::ofstream(directory + "/audit.head") << write_head(log.head);
  EXPECT_FALSE(verify_file(path)->bad);
  std::ofstream(path) << log_of(3).text();
  const auto bad = verify_file(path)->bad;
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->record, 4U);
  EXPECT_THAT(bad->reason, HasSubstr("the log ends here, but 4 records were acknowledged"));
  std::filesystem::remove_all(directory);
  const auto missing = verify_file(path);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file or directory. Name an audit log"));
}

}  // namespace
}  // namespace troupe::actors
