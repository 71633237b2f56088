// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/fwd.hpp>
#include <cstdint>
#include <functional>

#include "actors/kv_cache/kv_cache.hpp"
#include "actors/protocol.hpp"

namespace troupe::actors {

struct KvCacheContext {
  std::uint32_t total_blocks = 0;
  bool prefix_caching = true;
  std::function<void(const KvCacheStats&)> observe = [](const auto&) {
  };  ///< after each change, from the actor
};

/// Starts the kv_cache. Asks: nothing. Answers: ReserveBlocks, ExtendLeases, ReleaseBlocks. Loses on restart:
/// the pool and the prefix tree; sequences reserve again and recompute. Bound: one extension in flight, one
/// message a sequence.
KvCacheActor spawn_kv_cache(caf::actor_system& system, KvCacheContext context);

}  // namespace troupe::actors
