// SPDX-License-Identifier: Apache-2.0
#include "actors/commands/serve_command.hpp"

#include <ostream>

#include "actors/launcher/launcher.hpp"
#include "config/flags.hpp"
#include "config/load.hpp"
#include "config/show.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

constexpr int kUsage = 2;

void print_help(std::ostream& out) {
  out << "Usage: troupe serve --model PATH [options]\n\n"
         "Serves a model over HTTP with OpenAI's API until SIGTERM or Ctrl-C, then lets open\n"
         "requests finish. A part that dies is started again; streams go on.\n\n"
         "  troupe serve --model SmolLM2-135M-Instruct.Q4_1.gguf\n"
         "  curl http://127.0.0.1:8080/v1/models\n\n"
         "A value is taken from the flag, else from the environment, else from the TOML file\n"
         "(--config FILE), else the default.\n\n"
      << config::flags_help();
}

LauncherConfig launcher_config(const config::LoadResult& loaded) {
  const config::Config& c = loaded.config;
  LauncherConfig launcher;
  launcher.host = c.server.host;
  launcher.port = c.server.port;
  launcher.admin_host = c.server.admin_host;
  launcher.admin_port = c.server.admin_port;
  launcher.data_dir = c.server.data_dir;
  launcher.drain_timeout = c.server.drain_timeout;
  launcher.restart = c.supervision.worker;
  // Workers run with what the launcher was started with, whatever happens to the file meanwhile.
  launcher.configuration = config::show_toml(loaded);
  return launcher;
}

}  // namespace

int run_serve_command(std::span<const std::string> arguments, std::ostream& out, std::ostream& err) {
  auto parsed = config::parse_flags(arguments);
  if (parsed.help) {
    print_help(out);
    return 0;
  }
  config::LoadInput input;
  input.file = parsed.file;
  input.environment = config::process_environment();
  input.flags = std::move(parsed.flags);
  input.serving = true;
  auto loaded = config::load(input);
  loaded.errors.insert(loaded.errors.begin(), parsed.errors.begin(), parsed.errors.end());
  if (!loaded.ok()) {
    for (const auto& error : loaded.errors) err << "troupe serve: " << to_string(error) << "\n";
    err << "See: troupe serve --help\n";
    return kUsage;
  }
  telemetry::process_logger().set_level(*telemetry::parse_level(loaded.config.log.level));
  telemetry::process_logger().set_format(*telemetry::parse_log_format(loaded.config.log.format));
  return run_launcher(launcher_config(loaded), err);
}

}  // namespace troupe::actors
