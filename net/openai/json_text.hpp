// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Writing JSON by appending: an answer's events are made thousands of times a second.
namespace troupe::net {

/// Appends `text` as a JSON string. Ill-formed UTF-8 becomes U+FFFD, so that what goes out is always JSON.
void append_json_string(std::string& out, std::string_view text);

/// Appends a log-probability in its shortest exact form; minus infinity, which JSON lacks, as -9999 (vLLM's
/// value).
void append_logprob(std::string& out, float logprob);

}  // namespace troupe::net
