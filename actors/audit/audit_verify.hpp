// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "actors/audit/line_reader.hpp"
#include "actors/audit/record_chain.hpp"
#include "model/error.hpp"

namespace troupe::actors {

/// The first record that is not as it was written. A record's number is also its line's.
struct BadRecord {
  std::uint64_t record = 0;
  std::uint64_t offset = 0;  ///< of its first byte
  std::string reason;
  bool operator==(const BadRecord&) const = default;
};

/// Where the chain of a log ends, or breaks.
struct AuditVerdict {
  ChainHead head;  ///< after the last good record
  std::optional<BadRecord> bad;
};

/// Follows the whole chain of a log of `size` bytes. `anchor`: a head that was seen earlier and kept
/// elsewhere, which the chain must pass through: its hash decides, its byte count is not looked at when it is
/// 0. Without it, records cut off the end and a rewrite up to the end cannot be seen. Errors: what `read`
/// says.
model::Result<AuditVerdict> verify_chain(const ReadAt& read, std::uint64_t size,
                                         const std::optional<ChainHead>& anchor);

/// The same for a file, with the head beside it (audit.head) as anchor if there is one, unless `anchor` is
/// given. Errors: io, naming the file and what to do.
model::Result<AuditVerdict> verify_file(const std::string& path, std::optional<ChainHead> anchor = {});

}  // namespace troupe::actors
