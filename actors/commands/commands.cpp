// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/commands.hpp"

#include <ostream>
#include <vector>

#include "actors/commands/audit_command.hpp"
#include "actors/commands/chat_command.hpp"
#include "actors/commands/complete_command.hpp"
#include "actors/commands/config_command.hpp"
#include "actors/commands/ps_command.hpp"
#include "actors/commands/serve_command.hpp"
#include "actors/commands/version_command.hpp"
#include "actors/worker/worker.hpp"

namespace troupe::actors {

std::span<const Command> all_commands() {
  using Arguments = std::span<const std::string>;
  static const std::vector<Command> commands = {
      {"serve", "Serve a model over HTTP with OpenAI's API.", run_serve_command},
      {"chat", "Talk to a served model in the terminal.", run_chat_command},
      {"complete", "Continue one prompt and print the text.", run_complete_command},
      {"ps", "List the actors of a running server.", run_ps_command},
      {"audit", "Verify an audit log: audit verify.", run_audit_command},
      {"config", "Check, show and explain options.",
       [](Arguments arguments, std::ostream& out, std::ostream& err) {
         return run_config_command(arguments, out, err);
       }},
      {"version", "Print the version.", run_version_command},
      {"worker", "", [](Arguments arguments, std::ostream&, std::ostream&) { return run_worker(arguments); }},
  };
  return commands;
}

int run_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  return run_command(all_commands(), arguments, out, err);
}

}  // namespace troupe::actors
