// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_log.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

Error unavailable(const std::string& what, std::uint64_t offset) {
  return {ErrorCode::audit_unavailable, what, std::string(kAuditLogName) + ":" + std::to_string(offset)};
}

Error unavailable(const Error& cause) {
  return {ErrorCode::audit_unavailable, cause.message, cause.param};
}

}  // namespace

ReadAt AuditLog::reader() const {
  return [storage = storage_.get()](std::uint64_t at, std::uint64_t length) {
    return storage->read(at, length);
  };
}

Result<AuditLog> AuditLog::open(std::unique_ptr<AuditStorage> storage, AuditLogLimits limits) {
  AuditLog log(std::move(storage), limits);
  if (auto loaded = log.load(); !loaded) return loaded.error();
  return log;
}

Result<void> AuditLog::load() {
  const auto size = storage_->open();
  if (!size) return size.error();
  auto head = trusted_head(*size);
  if (!head) return head.error();
  if (auto followed = follow_chain(*head, *size); !followed) return followed;
  if (head->bytes < *size) {
    if (auto aside = set_aside_torn(*head, *size); !aside) return aside;
  }
  synced_ = chained_ = opened_.head = *head;
  return recall_keys();
}

/// The stored head if the log still reaches it, else the beginning of the log.
Result<ChainHead> AuditLog::trusted_head(std::uint64_t size) {
  const auto text = storage_->load_head();
  if (!text) return text.error();
  const auto head = read_head(*text);
  if (!head || head->count == 0) return ChainHead{};
  if (head->bytes > size) {
    return unavailable(
        "the audit log ends at byte " + std::to_string(size) + ", but " + kAuditHeadName + " says that " +
            std::to_string(head->count) + " records in " + std::to_string(head->bytes) +
            " bytes were acknowledged: records are missing. Restore the log, or move both files away to "
            "begin a new one",
        size);
  }
  const auto hash = hash_of_line_before(reader(), head->bytes);
  if (!hash) return hash.error();
  if (*hash != head->hash) {
    return unavailable(
        "the audit record " + std::to_string(head->count) + " that ends at byte " +
            std::to_string(head->bytes) + " is not the one that " + kAuditHeadName +
            " names: the log was changed. See which with: troupe audit verify. Restore it, or move both "
            "files away to begin a new one",
        head->bytes);
  }
  return *head;
}

Result<void> AuditLog::follow_chain(ChainHead& head, std::uint64_t size) {
  LineReader lines(reader(), head.bytes, size);
  while (true) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value() || !(*line)->complete) return {};
    const std::uint64_t offset = head.bytes;
    if (const auto wrong = accept(head, (*line)->text)) {
      return unavailable("the audit record after " + std::to_string(head.count) + ", at byte " +
                             std::to_string(offset) + ", is bad: " + *wrong + ". Restore the log, or move " +
                             kAuditLogName + " and " + kAuditHeadName + " away to begin a new one",
                         offset);
    }
  }
}

Result<void> AuditLog::set_aside_torn(const ChainHead& head, std::uint64_t size) {
  const auto torn = storage_->read(head.bytes, size - head.bytes);
  if (!torn) return torn.error();
  auto saved = storage_->save_torn(*torn);
  if (!saved) return saved.error();
  opened_.torn_file = *saved;
  opened_.torn_bytes = torn->size();
  return storage_->truncate(head.bytes);
}

Result<void> AuditLog::recall_keys() {
  const std::uint64_t look_back = std::min<std::uint64_t>(synced_.bytes, limits_.recall_bytes);
  LineReader lines(reader(), synced_.bytes - look_back, synced_.bytes);
  while (true) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return {};
    if (const auto key = key_of_line((*line)->text)) remember(*key);
  }
}

std::vector<RequestId> AuditLog::unclosed() const {
  std::vector<RequestId> open;
  for (const RecordKey& key : keys_) {
    if (!key.closed && !keys_.contains({key.request, true})) open.push_back(key.request);
  }
  return open;
}

bool AuditLog::remember(const RecordKey& key) {
  if (!keys_.insert(key).second) return false;
  key_order_.push_back(key);
  if (key_order_.size() > limits_.remembered_keys) {
    keys_.erase(key_order_.front());
    key_order_.pop_front();
  }
  return true;
}

Result<bool> AuditLog::append(const AuditRecord& record) {
  const bool of_request = record.kind == AuditKind::opened || record.kind == AuditKind::closed;
  const RecordKey key{record.request, record.kind == AuditKind::closed};
  if (of_request && keys_.contains(key)) return false;
  if (pending_.size() >= limits_.pending_bytes) {
    return unavailable(
        std::to_string(pending_records()) + " audit records wait for the disk; no more are taken",
        synced_.bytes);
  }
  const std::string members = audit_fields(record);
  if (members.size() + 512 > kLongestLine) {
    return unavailable("an audit record of " + std::to_string(members.size()) +
                           " bytes is over the limit of " + std::to_string(kLongestLine) +
                           ": turn audit.record_prompts off",
                       synced_.bytes);
  }
  pending_ += seal(chained_, members);
  pending_ += '\n';
  if (of_request) remember(key);
  return true;
}

Result<void> AuditLog::sync() {
  if (pending_.empty() && !broken_) return {};
  if (broken_) {
    if (auto reopened = reopen(); !reopened) return reopened;
  }
  broken_ = true;
  auto done = storage_->append(pending_);
  if (done) done = storage_->sync();
  if (!done) return unavailable(done.error());
  broken_ = false;
  pending_.clear();
  synced_ = chained_;
  // The head may lag: it only has to be no further than the log. So its failure is no failure of the record.
  static_cast<void>(storage_->store_head(write_head(synced_)));
  return {};
}

/// After an error nothing is known of what was written since the last success, and a second fsync that
/// succeeds would prove nothing: the pages may have been dropped.
Result<void> AuditLog::reopen() {
  const auto size = storage_->open();
  if (!size) return unavailable(size.error());
  const auto hash = synced_.count > 0 ? hash_of_line_before(reader(), synced_.bytes) : synced_.hash;
  if (!hash) return unavailable(hash.error());
  if (*size < synced_.bytes || *hash != synced_.hash) {
    return unavailable("after a disk error the audit log no longer holds record " +
                           std::to_string(synced_.count) +
                           " as it was acknowledged. Check the disk, then: troupe audit verify",
                       synced_.bytes);
  }
  auto cut = storage_->truncate(synced_.bytes);
  if (!cut) return unavailable(cut.error());
  return {};
}

}  // namespace troupe::actors
