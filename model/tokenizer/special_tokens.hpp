// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/ids.hpp"

namespace troupe::model {

/// Finds the spellings of special tokens in text: leftmost first, the longest of those that begin there.
///
/// Threads: any, after the last add. Spellings must outlive it.
class SpecialTokens {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t size = 0;
    Token token = -1;
  };

  /// Empty spellings are ignored; of equal ones the first counts.
  void add(std::string_view spelling, Token token);
  /// The first match at or after `from`; size 0 when there is none. O(text x number of different lengths).
  Match find(std::string_view text, std::size_t from) const;

 private:
  std::unordered_map<std::string_view, Token> tokens_;
  std::array<std::vector<std::size_t>, 256> lengths_;  ///< by first byte, longest first
};

}  // namespace troupe::model
