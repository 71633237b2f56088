// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/process_records.hpp"

#include <utility>

namespace troupe::actors {
namespace {

AuditRecord process_record(AuditKind kind, const ProcessFacts& facts, std::string detail,
                           std::chrono::system_clock::time_point now) {
  AuditRecord record;
  record.kind = kind;
  record.time = now;
  record.model = facts.model;
  record.fingerprint = facts.fingerprint;
  record.generation = facts.first_generation;
  record.pid = facts.pid;
  record.detail = std::move(detail);
  return record;
}

AuditRecord lost_record(const RequestId& request, std::chrono::system_clock::time_point now) {
  AuditRecord record;
  record.kind = AuditKind::closed;
  record.time = now;
  record.request = request;
  record.error = "lost: the process that served it ended";
  return record;
}

}  // namespace

model::Result<AuditStart> record_start(std::unique_ptr<AuditStorage> storage, const ProcessFacts& facts,
                                       std::chrono::system_clock::time_point now) {
  auto log = AuditLog::open(std::move(storage));
  if (!log) return log.error();
  AuditStart start{0, log->opened().torn_file};
  for (const RequestId& request : log->unclosed()) {
    if (auto queued = log->append(lost_record(request, now)); !queued) return queued.error();
    ++start.lost;
  }
  if (auto queued = log->append(process_record(AuditKind::started, facts, facts.version, now)); !queued) {
    return queued.error();
  }
  if (auto synced = log->sync(); !synced) return synced.error();
  return start;
}

model::Result<void> record_stop(std::unique_ptr<AuditStorage> storage, const ProcessFacts& facts,
                                const std::string& why, std::chrono::system_clock::time_point now) {
  auto log = AuditLog::open(std::move(storage));
  if (!log) return log.error();
  if (auto queued = log->append(process_record(AuditKind::stopped, facts, why, now)); !queued) {
    return queued.error();
  }
  return log->sync();
}

}  // namespace troupe::actors
