// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace troupe::model {

/// Rewrites a pre-tokenizer's pattern so that PCRE2 matches as the reference tokenizers' engine does: `\s` is
/// Unicode's white space, and with `recent`, `\p{L}` and its like hold what Unicode has assigned since
/// PCRE2's tables were made, at a third of the speed. Knows `\s`, `\S` (outside classes) and one-letter
/// `\p{X}`.
std::string unicode_pattern(std::string_view pattern, bool recent);

/// Whether valid UTF-8 holds a character for which `recent` makes a difference.
bool has_recent_characters(std::string_view utf8);

}  // namespace troupe::model
