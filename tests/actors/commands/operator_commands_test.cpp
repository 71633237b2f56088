// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "actors/audit/record_chain.hpp"
#include "actors/commands/audit_command.hpp"
#include "actors/commands/ps_command.hpp"
#include "actors/commands/version_command.hpp"
#include "tests/actors/commands/fake_server.hpp"

namespace troupe::actors {
namespace {

using testing::FakeServer;
using ::testing::HasSubstr;

struct Ran {
  int status = 0;
  std::string out;
  std::string err;
};

Ran run(int (*command)(std::span<const std::string>, std::ostream&, std::ostream&),
        const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = command(arguments, out, err);
  return {status, out.str(), err.str()};
}

TEST(PsCommand, prints_a_table_or_the_servers_json) {
  FakeServer server;
  server.ps =
      R"({"actors":[{"actor":"scheduler","node":"n1","pid":7,"generation":1,"incarnation":1,"state":"running",)"
      R"("restarts":0,"mailbox":null},{"actor":"stage/0","node":"n1","pid":1234,"generation":1,"incarnation":3,)"
      R"("state":"restarting","restarts":2,"mailbox":5}]})";
  const Ran table = run(run_ps_command, {"--admin", server.address()});
  EXPECT_EQ(table.status, 0);
  EXPECT_EQ(table.out,
            "actor      node  pid   generation  incarnation  state       restarts  mailbox\n"
            "scheduler  n1    7     1           1            running     0         -\n"
            "stage/0    n1    1234  1           3            restarting  2         5\n");
  EXPECT_EQ(run(run_ps_command, {"--admin", server.address(), "--json"}).out, server.ps + "\n");
}

TEST(PsCommand, says_what_is_wrong_with_the_address_or_the_answer) {
  FakeServer server;
  server.ps = "{}";
  EXPECT_THAT(run(run_ps_command, {"--admin", server.address()}).err,
              HasSubstr("is no admin listener of troupe"));
  EXPECT_THAT(run(run_ps_command, {"--admin", "nonsense"}).err,
              HasSubstr("--admin \"nonsense\" is not HOST:PORT"));
  EXPECT_EQ(run(run_ps_command, {"--admin", "nonsense"}).status, 2);
  EXPECT_THAT(run(run_ps_command, {"--admin", "127.0.0.1:1"}).err,
              HasSubstr("nothing listens on 127.0.0.1:1"));
}

class AuditCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "audit_command_" + std::to_string(::getpid());
    std::filesystem::create_directories(directory_);
    for (int i = 0; i < 3; ++i) log_ += seal(head_, "\"kind\":\"opened\",\"n\":" + std::to_string(i)) + "\n";
    write(log_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& text) const { std::ofstream(directory_ + "/audit.jsonl") << text; }

  std::string directory_;
  std::string log_;
  ChainHead head_;
};

TEST_F(AuditCommand, says_that_a_log_is_good_and_where_it_ends) {
  const std::string file = directory_ + "/audit.jsonl";
  const Ran text = run(run_audit_command, {"verify", "--data-dir", directory_});
  EXPECT_EQ(text.status, 0);
  EXPECT_EQ(text.out, file + ": ok, 3 records, head " + head_.hash + "\n");
  EXPECT_EQ(run(run_audit_command, {"verify", file, "--json"}).out,
            "{\"ok\":true,\"file\":\"" + file + "\",\"records\":3,\"bytes\":" + std::to_string(log_.size()) +
                ",\"head\":\"" + head_.hash + "\"}\n");
}

TEST_F(AuditCommand, names_the_first_bad_record_its_line_its_byte_and_the_reason) {
  std::string text = log_;
  const std::size_t second = text.find('\n') + 1;
  text[second + 90] ^= 1;
  write(text);
  const Ran ran = run(run_audit_command, {"verify", "--data-dir", directory_});
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, HasSubstr("record 2 is bad (line 2, byte " + std::to_string(second) +
                                 "): the record's content does not match its own sha256: it was changed\n"
                                 "The 1 records before it are good.\n"));
  EXPECT_THAT(run(run_audit_command, {"verify", "--data-dir", directory_, "--json"}).out,
              HasSubstr("\"ok\":false"));
  EXPECT_THAT(run(run_audit_command, {"verify", "--data-dir", directory_, "--json"}).out,
              HasSubstr("\"bad\":{\"record\":2,\"line\":2,\"offset\":" + std::to_string(second)));
}

TEST_F(AuditCommand, holds_the_log_against_a_head_that_was_kept_elsewhere) {
  const std::vector<std::string> anchored = {"verify", "--data-dir",    directory_, "--expect-count",
                                             "3",      "--expect-head", head_.hash};
  EXPECT_EQ(run(run_audit_command, anchored).status, 0);
  write(log_.substr(0, log_.rfind('\n', log_.size() - 2) + 1));
  EXPECT_EQ(run(run_audit_command, {"verify", "--data-dir", directory_}).status, 0);
  const Ran cut = run(run_audit_command, anchored);
  EXPECT_EQ(cut.status, 1);
  EXPECT_THAT(cut.err, HasSubstr("3 records were acknowledged: the end is missing"));
}

TEST_F(AuditCommand, says_how_it_is_used) {
  EXPECT_EQ(run(run_audit_command, {}).status, 2);
  EXPECT_EQ(run(run_audit_command, {"--help"}).status, 0);
  EXPECT_THAT(run(run_audit_command, {"verify", "--help"}).out,
              HasSubstr("Exit status: 0 good, 1 a bad record"));
  EXPECT_THAT(run(run_audit_command, {"verify"}).err, HasSubstr("name either a FILE or a --data-dir"));
  EXPECT_THAT(run(run_audit_command, {"verify", "f", "--expect-count", "3"}).err, HasSubstr("go together"));
  const Ran missing = run(run_audit_command, {"verify", directory_ + "/none"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err,
              HasSubstr("/none: No such file or directory. Name an audit log, or the server's --data-dir"));
}

TEST(VersionCommand, prints_the_version) {
  EXPECT_EQ(run(run_version_command, {}).out, "troupe " TROUPE_VERSION "\n");
  EXPECT_EQ(run(run_version_command, {"--json"}).out, "{\"version\":\"" TROUPE_VERSION "\"}\n");
}

}  // namespace
}  // namespace troupe::actors
