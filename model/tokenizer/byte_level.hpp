// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace troupe::model {

/// The bytes behind a token's spelling in a byte-level vocabulary, where every byte is written as one
/// printable character ("Ġ" is a space). Nothing when the spelling holds any other character. Source:
/// bytes_to_unicode of GPT-2's encoder.
std::optional<std::string> from_byte_level(std::string_view spelling);

}  // namespace troupe::model
