// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace troupe::model {

class ModelFile;

/// Text to tokens and back.
///
/// Threads: any; immutable after construction.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Tokens of `utf8`. `control`: spellings of special tokens become those tokens; only the chat template and
  /// an API call that says so may set it, so that what a user types never becomes a control token.
  virtual std::vector<Token> encode(std::string_view utf8, bool control) const = 0;

  /// The bytes a token stands for; not always whole code points. A special token's spelling. Empty when out
  /// of range.
  virtual std::string_view bytes(Token token) const = 0;

  /// Control tokens: they stand for no text in an answer.
  virtual bool is_special(Token token) const = 0;
  /// Tokens that `encode` finds by their spelling when `control` is set: the special ones, and those that the
  /// model's authors added beside its merges ("<think>"), which do stand for text.
  virtual bool is_added(Token token) const { return is_special(token); }
  virtual std::uint32_t vocabulary_size() const = 0;
  /// The token every prompt starts with, when the model wants one (tokenizer.ggml.add_bos_token).
  virtual std::optional<Token> bos() const = 0;
  /// Tokens that end an answer (eos, end of turn).
  virtual const std::vector<Token>& end_tokens() const = 0;
};

/// Errors: bad_file when the vocabulary is missing, of an unknown kind, or inconsistent.
Result<std::unique_ptr<Tokenizer>> make_tokenizer(const ModelFile& file);

}  // namespace troupe::model
