// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>

#include "actors/commands/openai_client.hpp"

namespace troupe::actors {

struct ChatOptions {
  ServerUrl server;
  std::string model;
  std::string system;
  std::optional<std::uint64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<std::uint64_t> seed;
  bool terminal = false;  ///< prompts, colours, and Ctrl-C interrupts an answer; else lines in, answers out
};

/// One conversation: every line of `in` is a turn, or a command that begins with a slash. Answers go to
/// `out`, what is said about them to `err`. Returns the exit status: 1 when a turn failed and nobody sits at
/// a terminal to react.
int chat(const ChatOptions& options, std::istream& in, std::ostream& out, std::ostream& err);

/// `troupe chat`, on standard input. Returns the exit status.
int run_chat_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err);

}  // namespace troupe::actors
