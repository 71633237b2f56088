// SPDX-License-Identifier: Apache-2.0
#include "actors/audit/record_chain.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::actors {
namespace {

constexpr std::string_view kSequence = "{\"sequence\":";
constexpr std::string_view kPrev = ",\"prev\":\"";
constexpr std::string_view kSha = ",\"sha256\":\"";
constexpr std::string_view kEnd = "\"}";
constexpr std::size_t kHashLength = 64;
constexpr std::size_t kHeadLineLength = 160;

/// Takes `expected` off the front of `text`.
bool skip(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<std::string_view> take_hash(std::string_view& text) {
  const std::string_view hash = text.substr(0, kHashLength);
  const bool hex = std::all_of(hash.begin(), hash.end(),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hash.size() != kHashLength || !hex) return std::nullopt;
  text.remove_prefix(kHashLength);
  return hash;
}

struct Line {
  std::uint64_t sequence = 0;
  std::string_view prev;
  std::string_view members;  ///< from "time" on
  std::string_view hashed;   ///< what sha256 covers
  std::string_view sha256;
};

std::optional<Line> split(std::string_view line) {
  Line parts;
  const std::size_t tail = kSha.size() + kHashLength + kEnd.size();
  if (line.size() < tail) return std::nullopt;
  parts.hashed = line.substr(0, line.size() - tail);
  std::string_view rest = line.substr(parts.hashed.size());
  if (!skip(rest, kSha)) return std::nullopt;
  const auto sha = take_hash(rest);
  if (!sha || rest != kEnd) return std::nullopt;
  parts.sha256 = *sha;

  std::string_view front = parts.hashed;
  if (!skip(front, kSequence)) return std::nullopt;
  const auto sequence = take_number(front);
  if (!sequence || !skip(front, kPrev)) return std::nullopt;
  const auto prev = take_hash(front);
  if (!prev || !skip(front, "\",")) return std::nullopt;
  parts.sequence = *sequence;
  parts.prev = *prev;
  parts.members = front;
  return parts;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  hex.reserve(kHashLength);
  for (unsigned i = 0; i < length; ++i) {
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 15U];
  }
  return hex;
}

std::string seal(ChainHead& head, std::string_view members) {
  std::string line(kSequence);
  line += std::to_string(head.count + 1);
  line += kPrev;
  line += head.hash;
  line += "\",";
  line += members;
  const std::string hash = sha256_hex(line);
  line += kSha;
  line += hash;
  line += kEnd;
  ++head.count;
  head.bytes += line.size() + 1;
  head.hash = sha256_hex(line);
  return line;
}

std::optional<std::string> accept(ChainHead& head, std::string_view line) {
  const auto parts = split(line);
  if (!parts) return "this is not an audit record";
  if (sha256_hex(parts->hashed) != parts->sha256)
    return "the record's content does not match its own sha256: it was changed";
  const std::uint64_t expected = head.count + 1;
  if (parts->sequence != expected) {
    const char* why = parts->sequence > expected ? ": records before it are missing or were moved"
                                                 : ": it was repeated or moved";
    return "this is record " + std::to_string(parts->sequence) + " where " + std::to_string(expected) +
           " should stand" + why;
  }
  if (parts->prev != head.hash) {
    return "its prev is not the SHA-256 of the record before it: one of the two was rewritten";
  }
  head.count = parts->sequence;
  head.bytes += line.size() + 1;
  head.hash = sha256_hex(line);
  return std::nullopt;
}

std::optional<RecordKey> key_of_line(std::string_view line) {
  const auto parts = split(line);
  if (!parts) return std::nullopt;
  std::string_view rest = parts->members;
  const std::size_t kind = rest.find("\",\"kind\":\"");
  if (kind == std::string_view::npos) return std::nullopt;
  rest.remove_prefix(kind + std::string_view("\",\"kind\":\"").size());
  const bool closed = rest.starts_with("closed");
  if (!skip(rest, closed ? "closed\",\"request\":\"" : "opened\",\"request\":\"")) return std::nullopt;
  const auto id = model::parse_request_id(rest.substr(0, 32));
  if (!id) return std::nullopt;
  return RecordKey{*id, closed};
}

std::string write_head(const ChainHead& head) {
  std::string text = "{\"count\":" + std::to_string(head.count) + ",\"bytes\":" + std::to_string(head.bytes) +
                     ",\"head\":\"" + head.hash + "\"}";
  text.resize(kHeadLineLength - 1, ' ');
  return text + '\n';
}

std::optional<ChainHead> read_head(std::string_view text) {
  ChainHead head;
  if (!skip(text, "{\"count\":")) return std::nullopt;
  const auto count = take_number(text);
  if (!count || !skip(text, ",\"bytes\":")) return std::nullopt;
  const auto bytes = take_number(text);
  if (!bytes || !skip(text, ",\"head\":\"")) return std::nullopt;
  const auto hash = take_hash(text);
  if (!hash || !skip(text, "\"}")) return std::nullopt;
  return ChainHead{*count, *bytes, std::string(*hash)};
}

}  // namespace troupe::actors
