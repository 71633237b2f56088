// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/audit_verify.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "actors/audit/audit_storage.hpp"

namespace troupe::actors {

using model::Error;
using model::ErrorCode;
using model::Result;

namespace {

BadRecord bad_at(const ChainHead& head, std::string reason) {
  return {head.count + 1, head.bytes, std::move(reason)};
}

/// What the anchor says against the chain at this point.
std::optional<BadRecord> against_anchor(const ChainHead& head, const std::optional<ChainHead>& anchor,
                                        std::uint64_t line_offset) {
  if (!anchor || head.count != anchor->count || head.hash == anchor->hash) return std::nullopt;
  return BadRecord{head.count, line_offset,
                   "its SHA-256 is not the known head's: the log was rewritten up to here or earlier"};
}

Result<AuditVerdict> finished(const ChainHead& head, const std::optional<ChainHead>& anchor) {
  if (!anchor || head.count >= anchor->count) return AuditVerdict{head, std::nullopt};
  return AuditVerdict{head, bad_at(head, "the log ends here, but " + std::to_string(anchor->count) +
                                             " records were acknowledged: the end is missing")};
}

}  // namespace

Result<AuditVerdict> verify_chain(const ReadAt& read, std::uint64_t size,
                                  const std::optional<ChainHead>& anchor) {
  ChainHead head;
  LineReader lines(read, 0, size);
  while (true) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (!line->has_value()) return finished(head, anchor);
    const std::uint64_t offset = head.bytes;
    if (!(*line)->complete) {
      return AuditVerdict{head, bad_at(head, "the last line is incomplete: it was torn or cut")};
    }
    if (auto wrong = accept(head, (*line)->text)) return AuditVerdict{head, bad_at(head, std::move(*wrong))};
    if (auto wrong = against_anchor(head, anchor, offset)) return AuditVerdict{head, std::move(wrong)};
  }
}

Result<AuditVerdict> verify_file(const std::string& path, std::optional<ChainHead> anchor) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  const auto size = std::filesystem::file_size(path, failed);
  if (!file || failed) {
    const std::string reason = failed ? failed.message() : std::strerror(errno);
    return Error{ErrorCode::io,
                 "cannot read " + path + ": " + reason + ". Name an audit log, or the server's --data-dir",
                 path};
  }
  if (!anchor) {
    std::ifstream beside(std::filesystem::path(path).parent_path() / kAuditHeadName);
    std::stringstream text;
    text << beside.rdbuf();
    anchor = read_head(text.str());
  }
  const ReadAt read = [&file](std::uint64_t at, std::uint64_t length) -> Result<std::string> {
    std::string bytes(length, '\0');
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    file.read(bytes.data(), static_cast<std::streamsize>(length));
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
  };
  return verify_chain(read, size, anchor);
}

}  // namespace troupe::actors
