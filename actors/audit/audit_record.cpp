// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_record.hpp"

#include <cstdio>
#include <string_view>

#include "actors/audit/utc_time.hpp"
#include "config/text.hpp"

namespace troupe::actors {
namespace {

void append_text(std::string& out, std::string_view name, std::string_view value) {
  out += ",\"";
  out += name;
  out += "\":";
  out += config::in_quotes(value);
}

void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  out += std::to_string(value);
}

/// Microseconds as milliseconds with three decimals, exactly.
void append_milliseconds(std::string& out, std::string_view name, std::uint64_t microseconds) {
  char decimals[8];
  std::snprintf(decimals, sizeof decimals, ".%03u", static_cast<unsigned>(microseconds % 1000));
  append_number(out, name, microseconds / 1000);
  out += decimals;
}

void append_request(std::string& out, const AuditRecord& record) {
  append_text(out, "request", to_string(record.request));
  append_text(out, "client_request_id", record.client_request_id);
}

void append_opened(std::string& out, const AuditRecord& record) {
  append_request(out, record);
  append_text(out, "tenant", record.tenant);
  append_text(out, "model", record.model);
  append_text(out, "fingerprint", record.fingerprint);
  append_number(out, "prompt_tokens", record.prompt_tokens);
  append_number(out, "choices", record.choices);
  append_number(out, "max_tokens", record.max_tokens);
  if (record.prompt) append_text(out, "prompt", *record.prompt);
}

void append_closed(std::string& out, const AuditRecord& record) {
  append_request(out, record);
  append_number(out, "prompt_tokens", record.prompt_tokens);
  append_number(out, "completion_tokens", record.completion_tokens);
  out += ",\"finish_reasons\":[";
  for (std::size_t i = 0; i < record.finish_reasons.size(); ++i) {
    if (i > 0) out += ',';
    out += config::in_quotes(record.finish_reasons[i]);
  }
  out += ']';
  append_milliseconds(out, "ttft_ms", record.ttft_microseconds);
  append_milliseconds(out, "duration_ms", record.duration_microseconds);
  if (!record.error.empty()) append_text(out, "error", record.error);
}

void append_process(std::string& out, const AuditRecord& record) {
  append_number(out, "pid", static_cast<std::uint64_t>(record.pid));
  append_number(out, "generation", record.generation);
  if (!record.model.empty()) append_text(out, "model", record.model);
  if (!record.fingerprint.empty()) append_text(out, "fingerprint", record.fingerprint);
  append_text(out, "detail", record.detail);
}

}  // namespace

const char* to_string(AuditKind kind) {
  switch (kind) {
    case AuditKind::opened:
      return "opened";
    case AuditKind::closed:
      return "closed";
    case AuditKind::started:
      return "started";
    case AuditKind::stopped:
      return "stopped";
  }
  return "unknown";
}

AuditRecord AuditRecord::opened(const RequestOpened& request, std::chrono::system_clock::time_point time) {
  AuditRecord record;
  record.kind = AuditKind::opened;
  record.time = time;
  record.request = request.id;
  record.client_request_id = request.client_request_id;
  record.tenant = request.tenant;
  record.model = request.model;
  record.fingerprint = request.fingerprint;
  record.prompt_tokens = request.prompt_tokens;
  record.choices = request.choices;
  record.max_tokens = request.max_tokens;
  if (!request.prompt.empty()) record.prompt = request.prompt;
  return record;
}

AuditRecord AuditRecord::closed(const RequestClosed& request, std::chrono::system_clock::time_point time) {
  AuditRecord record;
  record.kind = AuditKind::closed;
  record.time = time;
  record.request = request.id;
  record.client_request_id = request.client_request_id;
  record.prompt_tokens = request.summary.prompt_tokens;
  record.completion_tokens = request.summary.completion_tokens;
  record.finish_reasons = request.summary.finish_reasons;
  record.ttft_microseconds = request.summary.ttft_microseconds;
  record.duration_microseconds = request.summary.duration_microseconds;
  record.error = request.summary.error;
  return record;
}

std::string audit_fields(const AuditRecord& record) {
  std::string out = "\"time\":\"" + rfc3339(record.time) + "\",\"kind\":\"" + to_string(record.kind) + '"';
  switch (record.kind) {
    case AuditKind::opened:
      append_opened(out, record);
      break;
    case AuditKind::closed:
      append_closed(out, record);
      break;
    case AuditKind::started:
    case AuditKind::stopped:
      append_process(out, record);
      break;
  }
  return out;
}

}  // namespace troupe::actors
