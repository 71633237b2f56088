// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::actors {

/// A line without its newline. Valid until the next call of LineReader::next.
struct LogLine {
  std::string_view text;
  bool complete = true;  ///< false: the file ends without a newline
};

/// No record is longer than this, newline included.
inline constexpr std::uint64_t kLongestLine = 32U << 20U;

/// Reads `length` bytes at `offset`, or fewer at the end of the file.
using ReadAt = std::function<model::Result<std::string>(std::uint64_t offset, std::uint64_t length)>;

/// Reads lines of [offset, end) in chunks, with bounded memory.
class LineReader {
 public:
  LineReader(ReadAt read, std::uint64_t offset, std::uint64_t end)
      : read_(std::move(read)), at_(offset), end_(end) {}

  /// The next line, or nothing at the end. A line longer than kLongestLine comes in pieces. Errors: what
  /// `read` says.
  model::Result<std::optional<LogLine>> next();

 private:
  static constexpr std::uint64_t kChunk = 1U << 20U;
  ReadAt read_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::string buffer_;
  std::size_t begin_ = 0;
};

/// The SHA-256 of the line whose newline is the last byte before `end`; empty when no line ends there.
model::Result<std::string> hash_of_line_before(const ReadAt& read, std::uint64_t end);

}  // namespace troupe::actors
