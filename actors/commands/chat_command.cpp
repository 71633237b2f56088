// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/chat_command.hpp"

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <vector>

#include "actors/commands/command_line.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr int kFailed = 1;
constexpr const char* kDim = "\x1b[2m";
constexpr const char* kPlain = "\x1b[0m";

constexpr const char* kAbout =
    "A conversation with a served model. Text appears as the model writes it; after\n"
    "each answer stands how long the first token took (TTFT) and how many tokens per\n"
    "second followed. Earlier turns are sent along, so the model remembers them.\n"
    "\n"
    "  /reset   forget the conversation\n"
    "  /help    list these\n"
    "  /exit    leave (Ctrl-D does too); Ctrl-C interrupts an answer\n"
    "\n"
    "Without a terminal every line of standard input is one turn, answers go to\n"
    "standard output and times to standard error.\n";

constexpr const char* kExamples =
    "  troupe chat\n"
    "  troupe chat --system \"Answer in one sentence.\" --temperature 0\n"
    "  echo \"Why is the sky blue?\" | troupe chat --max-tokens 64\n";

constexpr const char* kSlashHelp =
    "/reset forgets the conversation, /exit leaves, Ctrl-C interrupts an answer\n";

volatile sig_atomic_t interrupted = 0;
void on_interrupt(int) {
  interrupted = 1;
}

/// While it lives, Ctrl-C sets `interrupted` instead of ending the program.
class InterruptGuard {
 public:
  InterruptGuard() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, &before_);
  }
  ~InterruptGuard() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

 private:
  struct sigaction before_ {};
};

struct Message {
  std::string role;
  std::string content;
};

class Conversation {
 public:
  Conversation(const ChatOptions& options, std::ostream& out, std::ostream& err)
      : options_(options), out_(out), err_(err) {
    reset();
  }

  void reset() {
    messages_.clear();
    if (!options_.system.empty()) messages_.push_back({"system", options_.system});
  }

  /// Asks, prints the answer and remembers both. False when it failed: then the turn is as if it had not
  /// been.
  bool turn(const std::string& text) {
    messages_.push_back({"user", text});
    std::string answer;
    std::optional<InterruptGuard> guard;
    if (options_.terminal) guard.emplace();
    const auto report =
        stream_answer(options_.server, "/v1/chat/completions", body(), [&](const AnswerPiece& piece) {
          print(piece);
          if (!piece.reasoning) answer += piece.text;
          return !options_.terminal || interrupted == 0;
        });
    leave_reasoning();
    if (!answer.empty()) out_ << '\n';
    out_ << std::flush;
    if (!report && interrupted == 0) {
      messages_.pop_back();
      err_ << "troupe chat: " << report.error().message << '\n';
      if (messages_.size() > 1) err_ << "The turn was dropped; /reset begins a new conversation.\n";
      return false;
    }
    messages_.push_back({"assistant", answer});
    err_ << (options_.terminal ? kDim : "") << '[' << to_string(report ? *report : AnswerReport{}) << ']'
         << (options_.terminal ? kPlain : "") << '\n';
    return true;
  }

 private:
  std::string body() const {
    std::string text = "{\"model\":" + config::in_quotes(options_.model) + ",\"messages\":[";
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      text += std::string(i > 0 ? "," : "") + "{\"role\":\"" + messages_[i].role +
              "\",\"content\":" + config::in_quotes(messages_[i].content) + '}';
    }
    text += "],\"stream\":true,\"stream_options\":{\"include_usage\":true}";
    if (options_.max_tokens) text += ",\"max_completion_tokens\":" + std::to_string(*options_.max_tokens);
    if (options_.temperature) text += ",\"temperature\":" + std::to_string(*options_.temperature);
    if (options_.seed) text += ",\"seed\":" + std::to_string(*options_.seed);
    return text + '}';
  }

  /// Reasoning is shown dimmed at a terminal, and left out elsewhere.
  void print(const AnswerPiece& piece) {
    if (piece.reasoning && !options_.terminal) return;
    if (piece.reasoning && !in_reasoning_) out_ << kDim;
    if (!piece.reasoning) leave_reasoning();
    in_reasoning_ = piece.reasoning;
    out_ << terminal_text(piece.text) << std::flush;
  }

  void leave_reasoning() {
    if (in_reasoning_) out_ << kPlain << "\n\n";
    in_reasoning_ = false;
  }

  const ChatOptions& options_;
  std::ostream& out_;
  std::ostream& err_;
  std::vector<Message> messages_;
  bool in_reasoning_ = false;
};

}  // namespace

int chat(const ChatOptions& options, std::istream& in, std::ostream& out, std::ostream& err) {
  if (options.terminal) err << "Talking to " << options.model << ". " << kSlashHelp;
  Conversation conversation(options, out, err);
  int status = 0;
  for (std::string line;;) {
    if (options.terminal) out << "\n> " << std::flush;
    if (!std::getline(in, line) || line == "/exit" || line == "/quit") break;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (line == "/reset") {
      conversation.reset();
      err << "The conversation is forgotten.\n";
    } else if (line == "/help") {
      err << kSlashHelp;
    } else if (!conversation.turn(line) && !options.terminal) {
      status = kFailed;
    }
  }
  if (options.terminal) out << '\n';
  return status;
}

int run_chat_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  ChatOptions options;
  std::string url = "http://127.0.0.1:8080";
  CommandLine line("troupe chat", kAbout, kExamples);
  line.option("--url", "URL", url, "Where the server listens.");
  line.option("--model", "NAME", options.model, "A served model; the first one if not named.");
  line.option("--system", "TEXT", options.system, "A system message before the first turn.");
  line.option("--max-tokens", "N", options.max_tokens, "Longest answer.");
  line.option("--temperature", "T", options.temperature, "0 always takes the likeliest token.");
  line.option("--seed", "N", options.seed, "The same seed gives the same answers.");
  if (const auto status = line.parse(arguments, out, err)) return *status;
  const auto server = parse_server_url(url);
  if (!server) {
    err << "troupe chat: " << server.error().message << '\n';
    return kWrongUsage;
  }
  options.server = *server;
  options.terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
  if (options.model.empty()) {
    const auto name = first_model(options.server);
    if (!name) {
      err << "troupe chat: " << name.error().message << '\n';
      return kFailed;
    }
    options.model = *name;
  }
  return chat(options, std::cin, out, err);
}

}  // namespace troupe::actors
