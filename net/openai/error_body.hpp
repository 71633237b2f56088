// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/error.hpp"

namespace troupe::net {

/// The HTTP status of an error.
int http_status(model::ErrorCode code);

/// {"error":{"message","type","param","code"}}, as OpenAI writes it.
std::string render_error(const model::Error& error);

}  // namespace troupe::net
