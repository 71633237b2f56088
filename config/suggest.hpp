// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe::config {

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour to turn one word into
/// the other. Source: optimal string alignment distance (restricted Damerau-Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known word nearest to what was written, if one is near enough to be what was meant (at most a third of
/// its letters differ, and at least one edit is always allowed for). The first of equals wins.
std::optional<std::string> nearest(std::string_view written, std::span<const std::string> known);

}  // namespace troupe::config
