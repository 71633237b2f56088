// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/kv_cache_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "actors/common_actor.hpp"

namespace troupe::actors {
namespace {

struct KvCacheState;
using Self = KvCacheActor::stateful_pointer<KvCacheState>;

struct KvCacheState {
  KvCacheState() = default;
  static constexpr const char* name = "kv_cache";

  Self self = nullptr;
  KvCacheContext context;
  std::optional<KvCache> cache;
  View view;
  std::map<std::uint32_t, std::uint64_t> fenced;        ///< stage -> store id, in this generation
  std::map<std::uint32_t, std::uint64_t> known_stores;  ///< when the pool was last in order
  bool ready = false;
  std::map<SequenceId, std::uint64_t> leases;  ///< the scheduler's number of each lease

  void on_view(View& v) {
    view = std::move(v);
    fenced.clear();
    ready = false;
  }

  void on_fenced(const Fenced& f) {
    if (f.generation != view.generation || ready) return;
    fenced[f.stage] = f.store;
    if (fenced.size() < view.stages.size()) return;
    // Every open sequence reserves again in a new generation; what was confirmed is found in the tree, unless
    // a stage lost the bytes.
    const bool bytes_lost = !known_stores.empty() && known_stores != fenced;
    if (bytes_lost) cache->store_lost();
    cache->release_generation(!bytes_lost);
    cache->fenced();
    known_stores = fenced;
    leases.clear();
    ready = true;
    self->send(view.scheduler, KvReady{view.generation, context.total_blocks});
    context.observe(cache->stats());
  }

  void on_reserve(const ReserveBlocks& r) {
    if (!ready || r.generation != view.generation) return;
    const auto held = leases.find(r.id);
    if (held != leases.end() && held->second > r.lease) return;  // a late copy
    auto outcome = cache->reserve(r.id, r.tokens, r.blocks, r.use_prefix);
    BlockLease answer{r.generation, r.id, r.lease, false, {}, 0, 0};
    if (auto* lease = std::get_if<Lease>(&outcome)) {
      leases[r.id] = r.lease;
      answer.granted = true;
      answer.blocks = std::move(lease->blocks);
      answer.cached_tokens = lease->cached_tokens;
    } else {
      answer.free = std::get<Denied>(outcome).free;
    }
    self->send(view.scheduler, std::move(answer));
    context.observe(cache->stats());
  }

  void on_extend(const ExtendLeases& e) {
    if (!ready || e.generation != view.generation) return;
    LeaseExtensions answer{e.generation, e.number, {}};
    for (const LeaseWish& wish : e.wishes) {
      LeaseGrant grant{wish.id, false, wish.held, {}};
      const auto held = leases.find(wish.id);
      if (held != leases.end() && held->second == wish.lease) {
        if (!wish.confirmed.empty()) cache->confirm(wish.id, wish.confirmed, wish.confirmed_from);
        auto outcome = cache->extend(wish.id, wish.held, wish.blocks);
        if (auto* blocks = std::get_if<std::vector<BlockId>>(&outcome)) {
          grant.granted = true;
          grant.blocks = std::move(*blocks);
        }
      }
      answer.grants.push_back(std::move(grant));
    }
    self->send(view.scheduler, std::move(answer));
    context.observe(cache->stats());
  }

  void on_release(const ReleaseBlocks& r) {
    if (!ready || r.generation != view.generation) return;
    const auto held = leases.find(r.id);
    if (held != leases.end() && held->second == r.lease) {
      if (r.keep_prefix) cache->confirm(r.id, r.confirmed, 0);
      cache->release(r.id, r.keep_prefix, 0);  // its steps have returned: no quarantine
      leases.erase(held);
    }
    self->send(view.scheduler, BlocksReleased{r.generation, r.id, r.lease});
    context.observe(cache->stats());
  }
};

KvCacheActor::behavior_type kv_cache(Self self, KvCacheContext context) {
  install_handlers(self, "kv_cache");
  auto& s = self->state;
  s.self = self;
  s.cache.emplace(context.total_blocks, model::kTokensPerBlock, context.prefix_caching);
  s.context = std::move(context);
  return {
      [&s](View& m) { s.on_view(m); },
      [&s](const Fenced& m) { s.on_fenced(m); },
      [&s](const ReserveBlocks& m) { s.on_reserve(m); },
      [&s](const ExtendLeases& m) { s.on_extend(m); },
      [&s](const ReleaseBlocks& m) { s.on_release(m); },
      [self](const Probe&) { return mailbox_of(self); },
  };
}

}  // namespace

KvCacheActor spawn_kv_cache(caf::actor_system& system, KvCacheContext context) {
  return system.spawn(kv_cache, std::move(context));
}

}  // namespace troupe::actors
