// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace troupe::actors {

/// The exit status of a process that can never start as it is configured (EX_CONFIG of sysexits.h):
/// restarting it is useless.
inline constexpr int kCannotStart = 78;

/// What the launcher gives to a worker on its command line: `troupe worker --fd-http N ...`, then `rest`.
struct WorkerArguments {
  int fd_http = -1;
  int fd_admin = -1;
  int fd_configuration = -1;  ///< -1: none was given
  model::Generation first_generation = 0;
  std::vector<std::string> rest;
  bool operator==(const WorkerArguments&) const = default;
};

/// The arguments after the program's name, beginning with "worker".
std::vector<std::string> to_command_line(const WorkerArguments& arguments);
/// The inverse, of what follows "worker". Errors: bad_config, naming the argument.
model::Result<WorkerArguments> parse_worker_arguments(std::span<const std::string> arguments);

/// A read-only memory file with `text`, to be inherited by every worker: all of them run with what the
/// launcher was started with. Errors: io.
model::Result<int> make_inherited_text(const std::string& text);
/// Reads it, any number of times. Errors: io.
model::Result<std::string> read_inherited_text(int fd);

}  // namespace troupe::actors
