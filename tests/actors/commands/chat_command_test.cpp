// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/chat_command.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "actors/commands/complete_command.hpp"
#include "tests/actors/commands/fake_server.hpp"

namespace troupe::actors {
namespace {

using testing::delta;
using ::testing::ElementsAre;
using testing::FakeServer;
using ::testing::HasSubstr;
using testing::kStopped;
using ::testing::MatchesRegex;
using testing::usage;

class ChatTest : public ::testing::Test {
 protected:
  int chat_with(const std::string& lines) {
    options_.server = {"127.0.0.1", server_.port()};
    options_.model = "tiny";
    std::istringstream in(lines);
    std::ostringstream out;
    std::ostringstream err;
    const int status = chat(options_, in, out, err);
    out_ = out.str();
    err_ = err.str();
    return status;
  }
  FakeServer server_;
  ChatOptions options_;
  std::string out_;
  std::string err_;
};

TEST_F(ChatTest, every_line_is_a_turn_that_knows_the_ones_before) {
  server_.stream({delta("Hel"), delta("lo"), kStopped, usage(2), "[DONE]"});
  server_.stream({delta("Again"), kStopped, usage(1), "[DONE]"});
  options_.system = "Be \"brief\".";
  options_.max_tokens = 5;
  options_.temperature = 0;
  EXPECT_EQ(chat_with("hi\n\nmore\n"), 0);
  EXPECT_EQ(out_, "Hello\nAgain\n");
  EXPECT_THAT(err_, MatchesRegex(
                        "\\[TTFT [0-9.]+ s, [0-9.]+ tokens/s, 2 tokens\\]\n\\[TTFT [0-9.]+ s, 1 token\\]\n"));
  EXPECT_THAT(
      server_.asked(),
      ElementsAre(
          R"({"model":"tiny","messages":[{"role":"system","content":"Be \"brief\"."},{"role":"user","content":"hi"}],)"
          R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":5,"temperature":0.000000})",
          HasSubstr(R"({"role":"user","content":"hi"},{"role":"assistant","content":"Hello"},)"
                    R"({"role":"user","content":"more"}])")));
}

TEST_F(ChatTest, reset_forgets_and_exit_leaves) {
  server_.stream({delta("a"), kStopped, usage(1), "[DONE]"});
  server_.stream({delta("b"), kStopped, usage(1), "[DONE]"});
  EXPECT_EQ(chat_with("one\n/reset\ntwo\n/exit\nthree\n"), 0);
  ASSERT_EQ(server_.asked().size(), 2U);
  EXPECT_THAT(server_.asked()[1], HasSubstr(R"("messages":[{"role":"user","content":"two"}])"));
}

TEST_F(ChatTest, an_error_is_shown_in_the_servers_words_and_the_turn_is_dropped) {
  server_.refuse(
      400, R"({"error":{"message":"the prompt has 9000 tokens, the context 8192","param":"messages"}})");
  server_.stream({delta("ok"), kStopped, usage(1), "[DONE]"});
  EXPECT_EQ(chat_with("too long\nshort\n"), 1);
  EXPECT_THAT(err_, HasSubstr("troupe chat: the prompt has 9000 tokens, the context 8192\n"));
  EXPECT_THAT(server_.asked()[1], HasSubstr(R"("messages":[{"role":"user","content":"short"}])"));
}

TEST_F(ChatTest, an_error_in_the_stream_and_an_early_end_are_errors) {
  server_.stream({delta("par"), R"({"error":{"message":"worker lost"}})"});
  server_.stream({delta("tial")});
  EXPECT_EQ(chat_with("a\nb\n"), 1);
  EXPECT_THAT(err_, HasSubstr("troupe chat: worker lost\n"));
  EXPECT_THAT(err_, HasSubstr("the answer ended early"));
}

TEST_F(ChatTest, text_of_the_model_cannot_steer_the_terminal) {
  server_.stream({delta(R"(a\u001b[2Jb\tc\nd\u202e)"), kStopped, usage(1), "[DONE]"});
  EXPECT_EQ(chat_with("hi\n"), 0);
  EXPECT_EQ(out_, "a\xEF\xBF\xBD[2Jb\tc\nd\xEF\xBF\xBD\n");
}

TEST_F(ChatTest, reasoning_is_dimmed_at_a_terminal_and_left_out_of_a_pipe) {
  const std::string thought = R"({"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]})";
  for (int i = 0; i < 2; ++i) server_.stream({thought, delta("yes"), kStopped, usage(2), "[DONE]"});
  chat_with("hi\n");
  EXPECT_EQ(out_, "yes\n");
  options_.terminal = true;
  chat_with("hi\n");
  EXPECT_THAT(out_, HasSubstr("\x1b[2mhmm\x1b[0m\n\nyes\n"));
}

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

TEST(CompleteCommand, prints_the_text_and_how_fast_it_came) {
  FakeServer server;
  server.stream(
      {R"({"choices":[{"index":0,"text":" Paris","finish_reason":"length"}]})", usage(1), "[DONE]"});
  const Ran ran =
      run(run_complete_command, {"The \"capital\"", "--url", server.url(), "--max-tokens", "1", "--seed=3"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, " Paris\n");
  EXPECT_THAT(ran.err, MatchesRegex("\\[TTFT [0-9.]+ s, 1 token, cut at the limit\\]\n"));
  EXPECT_THAT(server.asked(),
              ElementsAre(R"({"model":"tiny","prompt":"The \"capital\"","max_tokens":1,"stream":true,)"
                          R"("stream_options":{"include_usage":true},"seed":3})"));
}

TEST(TerminalCommands, say_how_to_start_a_server_when_nothing_listens) {
  std::uint16_t port = 0;
  { port = FakeServer().port(); }
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  for (const auto& [command, arguments] :
       {std::pair(&run_chat_command, std::vector<std::string>{"--url", url}),
        std::pair(&run_complete_command, std::vector<std::string>{"x", "--url", url})}) {
    const Ran ran = run(command, arguments);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.err, HasSubstr("nothing listens on 127.0.0.1:" + std::to_string(port) +
                                   "; start it with: troupe serve --model PATH"));
  }
}

TEST(TerminalCommands, have_help_worth_reading) {
  EXPECT_THAT(run(run_chat_command, {"--help"}).out, HasSubstr("/reset   forget the conversation"));
  EXPECT_THAT(run(run_complete_command, {"-h"}).out, HasSubstr("troupe complete - < prompt.txt"));
}

TEST(ServerUrl, understands_what_people_write) {
  const ServerUrl local{"127.0.0.1", 8080};
  EXPECT_EQ(*parse_server_url("http://127.0.0.1:8080"), local);
  EXPECT_EQ(*parse_server_url("127.0.0.1:8080"), local);
  EXPECT_EQ(*parse_server_url("http://127.0.0.1:8080/v1/"), local);
  EXPECT_EQ(*parse_server_url("http://host"), (ServerUrl{"host", 80}));
  EXPECT_EQ(*parse_server_url("http://[::1]:81"), (ServerUrl{"::1", 81}));
  EXPECT_THAT(parse_server_url("https://x:1").error().message, HasSubstr("asks for TLS"));
  EXPECT_THAT(parse_server_url("http://x:1/chat").error().message, HasSubstr("has a path"));
  EXPECT_THAT(parse_server_url("http://x:99999").error().message, HasSubstr("has no HOST:PORT"));
  EXPECT_THAT(parse_server_url("").error().message, HasSubstr("it looks like http://127.0.0.1:8080"));
}

}  // namespace
}  // namespace troupe::actors
