// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/lease_table.hpp"

#include <algorithm>

namespace troupe::actors {

HeldLease* LeaseTable::find(const model::SequenceId& id) {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

const HeldLease* LeaseTable::find(const model::SequenceId& id) const {
  const auto found = leases_.find(id);
  return found == leases_.end() ? nullptr : &found->second;
}

bool LeaseTable::confirm(HeldLease& lease, std::span<const model::Token> tokens, std::uint32_t from,
                         std::uint32_t tokens_per_block) {
  const std::size_t known = lease.confirmed.size();
  if (from > known || from + tokens.size() > lease.blocks.size() * std::size_t{tokens_per_block})
    return false;
  const std::size_t overlap = std::min(known - from, tokens.size());
  if (!std::equal(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(overlap),
                  lease.confirmed.begin() + from)) {
    return false;
  }
  const auto fresh = tokens.subspan(overlap);
  lease.confirmed.insert(lease.confirmed.end(), fresh.begin(), fresh.end());
  return true;
}

}  // namespace troupe::actors
