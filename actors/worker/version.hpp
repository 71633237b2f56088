// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace troupe::actors {

/// The version of this program, as CMakeLists.txt names it.
inline constexpr const char* kVersion = TROUPE_VERSION;

}  // namespace troupe::actors
