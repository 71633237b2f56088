// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/audit/audit_record.hpp"
#include "actors/audit/audit_storage.hpp"
#include "actors/audit/audit_verify.hpp"

namespace troupe::actors::testing {

/// A disk that outlives the logs on it, can be full, can fail an fsync (and then loses what was not synced,
/// as Linux does), and can lose power.
struct Disk {
  std::string log;          ///< what a reader sees
  std::size_t durable = 0;  ///< how much of it would survive a power loss
  std::string head;
  std::vector<std::string> torn;
  std::size_t room = SIZE_MAX;  ///< bytes that the log may have
  int fsyncs_to_fail = 0;
  int opens = 0;
  int syncs = 0;

  void lose_power() { log.resize(durable); }
};

class MemoryStorage : public AuditStorage {
 public:
  explicit MemoryStorage(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}

  model::Result<std::uint64_t> open() override {
    ++disk_->opens;
    return std::uint64_t{disk_->log.size()};
  }
  model::Result<std::string> read(std::uint64_t offset, std::uint64_t length) override {
    return disk_->log.substr(offset, length);
  }
  model::Result<void> append(std::string_view bytes) override {
    const std::size_t left = disk_->room > disk_->log.size() ? disk_->room - disk_->log.size() : 0;
    disk_->log += bytes.substr(0, left);
    if (bytes.size() > left)
      return model::Error{model::ErrorCode::io, "no space left on device", "audit.jsonl"};
    return {};
  }
  model::Result<void> sync() override {
    ++disk_->syncs;
    if (disk_->fsyncs_to_fail > 0) {
      --disk_->fsyncs_to_fail;
      for (std::size_t i = disk_->durable; i < disk_->log.size(); ++i) disk_->log[i] = '\0';
      return model::Error{model::ErrorCode::io, "input/output error", "audit.jsonl"};
    }
    disk_->durable = disk_->log.size();
    return {};
  }
  model::Result<void> truncate(std::uint64_t size) override {
    disk_->log.resize(size);
    return sync();
  }
  model::Result<std::string> save_torn(std::string_view bytes) override {
    disk_->torn.emplace_back(bytes);
    return "audit.jsonl.torn-" + std::to_string(disk_->torn.size());
  }
  model::Result<std::string> load_head() override { return disk_->head; }
  model::Result<void> store_head(std::string_view text) override {
    disk_->head = text;
    return {};
  }

 private:
  std::shared_ptr<Disk> disk_;
};

/// The verdict on a log in memory.
inline AuditVerdict verify(const std::string& log, const std::optional<ChainHead>& anchor = {}) {
  const ReadAt read = [&log](std::uint64_t at, std::uint64_t length) -> model::Result<std::string> {
    return log.substr(at, length);
  };
  return *verify_chain(read, log.size(), anchor);
}

/// A record that opens, or closes, request `n`.
inline AuditRecord record_of(std::uint64_t n, bool closed = false) {
  AuditRecord record;
  record.kind = closed ? AuditKind::closed : AuditKind::opened;
  record.time =
      std::chrono::system_clock::time_point{} + std::chrono::microseconds(1'700'000'000'000'000 + n);
  record.request = {0, n};
  record.client_request_id = "client-" + std::to_string(n);
  record.model = "tiny";
  record.finish_reasons = {"stop"};
  return record;
}

}  // namespace troupe::actors::testing
