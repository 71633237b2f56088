// SPDX-License-Identifier: Apache-2.0
#include "actors/worker/worker.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <thread>
#include <utility>

#include "actors/audit/process_records.hpp"
#include "actors/ingress/api.hpp"
#include "actors/launcher/worker_arguments.hpp"
#include "actors/worker/admin_api.hpp"
#include "actors/worker/loaded_model.hpp"
#include "actors/worker/version.hpp"
#include "actors/worker/worker_metrics.hpp"
#include "config/load.hpp"
#include "net/openai/error_body.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

using telemetry::Level;
constexpr int kBeyondRestarting = 70;  // EX_SOFTWARE

int cannot_start(const model::Error& error) {
  std::cerr << "troupe: " << error.message;
  if (!error.param.empty()) std::cerr << " [" << error.param << "]";
  std::cerr << "\n";
  return kCannotStart;
}

std::string host_name() {
  char name[256] = "localhost";
  ::gethostname(name, sizeof name - 1);
  return name;
}

model::Result<config::Config> read_configuration(const WorkerArguments& arguments) {
  auto text = read_inherited_text(arguments.fd_configuration);
  if (!text) return text.error();
  config::LoadInput input;
  input.file = "configuration";
  input.file_text = std::move(*text);
  auto loaded = config::load(input);
  if (!loaded.ok()) return model::Error{model::ErrorCode::bad_config, loaded.errors.front().message, ""};
  return loaded.config;
}

net::HttpLimits limits_of(const config::Config::Server& server) {
  net::HttpLimits limits;
  limits.max_body_bytes = server.max_body_bytes;
  limits.max_header_bytes = server.max_header_bytes;
  limits.header_timeout = server.header_timeout;
  limits.body_timeout = server.body_timeout;
  limits.keep_alive_timeout = server.keep_alive_timeout;
  limits.write_timeout = server.write_timeout;
  limits.max_connections = server.max_connections;
  return limits;
}

/// Everything that lives as long as the process, in the order in which it may refer to what is above it.
class Worker {
 public:
  Worker(config::Config config, LoadedModel model, Generation first_generation)
      : config_(std::move(config)),
        model_(std::move(model)),
        first_generation_(first_generation),
        metrics_(registry_, {kVersion, model_.served->name, 0, model_.served->max_model_len}),
        gate_(std::make_shared<IngressGate>(config_.server.max_connections)),
        requests_(std::make_shared<OpenRequests>(model_.served, ingress_limits(), observe_ingress(metrics_))),
        memory_(std::make_shared<StageMemory>(model_, config_,
                                              gpu::LayerRange{0, model_.served->config.num_hidden_layers})) {}

  model::Result<void> serve(int fd_http, int fd_admin) {
    api_ = std::make_unique<Api>(
        ApiContext{gate_, model_.served, [this] { return registry_.prometheus_text(); },
                   std::make_shared<telemetry::SystemRandom>(), std::make_shared<telemetry::SystemClock>(),
                   config_.server.json_depth, config_.scheduler.max_choices, kVersion});
    admin_ = std::make_unique<AdminApi>(
        gate_, [this] { return running_.load(); }, [this] { return registry_.prometheus_text(); });
    auto http = start(fd_http, config_.server.io_threads,
                      [this](net::HttpRequest request, std::shared_ptr<net::HttpResponder> responder) {
                        api_->handle(request, std::move(responder));
                      });
    if (!http) return http.error();
    http_ = std::move(*http);
    auto admin =
        start(fd_admin, 1, [this](net::HttpRequest request, std::shared_ptr<net::HttpResponder> responder) {
          admin_->handle(request, *responder);
        });
    if (!admin) return admin.error();
    admin_http_ = std::move(*admin);
    // Weights are packed here, before there is a stage: what is wrong with them is said once, and ends the
    // start.
    if (auto loaded = memory_->load(); !loaded) return loaded.error();
    // Requests that a dead process left open get their end here, before this one opens any.
    auto recorded =
        record_start(open_audit_storage(config_.server.data_dir), facts(), std::chrono::system_clock::now());
    if (!recorded) return recorded.error();
    if (recorded->lost > 0) {
      telemetry::log(Level::warn, "worker", "requests were lost with an earlier process",
                     {{"requests", recorded->lost}});
    }
    replica_ = start_replica(replica_context());
    running_ = replica_.get();
    return {};
  }

  /// SIGTERM: nothing new; what is open may finish. Returns whether all did.
  bool drain() {
    telemetry::log(Level::info, "worker", "draining", {{"open_requests", gate_->status().open}});
    replica_->drain();
    const auto deadline = std::chrono::steady_clock::now() + config_.server.drain_timeout;
    while (gate_->status().open > 0 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const bool clean = gate_->status().open == 0;
    http_->stop_accepting();
    std::this_thread::sleep_for(
        std::chrono::milliseconds(300));  // last bytes are on their way to their sockets
    http_->stop();
    admin_http_->stop();
    running_ = nullptr;
    replica_.reset();
    const auto stopped = record_stop(open_audit_storage(config_.server.data_dir), facts(),
                                     clean ? "drained" : "drain cut", std::chrono::system_clock::now());
    if (!stopped)
      telemetry::log(Level::error, "worker", "stop not recorded", {{"error", stopped.error().message}});
    return clean;
  }

 private:
  ProcessFacts facts() const {
    return {model_.served->name, model_.served->fingerprint, first_generation_, ::getpid(), kVersion};
  }

  IngressLimits ingress_limits() const {
    IngressLimits limits;
    limits.requests = config_.server.max_connections;
    limits.record_prompts = config_.audit.record_prompts;
    return limits;
  }

  model::Result<std::unique_ptr<net::HttpServer>> start(int fd, std::uint32_t threads,
                                                        net::HttpHandler handler) {
    return net::serve_http(fd, limits_of(config_.server), threads,
                           count_responses(metrics_, std::move(handler)), net::render_error);
  }

  ReplicaContext replica_context() {
    ReplicaContext context;
    context.config = config_;
    context.requests = requests_;
    context.gate = gate_;
    context.kv_blocks = model_.kv_blocks;
    context.stage = [memory = memory_](std::uint32_t) { return [memory] { return memory->open(); }; };
    context.first_generation = first_generation_;
    context.node = host_name();
    context.observer = observe_replica(metrics_);
    context.escalate = [](const std::string& reason) {
      telemetry::log(Level::error, "worker", "beyond restarting: the process ends", {{"reason", reason}});
      std::_Exit(kBeyondRestarting);
    };
    return context;
  }

  config::Config config_;
  LoadedModel model_;
  Generation first_generation_;
  telemetry::Registry registry_;
  telemetry::ServerMetrics metrics_;
  std::shared_ptr<IngressGate> gate_;
  std::shared_ptr<OpenRequests> requests_;
  std::shared_ptr<StageMemory> memory_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<AdminApi> admin_;
  std::unique_ptr<Replica> replica_;
  std::atomic<Replica*> running_{nullptr};  ///< the same, for the admin server's threads
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::HttpServer> admin_http_;
};

}  // namespace

int run_worker(std::span<const std::string> arguments) {
  // Before any thread exists, so that all of them leave these signals to this one.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const auto parsed = parse_worker_arguments(arguments);
  if (!parsed) return cannot_start(parsed.error());
  const auto config = read_configuration(*parsed);
  if (!config) return cannot_start(config.error());
  telemetry::process_logger().set_level(*telemetry::parse_level(config->log.level));
  telemetry::process_logger().set_format(*telemetry::parse_log_format(config->log.format));
  auto model = open_model(*config, std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  if (!model) return cannot_start(model.error());
  telemetry::log(Level::info, "worker", "model opened",
                 {{"model", model->served->name},
                  {"architecture", model->served->config.architecture},
                  {"max_model_len", model->served->max_model_len},
                  {"kv_blocks", model->kv_blocks},
                  {"op_set", model->op_set->name()}});
  Worker worker(*config, std::move(*model), parsed->first_generation);
  if (const auto served = worker.serve(parsed->fd_http, parsed->fd_admin); !served)
    return cannot_start(served.error());

  int signal = 0;
  while (sigwait(&signals, &signal) != 0) continue;
  return worker.drain() ? 0 : 1;
}

}  // namespace troupe::actors
