// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/generation_counter.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "actors/launcher/crash_evidence.hpp"
#include "actors/launcher/worker_arguments.hpp"

namespace troupe::actors {
namespace {

using ::testing::HasSubstr;

std::string scratch(const std::string& name) {
  const std::string path = ::testing::TempDir() + name + "_" + std::to_string(::getpid());
  std::filesystem::remove_all(path);
  return path;
}

TEST(GenerationCounter, gives_each_start_a_block_of_its_own_across_processes) {
  const std::string path = scratch("generation");
  EXPECT_EQ(*GenerationCounter(path).reserve(), 1U);
  EXPECT_EQ(*GenerationCounter(path).reserve(), 1U + kGenerationsPerStart);
  EXPECT_EQ(*GenerationCounter(path).reserve(), 1U + 2 * kGenerationsPerStart);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  std::filesystem::remove(path);
}

TEST(GenerationCounter, never_begins_again_from_a_file_that_it_cannot_read) {
  const std::string path = scratch("generation");
  for (const char* text : {"", "x", "0", "-5", "12 ", "18446744073709551615", "99999999999999999999"}) {
    std::ofstream(path) << text;
    const auto first = GenerationCounter(path).reserve();
    ASSERT_FALSE(first) << text;
    EXPECT_THAT(first.error().message, HasSubstr("does not hold a generation. Restore it, or write"));
  }
  std::filesystem::remove(path);
  EXPECT_THAT(GenerationCounter("/nonexistent/generation").reserve().error().message,
              HasSubstr("cannot create /nonexistent/generation.new: No such file or directory"));
}

TEST(WorkerArguments, survive_the_command_line) {
  const WorkerArguments arguments{7, 8, 9, 1'048'577, {"--model", "a b.gguf", ""}};
  const auto line = to_command_line(arguments);
  EXPECT_EQ(line.front(), "worker");
  EXPECT_EQ(*parse_worker_arguments(std::span(line).subspan(1)), arguments);
}

TEST(WorkerArguments, that_no_launcher_wrote_are_refused) {
  const std::vector<std::string> none;
  EXPECT_THAT(parse_worker_arguments(none).error().message, HasSubstr("use troupe serve"));
  const std::vector<std::string> bad = {"--fd-http", "x"};
  EXPECT_THAT(parse_worker_arguments(bad).error().message, HasSubstr("--fd-http needs a number"));
  const std::vector<std::string> cut = {"--first-generation"};
  EXPECT_FALSE(parse_worker_arguments(cut));
}

TEST(InheritedText, can_be_read_again_and_not_changed) {
  const auto fd = make_inherited_text("port = 8080\n");
  ASSERT_TRUE(fd);
  EXPECT_EQ(*read_inherited_text(*fd), "port = 8080\n");
  EXPECT_EQ(*read_inherited_text(*fd), "port = 8080\n");
  EXPECT_EQ(::write(*fd, "x", 1), -1);
  ::close(*fd);
  EXPECT_FALSE(read_inherited_text(*fd));
}

TEST(CrashEvidence, tells_how_a_process_ended) {
  EXPECT_EQ(to_string(ProcessEnd{false, 3, false}), "exit status 3");
  EXPECT_EQ(to_string(ProcessEnd{true, 9, false}), "signal 9 (SIGKILL)");
  EXPECT_EQ(to_string(ProcessEnd{true, 6, true}), "signal 6 (SIGABRT, core dumped)");
  CrashEvidence evidence;
  evidence.pid = 42;
  evidence.end = {true, 9, false};
  evidence.first_generation = 1;
  evidence.uptime = std::chrono::milliseconds(1500);
  evidence.decision = "restart after 10 ms";
  EXPECT_EQ(to_json(evidence),
            R"({"time":"1970-01-01T00:00:00.000000Z","process":"worker","pid":42,"first_generation":1,)"
            R"x("reason":"signal 9 (SIGKILL)","signal":9,"uptime_ms":1500,"decision":"restart after 10 ms"})x"
            "\n");
}

}  // namespace
}  // namespace troupe::actors
