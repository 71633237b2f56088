// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/ids.hpp"

namespace troupe::model {

/// The merges of a byte-pair encoding and their application to one word.
///
/// Threads: any, after the last add.
class Merges {
 public:
  /// Room for `count` merges.
  explicit Merges(std::size_t count);

  /// `left` and `right` side by side become `merged`; a smaller rank is applied first. The first of two rules
  /// for one pair counts.
  void add(Token left, Token right, std::uint32_t rank, Token merged);

  /// Applies the merges to `symbols` until none applies: always the smallest rank, leftmost first. O(n log
  /// n). Source: Sennrich et al. 2016, as in Hugging Face tokenizers' BPE.
  void apply(std::vector<Token>& symbols) const;

 private:
  struct Rule {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = 0;
    Token merged = -1;
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};
  static std::uint64_t key(Token left, Token right) {
    return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32U) | static_cast<std::uint32_t>(right);
  }
  std::size_t bucket(std::uint64_t pair) const { return (pair * 0x9e3779b97f4a7c15ULL) >> shift_; }
  const Rule* find(Token left, Token right) const;
  void apply_short(std::vector<Token>& symbols) const;
  void apply_long(std::vector<Token>& symbols) const;

  std::vector<Rule> table_;  ///< open addressing, at most half full
  unsigned shift_;
};

}  // namespace troupe::model
