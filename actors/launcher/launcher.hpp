// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "actors/launcher/worker_arguments.hpp"
#include "config/config.hpp"

namespace troupe::actors {

/// What the launcher needs to know of a server: nothing of models or requests.
struct LauncherConfig {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;
  std::string admin_host = "127.0.0.1";
  std::uint16_t admin_port = 8081;
  std::string data_dir = "troupe-data";
  std::chrono::milliseconds drain_timeout{60'000};
  std::chrono::milliseconds cut_grace{
      3'000};  ///< beyond it, for a worker that cuts its answers itself to end
  config::RestartPolicy restart;
  /// Handed to every worker as a sealed memory file (--fd-configuration), so that a file changed meanwhile
  /// cannot change a restart; empty: none.
  std::string configuration;
  std::vector<std::string> worker_arguments;  ///< passed on after the launcher's own
  std::string program = "/proc/self/exe";
};

/// Runs a server: locks the data directory, opens the listening sockets, starts one worker and keeps one
/// running by the restart policy until SIGTERM, SIGINT or SIGHUP; then lets it drain. A second signal, or
/// drain_timeout, kills it. The sockets stay open all the time: connections made while no worker runs wait
/// for the next one.
///
/// Returns the exit status: 0 after a clean drain; 1 after a drain that had to be cut or went wrong, or when
/// the worker was given up; kCannotStart when a start is useless (said on `err`, or by the worker itself on
/// standard error). Threads: the process must have a single one, and leave its signals to this call.
int run_launcher(const LauncherConfig& config, std::ostream& err);

}  // namespace troupe::actors
