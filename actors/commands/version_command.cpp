// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/version_command.hpp"

#include <ostream>

#include "actors/commands/command_line.hpp"
#include "actors/worker/version.hpp"

namespace troupe::actors {

int run_version_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  bool json = false;
  CommandLine line("troupe version", "Prints the program's version.\n", "  troupe version --json\n");
  line.option("--json", json, "Print {\"version\":\"...\"}.");
  if (const auto status = line.parse(arguments, out, err)) return *status;
  if (json) {
    out << "{\"version\":\"" << kVersion << "\"}\n";
  } else {
    out << "troupe " << kVersion << '\n';
  }
  return 0;
}

}  // namespace troupe::actors
