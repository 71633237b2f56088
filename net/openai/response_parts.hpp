// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "net/openai/response.hpp"

/// The pieces that chat and text completions share.
namespace troupe::net {

/// {"id":...,"object":`object`,"created":...,"model":...,"system_fingerprint":...,"choices":[
std::string response_head(const ResponseIdentity& identity, std::string_view object);
/// ],"usage":{...}}
std::string response_tail(const Usage& usage);
/// ],"usage":null} or ]}
std::string_view chunk_tail(bool usage_null);
/// ,"finish_reason":... and, when a stop string ended the choice, its stop_reason.
void append_finish(std::string& out, const Choice& choice);

}  // namespace troupe::net
