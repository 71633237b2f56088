// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/command_table.hpp"

#include <algorithm>
#include <exception>
#include <ostream>
#include <vector>

#include "actors/commands/command_line.hpp"
#include "config/suggest.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

constexpr int kFailed = 1;

void list(std::span<const Command> commands, std::ostream& out) {
  out << "troupe serves language models on your own machines.\n\nUsage: troupe COMMAND [options]\n\n";
  std::size_t width = 0;
  for (const Command& command : commands) width = std::max(width, command.name.size());
  for (const Command& command : commands) {
    if (command.summary.empty()) continue;
    out << "  " << command.name << std::string(width - command.name.size() + 2, ' ') << command.summary
        << '\n';
  }
  out << "\ntroupe COMMAND --help says more about each.\n";
}

}  // namespace

int run_command(std::span<const Command> commands, std::span<const std::string> arguments, std::ostream& out,
                std::ostream& err) {
  if (arguments.empty()) {
    list(commands, err);
    return kWrongUsage;
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    list(commands, out);
    return 0;
  }
  const std::string wanted = name == "--version" ? "version" : name;
  const auto found =
      std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == wanted; });
  if (found == commands.end()) {
    std::vector<std::string> known;
    for (const Command& command : commands) {
      if (!command.summary.empty()) known.push_back(command.name);
    }
    const auto guess = config::nearest(name, known);
    err << "troupe: " << config::in_quotes(name) << " is no command"
        << (guess ? ", did you mean " + *guess + "?" : "") << "; see troupe --help\n";
    return kWrongUsage;
  }
  try {
    return found->run(arguments.subspan(1), out, err);
  } catch (const std::exception& failure) {
    err << "troupe " << found->name << ": " << failure.what() << '\n';
    return kFailed;
  }
}

}  // namespace troupe::actors
