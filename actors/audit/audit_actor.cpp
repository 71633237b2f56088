// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <optional>
#include <utility>

#include "actors/audit/audit_log.hpp"
#include "actors/common_actor.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

constexpr auto kRetry = std::chrono::milliseconds(500);
constexpr std::uint64_t kCommitTick = 1;

struct AuditState {
  AuditState() = default;
  static constexpr const char* name = "audit";

  AuditActor::pointer self = nullptr;
  AuditContext context;
  std::optional<AuditLog> log;
  std::string error;  ///< why nothing can be written now; empty when all is well
  View view;
  std::map<std::uint32_t, std::vector<AuditKey>> waiting;  ///< by ingress, for the commit that is due
  bool commit_due = false;

  void on_view(View& v) {
    view = std::move(v);
    if (!log) open();
  }

  bool open() {
    auto opened = AuditLog::open(context.storage());
    if (!opened) return fail(opened.error().message);
    log.emplace(std::move(*opened));
    if (!log->opened().torn_file.empty()) {
      telemetry::log(telemetry::Level::warn, "audit", "an unfinished last record was set aside",
                     {{"file", log->opened().torn_file}, {"bytes", log->opened().torn_bytes}});
    }
    error.clear();
    return true;
  }

  bool fail(const std::string& why) {
    if (error != why) telemetry::log(telemetry::Level::error, "audit", "cannot write", {{"error", why}});
    error = why;
    return false;
  }

  void write(std::uint32_t ingress, AuditKey key, const AuditRecord& record) {
    if (!log && !open()) return acknowledge(ingress, {key});
    auto queued = log->append(record);
    if (!queued) {
      fail(queued.error().message);
      return acknowledge(ingress, {key});
    }
    waiting[ingress].push_back(key);
    if (std::exchange(commit_due, true)) return;
    self->delayed_send(self, context.group_commit, Tick{kCommitTick});
  }

  void commit() {
    commit_due = false;
    const auto started = std::chrono::steady_clock::now();
    const std::uint64_t records = log ? log->pending_records() : 0;
    const auto synced = log ? log->sync() : model::Result<void>{};
    if (!synced) {
      fail(synced.error().message);
    } else if (log) {
      error.clear();
      context.observe(records, std::chrono::steady_clock::now() - started);
    }
    for (auto& [ingress, keys] : std::exchange(waiting, {})) acknowledge(ingress, std::move(keys));
  }

  void acknowledge(std::uint32_t ingress, std::vector<AuditKey> keys) {
    if (ingress < view.ingresses.size())
      self->send(view.ingresses[ingress], AuditAck{std::move(keys), error});
  }

  /// While it fails no request comes that would try again: try by ourselves, and tell everybody when it
  /// works.
  void retry() {
    if (error.empty()) return;
    if (log) {
      commit();
    } else {
      open();
    }
    if (!error.empty()) return;
    telemetry::log(telemetry::Level::info, "audit", "writes again");
    for (std::uint32_t i = 0; i < view.ingresses.size(); ++i) acknowledge(i, {});
  }
};

AuditActor::behavior_type audit(AuditActor::stateful_pointer<AuditState> self, AuditContext context) {
  install_handlers(self, "audit");
  auto& s = self->state;
  s.self = self;
  s.context = std::move(context);
  self->delayed_send(self, kRetry, Tick{});
  return {
      [&s](View& m) { s.on_view(m); },
      [&s](const RequestOpened& m) {
        s.write(m.ingress, {m.id, false}, AuditRecord::opened(m, s.context.wall()));
      },
      [&s](const RequestClosed& m) {
        s.write(m.ingress, {m.id, true}, AuditRecord::closed(m, s.context.wall()));
      },
      [self](const Probe&) { return mailbox_of(self); },
      [&s, self](const Tick& m) {
        if (m.number == kCommitTick) return s.commit();
        self->delayed_send(self, kRetry, Tick{});
        s.retry();
      },
  };
}

}  // namespace

AuditActor spawn_audit(caf::actor_system& system, AuditContext context) {
  return context.detached ? system.spawn<caf::detached>(audit, std::move(context))
                          : system.spawn(audit, std::move(context));
}

}  // namespace troupe::actors
