// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/merges.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <queue>
#include <tuple>

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
  constexpr std::size_t kEnd = std::numeric_limits<std::size_t>::max();
  struct Link {
    std::size_t previous;
    std::size_t next;
  };
  struct Candidate {
    std::uint32_t rank;
    std::size_t at;
    Token left;
    Token right;
    Token merged;
    bool operator>(const Candidate& other) const {
      return std::tie(rank, at) > std::tie(other.rank, other.at);
    }
  };
  std::vector<Link> links(symbols.size());
  for (std::size_t i = 0; i < links.size(); ++i) links[i] = {i - 1, i + 1 < links.size() ? i + 1 : kEnd};
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](std::size_t at) {
    if (at == kEnd || links[at].next == kEnd) return;
    const Token right = symbols[links[at].next];
    if (const Rule* rule = find(symbols[at], right))
      queue.push({rule->rank, at, symbols[at], right, rule->merged});
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) consider(i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const std::size_t next = links[best.at].next;
    // A symbol that was merged away is -1; one that grew no longer equals the candidate's.
    if (symbols[best.at] != best.left || next == kEnd || symbols[next] != best.right) continue;
    symbols[best.at] = best.merged;
    symbols[next] = -1;
    links[best.at].next = links[next].next;
    if (links[next].next != kEnd) links[links[next].next].previous = best.at;
    consider(links[best.at].previous);
    consider(best.at);
  }
  std::erase(symbols, -1);
}

}  // namespace troupe::model
