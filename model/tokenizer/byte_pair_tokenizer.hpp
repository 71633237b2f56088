// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/tokenizer.hpp"
#include "model/tokenizer/merges.hpp"
#include "model/tokenizer/pre_tokenizer.hpp"
#include "model/tokenizer/special_tokens.hpp"

namespace troupe::model {

/// A byte-level byte-pair vocabulary as it stands in a GGUF file.
struct BytePairVocabulary {
  enum class Kind : std::uint8_t { normal, control, user_defined };
  std::vector<std::string> spellings;
  std::vector<Kind> kinds;          ///< one for each spelling
  std::vector<std::string> merges;  ///< "left right", the strongest first
  PreTokenizerRules rules;
  std::optional<Token> bos;
  std::vector<Token> end_tokens;
};

/// Byte-level byte-pair encoding, as GPT-2, SmolLM, Llama 3, Qwen 2 and DeepSeek use it.
///
/// A word that is a token by itself is found in one look-up; the others are merged. No cache that grows:
/// every encode reads the same immutable tables.
class BytePairTokenizer final : public Tokenizer {
 public:
  /// Errors: bad_file for a merge that names no tokens.
  static Result<std::unique_ptr<Tokenizer>> make(BytePairVocabulary vocabulary);

  std::vector<Token> encode(std::string_view utf8, bool control) const override;
  std::string_view bytes(Token token) const override;
  bool is_special(Token token) const override;
  bool is_added(Token token) const override;
  std::uint32_t vocabulary_size() const override { return static_cast<std::uint32_t>(bytes_.size()); }
  std::optional<Token> bos() const override { return bos_; }
  const std::vector<Token>& end_tokens() const override { return end_tokens_; }

 private:
  using Kind = BytePairVocabulary::Kind;
  BytePairTokenizer(BytePairVocabulary vocabulary, std::unique_ptr<PreTokenizer> pre_tokenizer);
  Result<void> read_merges(const BytePairVocabulary& vocabulary);
  void index_words();
  void encode_text(std::string_view text, std::vector<Token>& out) const;
  void encode_valid(std::string_view utf8, std::vector<Token>& out) const;
  void encode_word(std::string_view word, std::vector<Token>& symbols, std::vector<Token>& out) const;
  void to_symbols(std::string_view word, std::vector<Token>& symbols) const;

  std::vector<std::string> bytes_;  ///< of each token; never changes, so that views into it last
  std::vector<Kind> kinds_;
  std::optional<Token> bos_;
  std::vector<Token> end_tokens_;
  bool whole_words_first_;
  bool nfc_;
  std::unique_ptr<PreTokenizer> pre_tokenizer_;
  SpecialTokens special_;
  Merges merges_;
  std::array<Token, 256> byte_tokens_{};               ///< -1: the vocabulary lacks that byte
  std::unordered_map<std::string_view, Token> words_;  ///< words whose encoding is that one token
};

}  // namespace troupe::model
