// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/ids.hpp"

/// The hash chain of the audit log. A line is
///   {"sequence":N,"prev":"<SHA-256 of line N-1>",<members>,"sha256":"<SHA-256 of what stands before this
///   member>"}
/// so that a change anywhere breaks the line's own hash, and a line rewritten with a fitting hash breaks the
/// next one's `prev`. What a chain cannot see alone, records cut off its end or a rewrite from some record to
/// the end, shows against a head kept elsewhere.
namespace troupe::actors {

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// Where a chain stands: enough to append to it, and to tell whether a log still reaches it.
struct ChainHead {
  std::uint64_t count = 0;  ///< records so far
  std::uint64_t bytes = 0;  ///< of the file, newlines included
  std::string hash =
      std::string(64, '0');  ///< SHA-256 of the last line without its newline; zeros before the first
  bool operator==(const ChainHead&) const = default;
};

/// Makes the next line (without newline) out of a record's members, and moves the head behind it.
std::string seal(ChainHead& head, std::string_view members);

/// Checks that `line` (without newline) is the next one and moves the head behind it; otherwise says what is
/// wrong.
std::optional<std::string> accept(ChainHead& head, std::string_view line);

/// Which request a sealed line is about, if it opens or closes one.
struct RecordKey {
  model::RequestId request;
  bool closed = false;
  auto operator<=>(const RecordKey&) const = default;  // NOLINT(modernize-use-nullptr)
};
std::optional<RecordKey> key_of_line(std::string_view line);

/// The head as the one line of the file audit.head, of fixed length, and back.
std::string write_head(const ChainHead& head);
std::optional<ChainHead> read_head(std::string_view text);

}  // namespace troupe::actors
