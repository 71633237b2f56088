// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/audit/audit_log.hpp"

namespace troupe::actors {

/// Who starts or stops, as the record says it.
struct ProcessFacts {
  std::string model;
  std::string fingerprint;
  Generation first_generation = 0;
  std::int64_t pid = 0;
  std::string version;
};

/// What a start found in the log.
struct AuditStart {
  std::uint64_t lost =
      0;  ///< requests that an earlier process left open: closed now, with an error that says so
  std::string torn_file;  ///< as AuditOpened
};

/// For the start of the process that owns the requests, before its audit actor: no request is open any more,
/// so each opened record without its closed one gets that, then comes a started record. All of it is on the
/// disk when this returns. Errors: those of AuditLog::open and sync: without an audit log nothing is served.
model::Result<AuditStart> record_start(std::unique_ptr<AuditStorage> storage, const ProcessFacts& facts,
                                       std::chrono::system_clock::time_point now);

/// For the end of that process, after its audit actor: a stopped record. `why`: "drained", "drain cut".
model::Result<void> record_stop(std::unique_ptr<AuditStorage> storage, const ProcessFacts& facts,
                                const std::string& why, std::chrono::system_clock::time_point now);

}  // namespace troupe::actors
