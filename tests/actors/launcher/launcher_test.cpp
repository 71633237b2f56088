// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/launcher.hpp"

#include <gmock/gmock.h>

#include "actors/launcher/generation_counter.hpp"
#include "tests/actors/launcher/launcher_process.hpp"

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;
using testing::ask;
using testing::eventually;
using testing::field;
using testing::free_port;
using ::testing::HasSubstr;
using testing::LauncherProcess;
using testing::lines_of;
using ::testing::Not;
using testing::read_file;

class LauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "launcher_" + std::to_string(::getpid()) + "_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(directory_);
    notes_ = directory_ + "/notes";
    config_.data_dir = directory_ + "/data";
    config_.program = TROUPE_FAKE_WORKER;
    config_.port = free_port();
    config_.admin_port = 0;
    config_.drain_timeout = 5s;
    config_.restart = {.pause_min = 1ms, .pause_max = 20ms, .attempts = 3, .window = 30s};
    err_ = directory_ + "/err";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void worker_does(std::vector<std::string> what) {
    config_.worker_arguments = std::move(what);
    config_.worker_arguments.insert(config_.worker_arguments.begin(), notes_);
  }
  std::size_t starts() const { return lines_of(notes_).size(); }
  pid_t worker() const { return std::stoi(field(lines_of(notes_).back(), "pid")); }
  std::vector<std::string> evidence() const {
    std::vector<std::string> texts;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(config_.data_dir + "/crashes", none)) {
      texts.push_back(read_file(entry.path()));
    }
    return texts;
  }

  std::string directory_;
  std::string notes_;
  std::string err_;
  LauncherConfig config_;
};

TEST_F(LauncherTest, serves_through_its_worker_and_ends_with_0_after_a_drain) {
  worker_does({"serve"});
  LauncherProcess launcher(config_, err_);
  EXPECT_TRUE(eventually([&] { return ask(config_.port) == "generation 1\n"; })) << read_file(err_);
  launcher.signal(SIGTERM);
  EXPECT_EQ(launcher.wait(), 0) << read_file(err_);
  EXPECT_EQ(starts(), 1U);
  EXPECT_TRUE(evidence().empty());
  EXPECT_EQ(ask(config_.port), "") << "nothing listens any more";
}

TEST_F(LauncherTest, a_worker_inherits_its_listed_descriptors_and_nothing_else) {
  const int extra = ::open("/dev/null", O_RDONLY);  // without close-on-exec, as a library would leave it
  config_.configuration = "port=1";
  worker_does({"serve"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return starts() == 1; })) << read_file(err_);
  ::close(extra);
  const std::string descriptors = field(lines_of(notes_)[0], "descriptors");
  EXPECT_EQ(std::count(descriptors.begin(), descriptors.end(), ','), 6)
      << "0, 1, 2, two sockets, the lock and the configuration: " << descriptors;
  EXPECT_EQ(field(lines_of(notes_)[0], "configuration"), "port=1");
}

TEST_F(LauncherTest, a_crash_is_followed_by_a_start_with_new_generations_and_leaves_evidence) {
  worker_does({"crash", "2"});
  LauncherProcess launcher(config_, err_);
  EXPECT_TRUE(eventually([&] { return ask(config_.port) == "generation 2097153\n"; })) << read_file(err_);
  launcher.signal(SIGTERM);
  EXPECT_EQ(launcher.wait(), 0);
  EXPECT_EQ(starts(), 3U);
  ASSERT_EQ(evidence().size(), 2U);
  for (const std::string& text : evidence()) {
    EXPECT_THAT(text, HasSubstr(R"x("reason":"signal 11 (SIGSEGV)","signal":11,)x"));
    EXPECT_THAT(text, HasSubstr(R"("decision":"restart after )"));
  }
}

TEST_F(LauncherTest, a_killed_worker_is_replaced_while_connections_wait) {
  worker_does({"serve"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ::kill(worker(), SIGKILL);
    const std::string expected = "generation " + std::to_string(1 + i * kGenerationsPerStart) + "\n";
    EXPECT_TRUE(eventually([&] {
      const std::string answer = ask(config_.port);
      EXPECT_FALSE(answer.empty()) << "a connection was refused";
      return answer == expected;
    }));
  }
}

TEST_F(LauncherTest, a_worker_that_always_dies_is_given_up_with_a_reason) {
  worker_does({"exit", "3"});
  LauncherProcess launcher(config_, err_);
  EXPECT_EQ(launcher.wait(), 1);
  EXPECT_EQ(starts(), 4U);
  EXPECT_THAT(read_file(err_),
              HasSubstr("troupe: the worker died 4 times within 30 s, more than the 3 restarts "
                        "allowed; the last end was exit status 3. See " +
                        config_.data_dir + "/crashes"));
  ASSERT_EQ(evidence().size(), 4U);
}

TEST_F(LauncherTest, a_worker_that_cannot_start_is_not_started_again) {
  worker_does({"exit", "78"});
  LauncherProcess launcher(config_, err_);
  EXPECT_EQ(launcher.wait(), kCannotStart);
  EXPECT_EQ(starts(), 1U);
}

TEST_F(LauncherTest, a_program_that_cannot_be_executed_is_named) {
  config_.program = directory_ + "/missing";
  LauncherProcess launcher(config_, err_);
  EXPECT_EQ(launcher.wait(), kCannotStart);
  EXPECT_THAT(read_file(err_),
              HasSubstr("cannot execute " + config_.program + ": No such file or directory"));
}

TEST_F(LauncherTest, a_worker_that_does_not_drain_is_killed_at_the_limit) {
  config_.drain_timeout = 100ms;
  config_.cut_grace = 0ms;
  worker_does({"stubborn"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  launcher.signal(SIGINT);
  EXPECT_EQ(launcher.wait(), 1);
  EXPECT_THAT(read_file(err_), HasSubstr("the worker did not drain in time"));
  ASSERT_EQ(evidence().size(), 1U);
  EXPECT_THAT(evidence()[0], HasSubstr("SIGKILL"));
}

TEST_F(LauncherTest, a_second_signal_ends_the_drain_at_once) {
  worker_does({"stubborn"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  launcher.signal(SIGINT);
  ASSERT_TRUE(eventually([&] { return read_file(err_).find("draining") != std::string::npos; }));
  const auto begin = std::chrono::steady_clock::now();
  launcher.signal(SIGINT);
  EXPECT_EQ(launcher.wait(), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(LauncherTest, a_signal_in_the_pause_before_a_restart_ends_it_cleanly) {
  config_.restart.pause_min = config_.restart.pause_max = 1h;
  worker_does({"exit", "3"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return read_file(err_).find("restart after") != std::string::npos; }));
  launcher.signal(SIGTERM);
  EXPECT_EQ(launcher.wait(), 0);
}

TEST_F(LauncherTest, a_killed_launcher_takes_its_worker_with_it) {
  worker_does({"stubborn"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  const pid_t orphan = worker();
  launcher.signal(SIGKILL);
  EXPECT_EQ(launcher.wait(), -SIGKILL);
  EXPECT_TRUE(eventually([&] {
    const std::string stat = read_file("/proc/" + std::to_string(orphan) + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  }));
}

TEST_F(LauncherTest, two_servers_do_not_share_a_data_directory) {
  worker_does({"serve"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  LauncherConfig other = config_;
  other.port = free_port();
  std::ostringstream said;
  EXPECT_EQ(run_launcher(other, said), kCannotStart);
  EXPECT_THAT(said.str(),
              HasSubstr("the data directory " + config_.data_dir + " is in use by another server (process "));
  EXPECT_THAT(said.str(), HasSubstr("choose another with --data-dir"));
}

TEST_F(LauncherTest, a_busy_port_is_said_before_anything_is_started) {
  worker_does({"serve"});
  LauncherProcess launcher(config_, err_);
  ASSERT_TRUE(eventually([&] { return !ask(config_.port).empty(); })) << read_file(err_);
  LauncherConfig other = config_;
  other.data_dir += "2";
  std::ostringstream said;
  EXPECT_EQ(run_launcher(other, said), kCannotStart);
  EXPECT_THAT(said.str(), HasSubstr(std::to_string(config_.port)));
  EXPECT_EQ(starts(), 1U);
}

}  // namespace
}  // namespace troupe::actors
