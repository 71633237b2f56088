// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/line_reader.hpp"

#include <algorithm>

#include "actors/audit/record_chain.hpp"

namespace troupe::actors {

model::Result<std::optional<LogLine>> LineReader::next() {
  std::size_t searched = begin_;
  while (true) {
    const std::size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      const LogLine line{std::string_view(buffer_).substr(begin_, newline - begin_), true};
      begin_ = newline + 1;
      return std::optional(line);
    }
    searched = buffer_.size() - begin_;
    buffer_.erase(0, begin_);
    begin_ = 0;
    if (at_ >= end_ || buffer_.size() > kLongestLine) {
      if (buffer_.empty()) return std::optional<LogLine>();
      begin_ = buffer_.size();
      return std::optional(LogLine{buffer_, at_ < end_});
    }
    const auto chunk = read_(at_, std::min(kChunk, end_ - at_));
    if (!chunk) return chunk.error();
    if (chunk->empty()) {
      end_ = at_;
      continue;
    }
    at_ += chunk->size();
    buffer_ += *chunk;
  }
}

model::Result<std::string> hash_of_line_before(const ReadAt& read, std::uint64_t end) {
  for (std::uint64_t length = std::min<std::uint64_t>(end, 64U << 10U);; length = std::min(end, 2 * length)) {
    const auto bytes = read(end - length, length);
    if (!bytes) return bytes.error();
    if (bytes->size() < length || !bytes->ends_with('\n')) return std::string();
    const std::string_view text = std::string_view(*bytes).substr(0, bytes->size() - 1);
    const std::size_t before = text.rfind('\n');
    if (before != std::string_view::npos) return sha256_hex(text.substr(before + 1));
    if (length == end) return sha256_hex(text);
    if (length > kLongestLine) return std::string();
  }
}

}  // namespace troupe::actors
