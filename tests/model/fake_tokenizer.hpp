// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/tokenizer.hpp"

namespace troupe::model {

/// A tokenizer whose tokens are given: the first `specials` of them are special, and token 0 ends answers.
/// Text is encoded byte by byte where a token of that byte exists.
class FakeTokenizer final : public Tokenizer {
 public:
  explicit FakeTokenizer(std::vector<std::string> tokens, std::size_t specials = 1)
      : tokens_(std::move(tokens)), specials_(specials) {}

  std::vector<Token> encode(std::string_view utf8, bool) const override {
    std::vector<Token> out;
    for (const char byte : utf8) {
      for (std::size_t i = specials_; i < tokens_.size(); ++i) {
        if (tokens_[i] == std::string(1, byte)) out.push_back(static_cast<Token>(i));
      }
    }
    return out;
  }
  std::string_view bytes(Token token) const override {
    return token < 0 || static_cast<std::size_t>(token) >= tokens_.size()
               ? std::string_view{}
               : tokens_[static_cast<std::size_t>(token)];
  }
  bool is_special(Token token) const override {
    return token >= 0 && static_cast<std::size_t>(token) < specials_;
  }
  std::uint32_t vocabulary_size() const override { return static_cast<std::uint32_t>(tokens_.size()); }
  std::optional<Token> bos() const override { return std::nullopt; }
  const std::vector<Token>& end_tokens() const override { return ends_; }

 private:
  std::vector<std::string> tokens_;
  std::size_t specials_;
  std::vector<Token> ends_{0};
};

}  // namespace troupe::model
