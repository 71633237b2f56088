// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::actors {

/// The two files of an audit log, audit.jsonl and audit.head, as AuditLog needs them. Injected, so that tests
/// can fill the disk and fail an fsync.
///
/// Errors: io, naming the file, the operating system's reason and what to do. Threads: one caller at a time.
class AuditStorage {
 public:
  virtual ~AuditStorage() = default;
  /// Opens the log, or opens it anew after an error; returns its size. Cached pages that may never have
  /// reached the disk are dropped, so that what is read next is what is stored.
  virtual model::Result<std::uint64_t> open() = 0;
  virtual model::Result<std::string> read(std::uint64_t offset, std::uint64_t length) = 0;
  /// After an error some of the bytes may be in the file.
  virtual model::Result<void> append(std::string_view bytes) = 0;
  virtual model::Result<void> sync() = 0;
  virtual model::Result<void> truncate(std::uint64_t size) = 0;
  /// Saves the torn end of the log in a file of its own and returns its name.
  virtual model::Result<std::string> save_torn(std::string_view bytes) = 0;
  /// Empty when there is none.
  virtual model::Result<std::string> load_head() = 0;
  virtual model::Result<void> store_head(std::string_view text) = 0;
};

inline constexpr const char* kAuditLogName = "audit.jsonl";
inline constexpr const char* kAuditHeadName = "audit.head";

/// The log in a directory, which must exist.
std::unique_ptr<AuditStorage> open_audit_storage(const std::string& directory);

}  // namespace troupe::actors
