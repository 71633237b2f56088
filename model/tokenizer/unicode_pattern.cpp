// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/unicode_pattern.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace troupe::model {
namespace {

/// White space as Unicode defines it: PCRE2's own \s is ASCII or, with properties, counts U+180E in.
constexpr std::string_view kSpaces =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

struct Assigned {
  std::uint32_t first;
  std::uint32_t last;
  char category;  ///< first letter of the general category
};

/// What Unicode 15.0 to 16.0 assigned to L, M, N, P and S; PCRE2 10.42 knows 14.0. In order. Against a newer
/// PCRE2 these are merely named twice.
constexpr Assigned kRecent[] = {
    {0x897, 0x897, 'M'},     {0xcf3, 0xcf3, 'M'},     {0xece, 0xece, 'M'},     {0x1b4e, 0x1b4f, 'P'},
    {0x1b7f, 0x1b7f, 'P'},   {0x1c89, 0x1c8a, 'L'},   {0x2427, 0x2429, 'S'},   {0x2ffc, 0x2fff, 'S'},
    {0x31e4, 0x31e5, 'S'},   {0x31ef, 0x31ef, 'S'},   {0xa7cb, 0xa7cd, 'L'},   {0xa7da, 0xa7dc, 'L'},
    {0x105c0, 0x105f3, 'L'}, {0x10d40, 0x10d49, 'N'}, {0x10d4a, 0x10d65, 'L'}, {0x10d69, 0x10d6d, 'M'},
    {0x10d6e, 0x10d6e, 'P'}, {0x10d6f, 0x10d85, 'L'}, {0x10d8e, 0x10d8f, 'S'}, {0x10ec2, 0x10ec4, 'L'},
    {0x10efc, 0x10eff, 'M'}, {0x1123f, 0x11240, 'L'}, {0x11241, 0x11241, 'M'}, {0x11380, 0x11389, 'L'},
    {0x1138b, 0x1138b, 'L'}, {0x1138e, 0x1138e, 'L'}, {0x11390, 0x113b5, 'L'}, {0x113b7, 0x113b7, 'L'},
    {0x113b8, 0x113c0, 'M'}, {0x113c2, 0x113c2, 'M'}, {0x113c5, 0x113c5, 'M'}, {0x113c7, 0x113ca, 'M'},
    {0x113cc, 0x113d0, 'M'}, {0x113d1, 0x113d1, 'L'}, {0x113d2, 0x113d2, 'M'}, {0x113d3, 0x113d3, 'L'},
    {0x113d4, 0x113d5, 'P'}, {0x113d7, 0x113d8, 'P'}, {0x113e1, 0x113e2, 'M'}, {0x116d0, 0x116e3, 'N'},
    {0x11b00, 0x11b09, 'P'}, {0x11bc0, 0x11be0, 'L'}, {0x11be1, 0x11be1, 'P'}, {0x11bf0, 0x11bf9, 'N'},
    {0x11f00, 0x11f01, 'M'}, {0x11f02, 0x11f02, 'L'}, {0x11f03, 0x11f03, 'M'}, {0x11f04, 0x11f10, 'L'},
    {0x11f12, 0x11f33, 'L'}, {0x11f34, 0x11f3a, 'M'}, {0x11f3e, 0x11f42, 'M'}, {0x11f43, 0x11f4f, 'P'},
    {0x11f50, 0x11f59, 'N'}, {0x11f5a, 0x11f5a, 'M'}, {0x1342f, 0x1342f, 'L'}, {0x13440, 0x13440, 'M'},
    {0x13441, 0x13446, 'L'}, {0x13447, 0x13455, 'M'}, {0x13460, 0x143fa, 'L'}, {0x16100, 0x1611d, 'L'},
    {0x1611e, 0x1612f, 'M'}, {0x16130, 0x16139, 'N'}, {0x16d40, 0x16d6c, 'L'}, {0x16d6d, 0x16d6f, 'P'},
    {0x16d70, 0x16d79, 'N'}, {0x18cff, 0x18cff, 'L'}, {0x1b132, 0x1b132, 'L'}, {0x1b155, 0x1b155, 'L'},
    {0x1cc00, 0x1ccef, 'S'}, {0x1ccf0, 0x1ccf9, 'N'}, {0x1cd00, 0x1ceb3, 'S'}, {0x1d2c0, 0x1d2d3, 'N'},
    {0x1df25, 0x1df2a, 'L'}, {0x1e030, 0x1e06d, 'L'}, {0x1e08f, 0x1e08f, 'M'}, {0x1e4d0, 0x1e4eb, 'L'},
    {0x1e4ec, 0x1e4ef, 'M'}, {0x1e4f0, 0x1e4f9, 'N'}, {0x1e5d0, 0x1e5ed, 'L'}, {0x1e5ee, 0x1e5ef, 'M'},
    {0x1e5f0, 0x1e5f0, 'L'}, {0x1e5f1, 0x1e5fa, 'N'}, {0x1e5ff, 0x1e5ff, 'P'}, {0x1f6dc, 0x1f6dc, 'S'},
    {0x1f774, 0x1f776, 'S'}, {0x1f77b, 0x1f77f, 'S'}, {0x1f7d9, 0x1f7d9, 'S'}, {0x1f8b2, 0x1f8bb, 'S'},
    {0x1f8c0, 0x1f8c1, 'S'}, {0x1fa75, 0x1fa77, 'S'}, {0x1fa87, 0x1fa89, 'S'}, {0x1fa8f, 0x1fa8f, 'S'},
    {0x1faad, 0x1faaf, 'S'}, {0x1fabb, 0x1fabf, 'S'}, {0x1fac6, 0x1fac6, 'S'}, {0x1face, 0x1facf, 'S'},
    {0x1fada, 0x1fadc, 'S'}, {0x1fadf, 0x1fadf, 'S'}, {0x1fae8, 0x1fae9, 'S'}, {0x1faf7, 0x1faf8, 'S'},
    {0x1fbcb, 0x1fbef, 'S'}, {0x2b739, 0x2b739, 'L'}, {0x2ebf0, 0x2ee5d, 'L'}, {0x31350, 0x323af, 'L'}};

/// What `\p{category}` lacks, as the inside of a character class.
std::string recent_ranges(std::string_view category) {
  std::string out;
  for (const Assigned& range : kRecent) {
    if (category != std::string_view(&range.category, 1)) continue;
    char text[40];
    std::snprintf(text, sizeof text, "\\x{%x}-\\x{%x}", range.first, range.last);
    out += text;
  }
  return out;
}

/// The code point at the front of valid UTF-8, of three or four bytes.
std::uint32_t long_code_point(std::string_view bytes, std::size_t size) {
  std::uint32_t value = static_cast<std::uint8_t>(bytes[0]) & (size == 3 ? 0x0fU : 0x07U);
  for (std::size_t i = 1; i < size; ++i)
    value = (value << 6U) | (static_cast<std::uint8_t>(bytes[i]) & 0x3fU);
  return value;
}

}  // namespace

std::string unicode_pattern(std::string_view pattern, bool recent) {
  std::string out;
  bool in_class = false;
  const auto put_class = [&](const std::string& inside, const char* open) {
    out += in_class ? inside : open + inside + "]";
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c != '\\') {
      if (c == '[') in_class = true;
      if (c == ']') in_class = false;
      out += c;
      continue;
    }
    const char escaped = pattern[++i];
    if (escaped == 's' || escaped == 'S') {
      put_class(std::string(kSpaces), escaped == 's' ? "[" : "[^");
    } else if (escaped == 'p' && recent) {
      const std::string property(pattern.substr(i - 1, 5));
      put_class(property + recent_ranges(property.substr(3, 1)), "[");
      i += 3;
    } else {
      out += {c, escaped};
    }
  }
  return out;
}

bool has_recent_characters(std::string_view utf8) {
  static_assert(kRecent[0].first >= 0x800, "shorter code points are skipped below");
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<std::uint8_t>(utf8[at]);
    if (lead < 0xe0) {
      ++at;
      continue;
    }
    const std::size_t size = lead < 0xf0 ? 3 : 4;
    const std::uint32_t character = long_code_point(utf8.substr(at, size), size);
    const auto* range = std::lower_bound(std::begin(kRecent), std::end(kRecent), character,
                                         [](const Assigned& r, std::uint32_t c) { return r.last < c; });
    if (range != std::end(kRecent) && range->first <= character) return true;
    at += size;
  }
  return false;
}

}  // namespace troupe::model
