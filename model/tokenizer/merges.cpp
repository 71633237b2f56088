// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/merges.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace troupe::model {
namespace {

/// Words up to here are merged by scanning; the queue's bookkeeping pays only beyond.
constexpr std::size_t kShortWord = 32;
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Merges::Merges(std::size_t count)
    : table_(std::bit_ceil(2 * count + 2)),
      shift_(64U - static_cast<unsigned>(std::countr_zero(table_.size()))) {}

void Merges::add(Token left, Token right, std::uint32_t rank, Token merged) {
  const std::uint64_t pair = key(left, right);
  std::size_t at = bucket(pair);
  while (table_[at].pair != kNoPair) {
    if (table_[at].pair == pair) return;
    at = (at + 1) & (table_.size() - 1);
  }
  table_[at] = {pair, rank, merged};
}

const Merges::Rule* Merges::find(Token left, Token right) const {
  const std::uint64_t pair = key(left, right);
  for (std::size_t at = bucket(pair);; at = (at + 1) & (table_.size() - 1)) {
    if (table_[at].pair == pair) return &table_[at];
    if (table_[at].pair == kNoPair) return nullptr;
  }
}

void Merges::apply(std::vector<Token>& symbols) const {
  if (symbols.size() <= kShortWord) {
    apply_short(symbols);
  } else {
    apply_long(symbols);
  }
}

void Merges::apply_short(std::vector<Token>& symbols) const {
  std::array<const Rule*, kShortWord> rules{};  // rules[i]: for symbols i and i + 1
  std::size_t count = symbols.size();
  for (std::size_t i = 0; i + 1 < count; ++i) rules[i] = find(symbols[i], symbols[i + 1]);
  while (count > 1) {
    std::size_t best = count;
    std::uint32_t best_rank = kNoRank;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      if (rules[i] != nullptr && rules[i]->rank < best_rank) {
        best = i;
        best_rank = rules[i]->rank;
      }
    }
    if (best == count) break;
    symbols[best] = rules[best]->merged;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      rules[i] = i + 2 < count ? rules[i + 1] : nullptr;
    }
    --count;
    if (best > 0) rules[best - 1] = find(symbols[best - 1], symbols[best]);
    rules[best] = best + 1 < count ? find(symbols[best], symbols[best + 1]) : nullptr;
  }
  symbols.resize(count);
}

void Merges::apply_long(std::vector<Token>& symbols) const {
  constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();
  struct Link {
    std::uint32_t previous;
    std::uint32_t next;
  };
  const auto count = static_cast<std::uint32_t>(symbols.size());
  std::vector<Link> links(count);
  for (std::uint32_t i = 0; i < count; ++i) links[i] = {i - 1, i + 1 < count ? i + 1 : kEnd};
  const auto rule_at = [&](std::uint32_t at) {
    return links[at].next == kEnd ? nullptr : find(symbols[at], symbols[links[at].next]);
  };
  // A candidate is its rank and its place in one number: a heap of these is several times faster than one of
  // records.
  const auto candidate = [](std::uint32_t rank, std::uint32_t at) {
    return (std::uint64_t{rank} << 32U) | at;
  };
  std::vector<std::uint64_t> candidates;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (const Rule* rule = rule_at(i)) candidates.push_back(candidate(rule->rank, i));
  }
  std::priority_queue queue(std::greater<>(), std::move(candidates));
  while (!queue.empty()) {
    const std::uint64_t best = queue.top();
    queue.pop();
    const auto at = static_cast<std::uint32_t>(best);
    // The pair may have changed since: then it has another rule, or none.
    const Rule* rule = symbols[at] < 0 ? nullptr : rule_at(at);
    if (rule == nullptr || rule->rank != best >> 32U) continue;
    const std::uint32_t next = links[at].next;
    symbols[at] = rule->merged;
    symbols[next] = -1;
    links[at].next = links[next].next;
    if (links[next].next != kEnd) links[links[next].next].previous = at;
    const std::uint32_t previous = links[at].previous;
    if (const Rule* left = previous == kEnd ? nullptr : rule_at(previous))
      queue.push(candidate(left->rank, previous));
    if (const Rule* right = rule_at(at)) queue.push(candidate(right->rank, at));
  }
  std::erase(symbols, -1);
}

}  // namespace troupe::model
