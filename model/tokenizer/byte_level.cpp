// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/byte_level.hpp"

#include <array>
#include <cstdint>

#include "model/utf8.hpp"

namespace troupe::model {
namespace {

constexpr std::uint32_t kCharacters = 256 + 68;  // 68 bytes are not printable in Latin-1

constexpr bool printable(std::uint32_t byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

/// Byte of each character, -1 for none: printable bytes stand for themselves, the others follow from U+0100
/// on.
constexpr std::array<int, kCharacters> make_bytes() {
  std::array<int, kCharacters> bytes{};
  bytes.fill(-1);
  std::uint32_t next = 256;
  for (std::uint32_t byte = 0; byte < 256; ++byte)
    bytes[printable(byte) ? byte : next++] = static_cast<int>(byte);
  return bytes;
}

constexpr auto kBytes = make_bytes();
static_assert(kBytes[0x120] == ' ' && kBytes[kCharacters - 1] == 173);

}  // namespace

std::optional<std::string> from_byte_level(std::string_view spelling) {
  std::string out;
  for (std::size_t at = 0; at < spelling.size();) {
    const Utf8Front front = utf8_front(spelling.substr(at));
    if (front.kind != Utf8Front::Kind::whole || front.size > 2) return std::nullopt;
    std::uint32_t character = static_cast<std::uint8_t>(spelling[at]);
    if (front.size == 2)
      character = ((character & 0x1fU) << 6U) | (static_cast<std::uint8_t>(spelling[at + 1]) & 0x3fU);
    if (character >= kCharacters || kBytes[character] < 0) return std::nullopt;
    out += static_cast<char>(kBytes[character]);
    at += front.size;
  }
  return out;
}

}  // namespace troupe::model
