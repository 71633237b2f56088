// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler/batch_planner.hpp"

#include <algorithm>

namespace troupe::actors {
namespace {

/// One sampled row may be unresolved when the next is planned: the stages read its result themselves.
constexpr std::uint32_t kUnresolvedMax = 2;

bool can_decode(const Sequence& s) {
  return !s.prefilling() && s.unresolved > 0 && s.unresolved < kUnresolvedMax &&
         s.answered() < s.truth.max_tokens && s.planned < s.capacity();
}

/// After a result arrived the next row's token is known: an ordinary prefill of one row.
bool is_single_row(const Sequence& s) {
  return s.prefilling() && s.planned + 1 == s.known();
}

PlannedRows prefill_rows(Sequence& s, std::uint32_t budget) {
  const std::uint32_t end = std::min({s.known(), s.planned + budget, s.capacity()});
  if (end <= s.planned) return {};
  return {&s, s.planned, end - s.planned, end == s.known() && s.answered() < s.truth.max_tokens};
}

}  // namespace

std::vector<PlannedRows> plan_batch(const std::vector<Sequence*>& running, const BatchLimits& limits) {
  std::vector<Sequence*> order = running;
  std::stable_sort(order.begin(), order.end(),
                   [](const Sequence* a, const Sequence* b) { return a->last_step < b->last_step; });
  const auto share = static_cast<std::uint32_t>((running.size() + limits.stages - 1) / limits.stages);
  const std::uint32_t most = std::min(limits.sequences, std::max(share, 1U));
  std::vector<PlannedRows> rows;
  std::uint32_t left = limits.rows;
  const auto full = [&] { return left == 0 || rows.size() >= most; };
  for (Sequence* s : order) {
    if (full()) break;
    PlannedRows row;
    if (can_decode(*s)) row = {s, s->planned, 1, true};
    if (is_single_row(*s)) row = prefill_rows(*s, 1);
    if (row.sequence == nullptr) continue;
    rows.push_back(row);
    --left;
  }
  for (Sequence* s : running) {
    if (full()) break;
    if (!s->prefilling() || is_single_row(*s)) continue;
    const PlannedRows chunk = prefill_rows(*s, left);
    if (chunk.sequence == nullptr) continue;
    rows.push_back(chunk);
    left -= chunk.count;
  }
  return rows;
}

}  // namespace troupe::actors
