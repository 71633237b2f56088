// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/payloads.hpp"

namespace troupe::actors {

/// What an audit record tells of.
enum class AuditKind : std::uint8_t { opened, closed, started, stopped };
const char* to_string(AuditKind kind);

/// One record, before it has its place in the chain. Which fields are written depends on the kind.
struct AuditRecord {
  AuditKind kind = AuditKind::opened;
  std::chrono::system_clock::time_point time;

  // opened and closed
  RequestId request;
  std::string client_request_id;
  std::uint32_t prompt_tokens = 0;
  // opened
  std::string tenant;
  std::uint32_t choices = 0;
  std::uint32_t max_tokens = 0;
  std::optional<std::string> prompt;  ///< set only with audit.record_prompts
  // closed
  std::uint32_t completion_tokens = 0;
  std::vector<std::string> finish_reasons;  ///< one per choice
  std::uint64_t ttft_microseconds = 0;      ///< 0: no token left
  std::uint64_t duration_microseconds = 0;
  std::string error;  ///< empty: it went well
  // opened and started
  std::string model;
  std::string fingerprint;
  // started and stopped
  std::uint64_t generation = 0;
  std::int64_t pid = 0;
  std::string detail;  ///< started: the version; stopped: why

  static AuditRecord opened(const RequestOpened& request, std::chrono::system_clock::time_point time);
  static AuditRecord closed(const RequestClosed& request, std::chrono::system_clock::time_point time);
};

/// The record's JSON members, from "time" on, without braces, sequence number and hashes: those are the
/// chain's.
std::string audit_fields(const AuditRecord& record);

}  // namespace troupe::actors
