// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace troupe::actors {

/// RFC 3339 in UTC with microseconds: "2026-08-22T11:10:52.123456Z".
std::string rfc3339(std::chrono::system_clock::time_point time);

}  // namespace troupe::actors
