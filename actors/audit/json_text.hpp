// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace troupe::actors {

/// Appends `text` as a JSON string, quotes included. The result is one line of valid UTF-8 whatever `text`
/// holds: control characters, DEL and the separators U+2028 and U+2029 are escaped, ill-formed bytes become
/// U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace troupe::actors
