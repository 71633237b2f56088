// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::actors {

/// Replaces a file's contents so that after a power loss it holds either the old or the new ones, whole:
/// written beside it, synced, renamed over it, directory synced. Errors: io, naming the file and the reason.
model::Result<void> write_durably(const std::string& path, std::string_view text);

/// "cannot <doing> <path>: <reason of errno>, <remedy where there is one>" as an Error `io`.
model::Error file_error(const std::string& doing, const std::string& path);

}  // namespace troupe::actors
