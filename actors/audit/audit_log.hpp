// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/audit/audit_record.hpp"
#include "actors/audit/audit_storage.hpp"
#include "actors/audit/line_reader.hpp"
#include "actors/audit/record_chain.hpp"
#include "model/error.hpp"

namespace troupe::actors {

struct AuditLogLimits {
  std::uint64_t pending_bytes = 64U << 20U;  ///< records that wait while the disk refuses them
  std::size_t remembered_keys = 65'536;     ///< the latest (request, kind) pairs, which are not written twice
  std::uint64_t recall_bytes = 16U << 20U;  ///< how much of an existing log is read for those at the start
};

/// What open() found.
struct AuditOpened {
  ChainHead head;
  std::string torn_file;  ///< where an unfinished last line was moved, empty when there was none
  std::uint64_t torn_bytes = 0;
};

/// The append-only record. append() only queues; one sync() puts everything queued on the disk with one write
/// and one fdatasync, and only then may it be acknowledged. A record once queued is never dropped: when the
/// disk refuses it, sync() fails, and the next sync() opens the file again, proves that what was acknowledged
/// is still there, cuts off what was not, and writes the queue anew.
///
/// Threads: one caller at a time; sync() blocks on the disk.
class AuditLog {
 public:
  /// Checks the chain from the last known head on. An unfinished last line was never acknowledged: it is
  /// moved to a file of its own. Errors: io; audit_unavailable naming the first bad record, its offset and
  /// the remedy.
  static model::Result<AuditLog> open(std::unique_ptr<AuditStorage> storage, AuditLogLimits limits = {});

  /// Queues a record. False: a record of this request and kind was queued or written before, and nothing is
  /// to do but to acknowledge after the next sync(). Errors: audit_unavailable when too much is waiting
  /// already.
  model::Result<bool> append(const AuditRecord& record);
  /// Puts the queue on the disk. Errors: audit_unavailable; the queue is kept.
  model::Result<void> sync();

  /// Requests that were opened and not closed, as far as remembered (AuditLogLimits), by id.
  std::vector<RequestId> unclosed() const;
  const AuditOpened& opened() const { return opened_; }
  /// What is on the disk for certain.
  const ChainHead& head() const { return synced_; }
  std::uint64_t pending_records() const { return chained_.count - synced_.count; }

 private:
  AuditLog(std::unique_ptr<AuditStorage> storage, AuditLogLimits limits)
      : storage_(std::move(storage)), limits_(limits) {}
  ReadAt reader() const;
  model::Result<void> load();
  model::Result<ChainHead> trusted_head(std::uint64_t size);
  model::Result<void> follow_chain(ChainHead& head, std::uint64_t size);
  model::Result<void> set_aside_torn(const ChainHead& head, std::uint64_t size);
  model::Result<void> recall_keys();
  model::Result<void> reopen();
  bool remember(const RecordKey& key);

  std::unique_ptr<AuditStorage> storage_;
  AuditLogLimits limits_;
  AuditOpened opened_;
  ChainHead synced_;     ///< on the disk
  ChainHead chained_;    ///< after the queue
  std::string pending_;  ///< the queue: sealed lines
  bool broken_ = false;  ///< the last write or sync failed
  std::set<RecordKey> keys_;
  std::deque<RecordKey> key_order_;
};

}  // namespace troupe::actors
