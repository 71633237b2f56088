// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/special_tokens.hpp"

#include <algorithm>
#include <functional>

namespace troupe::model {

void SpecialTokens::add(std::string_view spelling, Token token) {
  if (spelling.empty() || !tokens_.emplace(spelling, token).second) return;
  auto& lengths = lengths_[static_cast<unsigned char>(spelling[0])];
  const auto place = std::lower_bound(lengths.begin(), lengths.end(), spelling.size(), std::greater<>());
  if (place == lengths.end() || *place != spelling.size()) lengths.insert(place, spelling.size());
}

SpecialTokens::Match SpecialTokens::find(std::string_view text, std::size_t from) const {
  for (std::size_t at = from; at < text.size(); ++at) {
    for (const std::size_t size : lengths_[static_cast<unsigned char>(text[at])]) {
      if (size > text.size() - at) continue;
      const auto found = tokens_.find(text.substr(at, size));
      if (found != tokens_.end()) return {at, size, found->second};
    }
  }
  return {text.size(), 0, -1};
}

}  // namespace troupe::model
