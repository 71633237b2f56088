// SPDX-License-Identifier: Apache-2.0
#include "actors/launcher/launcher.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <ostream>
#include <utility>

#include "actors/launcher/child_process.hpp"
#include "actors/launcher/crash_evidence.hpp"
#include "actors/launcher/data_directory.hpp"
#include "actors/launcher/durable_file.hpp"
#include "actors/launcher/generation_counter.hpp"
#include "actors/supervisor/restart_policy.hpp"
#include "net/http/server.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using telemetry::Level;

constexpr int kFailed = 1;

/// SIGTERM, SIGINT and SIGHUP as something to poll.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, number);
    ::sigprocmask(SIG_BLOCK, &set_, &before_);
    fd_.reset(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~StopSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  int fd() const { return fd_.get(); }
  /// The number of a signal that came, 0 when there is none.
  int take() {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  sigset_t set_{};
  sigset_t before_{};
  Descriptor fd_;
};

/// What a launcher holds for its workers.
struct Holdings {
  DataDirectory data;
  Descriptor http;
  Descriptor admin;
  Descriptor configuration;
};

class Launcher {
 public:
  Launcher(const LauncherConfig& config, Holdings holdings, std::ostream& err)
      : config_(config),
        holdings_(std::move(holdings)),
        err_(err),
        tracker_(config.restart),
        generations_(holdings_.data.file("generation")) {}

  int run() {
    start_worker();
    while (!exit_status_) {
      wait();
      while (const int number = signals_.take()) on_signal(number);
      if (worker_) {
        if (const auto end = worker_->take_end()) on_end(*end);
      }
      if (deadline_ && steady_clock::now() >= *deadline_) on_deadline();
    }
    return *exit_status_;
  }

 private:
  void wait() const {
    std::array<pollfd, 2> watched = {pollfd{signals_.fd(), POLLIN, 0},
                                     {worker_ ? worker_->pidfd() : -1, POLLIN, 0}};
    int timeout = -1;
    if (deadline_) {
      const auto left = std::chrono::ceil<milliseconds>(*deadline_ - steady_clock::now());
      timeout = static_cast<int>(std::max<milliseconds::rep>(0, left.count()));
    }
    ::poll(watched.data(), watched.size(), timeout);
  }

  void fail_start(const model::Error& error) {
    err_ << "troupe: " << error.message << '\n';
    exit_status_ = kCannotStart;
  }

  void start_worker() {
    deadline_.reset();
    const auto first = generations_.reserve();
    if (!first) return fail_start(first.error());
    WorkerArguments arguments;
    arguments.fd_http = holdings_.http.get();
    arguments.fd_admin = holdings_.admin.get();
    arguments.fd_configuration = holdings_.configuration.get();
    arguments.first_generation = first_generation_ = *first;
    arguments.rest = config_.worker_arguments;
    std::vector<int> inherited = {arguments.fd_http, arguments.fd_admin, holdings_.data.lock()};
    if (holdings_.configuration.valid()) inherited.push_back(arguments.fd_configuration);
    auto worker = ChildProcess::start(config_.program, to_command_line(arguments), inherited);
    if (!worker) return fail_start(worker.error());
    worker_.emplace(std::move(*worker));
    started_ = steady_clock::now();
    telemetry::log(Level::info, "launcher", "worker started",
                   {{"pid", worker_->pid()}, {"first_generation", first_generation_}});
  }

  void on_signal(int number) {
    const std::string name = std::string("SIG") + ::sigabbrev_np(number);
    if (!worker_) {
      exit_status_ = 0;
    } else if (!draining_) {
      draining_ = true;
      deadline_ = steady_clock::now() + config_.drain_timeout + config_.cut_grace;
      worker_->signal(SIGTERM);
      telemetry::log(Level::info, "launcher", "draining: no new requests, running answers finish",
                     {{"signal", name}, {"at_most_seconds", config_.drain_timeout}});
    } else {
      telemetry::log(Level::warn, "launcher", "second signal: stopping at once", {{"signal", name}});
      cut_drain();
    }
  }

  void on_deadline() {
    if (worker_) {
      telemetry::log(Level::error, "launcher", "the worker did not drain in time",
                     {{"limit_seconds", config_.drain_timeout}});
      cut_drain();
    } else {
      start_worker();
    }
  }

  void cut_drain() {
    deadline_.reset();
    worker_->signal(SIGKILL);
  }

  void on_end(const ProcessEnd& end) {
    const pid_t pid = worker_->pid();
    worker_.reset();
    deadline_.reset();
    // SIGTERM itself ends a worker that is still starting: nothing was served that could be lost.
    const bool clean = end.by_signal ? end.number == SIGTERM : end.number == 0;
    if (draining_ && clean) {
      telemetry::log(Level::info, "launcher", "drained", {{"pid", pid}});
      exit_status_ = 0;
    } else if (!end.by_signal && end.number == kCannotStart) {
      telemetry::log(Level::error, "launcher", "the worker cannot start as it is configured", {{"pid", pid}});
      exit_status_ = kCannotStart;
    } else if (draining_) {
      record(pid, end, "stopping: not restarted");
      exit_status_ = kFailed;
    } else {
      restart(pid, end);
    }
  }

  void restart(pid_t pid, const ProcessEnd& end) {
    const auto verdict = tracker_.on_death(steady_clock::now().time_since_epoch());
    if (const auto* escalate = std::get_if<Escalate>(&verdict)) {
      record(pid, end, "given up: " + escalate->reason);
      err_ << "troupe: the worker " << escalate->reason << "; the last end was " << to_string(end) << ". See "
           << holdings_.data.file("crashes") << '\n';
      exit_status_ = kFailed;
      return;
    }
    const milliseconds pause = std::get<RestartAfter>(verdict).pause;
    record(pid, end, "restart after " + std::to_string(pause.count()) + " ms");
    deadline_ = steady_clock::now() + pause;
  }

  void record(pid_t pid, const ProcessEnd& end, const std::string& decision) {
    const auto uptime = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
    const auto saved =
        save_evidence(holdings_.data.file("crashes"),
                      {std::chrono::system_clock::now(), pid, end, first_generation_, uptime, decision});
    telemetry::log(Level::error, "launcher", "the worker ended",
                   {{"pid", pid},
                    {"reason", to_string(end)},
                    {"uptime_seconds", uptime},
                    {"decision", decision},
                    {"evidence", saved ? *saved : saved.error().message}});
  }

  const LauncherConfig& config_;
  Holdings holdings_;
  std::ostream& err_;
  StopSignals signals_;
  RestartTracker tracker_;
  GenerationCounter generations_;
  std::optional<ChildProcess> worker_;
  model::Generation first_generation_ = 0;
  steady_clock::time_point started_;
  std::optional<steady_clock::time_point> deadline_;  ///< of the drain, or the next start
  bool draining_ = false;
  std::optional<int> exit_status_;
};

model::Result<Holdings> acquire(const LauncherConfig& config) {
  auto data = DataDirectory::open(config.data_dir);
  if (!data) return data.error();
  const auto http = net::listen_on(config.host, config.port);
  if (!http) return http.error();
  Descriptor http_socket(*http);
  const auto admin = net::listen_on(config.admin_host, config.admin_port);
  if (!admin) return admin.error();
  Descriptor admin_socket(*admin);
  Descriptor configuration;
  if (!config.configuration.empty()) {
    const auto text = make_inherited_text(config.configuration);
    if (!text) return text.error();
    configuration.reset(*text);
  }
  return Holdings{std::move(*data), std::move(http_socket), std::move(admin_socket),
                  std::move(configuration)};
}

}  // namespace

int run_launcher(const LauncherConfig& config, std::ostream& err) {
  auto holdings = acquire(config);
  if (!holdings) {
    err << "troupe: " << holdings.error().message << '\n';
    return kCannotStart;
  }
  return Launcher(config, std::move(*holdings), err).run();
}

}  // namespace troupe::actors
