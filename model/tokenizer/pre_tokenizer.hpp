// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "model/error.hpp"

namespace troupe::model {

/// How text is cut into words before merging, under the name that GGUF files give it (tokenizer.ggml.pre).
struct PreTokenizerRules {
  std::string_view name;
  /// Patterns that never match nothing. Each isolates its matches in every piece that the one before left;
  /// what lies between matches is a piece.
  std::vector<std::string_view> passes;
  bool whole_words_first = false;  ///< a word that is a token is taken without merging (ignore_merges)
  bool nfc = false;                ///< text is brought to Unicode normalization form C first
  bool adds_bos = false;           ///< what holds when the file has no tokenizer.ggml.add_bos_token
};

/// The rules of that name. Errors: bad_file naming it and those that are known.
Result<PreTokenizerRules> pre_tokenizer_rules(std::string_view name);

/// Cuts text into words by regular expressions.
///
/// Threads: any; immutable.
class PreTokenizer {
 public:
  /// Errors: internal when a pattern does not compile.
  static Result<std::unique_ptr<PreTokenizer>> make(const PreTokenizerRules& rules);
  ~PreTokenizer();
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;

  /// Appends the words of `text`, which must be valid UTF-8, in order; together they are the text.
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  class Pass;
  PreTokenizer();
  void split(std::string_view text, std::size_t pass, bool recent,
             std::vector<std::string_view>& words) const;
  std::vector<std::unique_ptr<Pass>> passes_;
};

}  // namespace troupe::model
