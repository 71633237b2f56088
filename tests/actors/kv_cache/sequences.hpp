// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <numeric>
#include <variant>
#include <vector>

#include "actors/kv_cache/kv_cache.hpp"

/// Short names for the tests of the KV cache. Blocks hold four tokens here.
namespace troupe::actors::testing {

inline constexpr std::uint32_t kBlock = 4;

inline model::SequenceId sequence(std::uint64_t n) {
  return {{0, n}, 0};
}

/// `count` tokens first, first + 1, ...
inline std::vector<model::Token> tokens(model::Token first, std::uint32_t count) {
  std::vector<model::Token> result(count);
  std::iota(result.begin(), result.end(), first);
  return result;
}

inline std::vector<model::Token> joined(std::vector<model::Token> a, const std::vector<model::Token>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// The granted lease; throws std::bad_variant_access when it was denied.
inline Lease granted(const std::variant<Lease, Denied>& answer) {
  return std::get<Lease>(answer);
}
inline std::vector<model::BlockId> granted(const std::variant<std::vector<model::BlockId>, Denied>& answer) {
  return std::get<std::vector<model::BlockId>>(answer);
}

}  // namespace troupe::actors::testing
