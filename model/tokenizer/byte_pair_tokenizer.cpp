// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/byte_pair_tokenizer.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>

#include "model/tokenizer/byte_level.hpp"
#include "model/utf8.hpp"

namespace troupe::model {
namespace {

/// Normalization form C; the text itself when it is ASCII or the conversion fails for want of memory.
std::string to_nfc(std::string_view utf8) {
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(utf8.begin(), utf8.end(), ascii)) return std::string(utf8);
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(utf8.data()),
                                 static_cast<utf8proc_ssize_t>(utf8.size()), &mapped,
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  if (size < 0) return std::string(utf8);
  std::string out(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
  std::free(mapped);
  return out;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> BytePairTokenizer::make(BytePairVocabulary vocabulary) {
  auto pre_tokenizer = PreTokenizer::make(vocabulary.rules);
  if (!pre_tokenizer) return pre_tokenizer.error();
  std::unique_ptr<BytePairTokenizer> made(new BytePairTokenizer(vocabulary, *std::move(pre_tokenizer)));
  if (auto read = made->read_merges(vocabulary); !read) return read.error();
  made->index_words();
  return std::unique_ptr<Tokenizer>(std::move(made));
}

BytePairTokenizer::BytePairTokenizer(BytePairVocabulary vocabulary,
                                     std::unique_ptr<PreTokenizer> pre_tokenizer)
    : kinds_(std::move(vocabulary.kinds)),
      bos_(vocabulary.bos),
      end_tokens_(std::move(vocabulary.end_tokens)),
      whole_words_first_(vocabulary.rules.whole_words_first),
      nfc_(vocabulary.rules.nfc),
      pre_tokenizer_(std::move(pre_tokenizer)),
      merges_(vocabulary.merges.size()) {
  bytes_.reserve(vocabulary.spellings.size());
  byte_tokens_.fill(-1);
  for (std::size_t i = 0; i < vocabulary.spellings.size(); ++i) {
    std::string& spelling = vocabulary.spellings[i];
    const bool normal = kinds_[i] == Kind::normal;
    auto decoded = normal ? from_byte_level(spelling) : std::nullopt;
    bytes_.push_back(decoded ? *std::move(decoded) : std::move(spelling));
    const auto token = static_cast<Token>(i);
    if (!normal) special_.add(bytes_.back(), token);
    if (normal && bytes_.back().size() == 1)
      byte_tokens_[static_cast<unsigned char>(bytes_.back()[0])] = token;
  }
}

Result<void> BytePairTokenizer::read_merges(const BytePairVocabulary& vocabulary) {
  std::unordered_map<std::string_view, Token> tokens;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    if (kinds_[i] == Kind::normal) tokens.emplace(bytes_[i], static_cast<Token>(i));
  }
  const auto look_up = [&](const std::optional<std::string>& bytes) {
    const auto found = bytes ? tokens.find(*bytes) : tokens.end();
    return found == tokens.end() ? Token{-1} : found->second;
  };
  for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
    const std::string_view merge = vocabulary.merges[rank];
    const std::size_t space = merge.find(' ');
    const auto left = from_byte_level(merge.substr(0, space));
    const auto right = space == merge.npos ? std::nullopt : from_byte_level(merge.substr(space + 1));
    const auto both = left && right ? std::optional(*left + *right) : std::nullopt;
    const Token merged = look_up(both);
    if (look_up(left) < 0 || look_up(right) < 0 || merged < 0) {
      return Error{
          ErrorCode::bad_file,
          "merge " + std::to_string(rank) + " does not join two tokens of the vocabulary into a third",
          "tokenizer.ggml.merges"};
    }
    merges_.add(look_up(left), look_up(right), static_cast<std::uint32_t>(rank), merged);
  }
  return {};
}

void BytePairTokenizer::index_words() {
  std::vector<Token> symbols;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    const auto token = static_cast<Token>(i);
    if (kinds_[i] != Kind::normal || bytes_[i].empty()) continue;
    if (!whole_words_first_) {
      to_symbols(bytes_[i], symbols);
      merges_.apply(symbols);
      if (symbols != std::vector<Token>{token}) continue;
    }
    words_.emplace(bytes_[i], token);
  }
}

std::vector<Token> BytePairTokenizer::encode(std::string_view utf8, bool control) const {
  std::vector<Token> out;
  out.reserve(utf8.size() / 4);
  for (std::size_t at = 0; at < utf8.size();) {
    const auto match = control ? special_.find(utf8, at) : SpecialTokens::Match{utf8.size(), 0, -1};
    encode_text(utf8.substr(at, match.begin - at), out);
    if (match.size > 0) out.push_back(match.token);
    at = match.begin + match.size;
  }
  return out;
}

/// Valid stretches are cut into words; a byte that belongs to no code point becomes its own token.
void BytePairTokenizer::encode_text(std::string_view text, std::vector<Token>& out) const {
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_prefix(text);
    if (valid > 0 && nfc_) {
      encode_valid(to_nfc(text.substr(0, valid)), out);
    } else if (valid > 0) {
      encode_valid(text.substr(0, valid), out);
    }
    if (valid == text.size()) return;
    const Token token = byte_tokens_[static_cast<unsigned char>(text[valid])];
    if (token >= 0) out.push_back(token);
    text.remove_prefix(valid + 1);
  }
}

void BytePairTokenizer::encode_valid(std::string_view utf8, std::vector<Token>& out) const {
  std::vector<std::string_view> words;
  words.reserve(utf8.size() / 4);
  pre_tokenizer_->split(utf8, words);
  std::vector<Token> symbols;
  for (const std::string_view word : words) encode_word(word, symbols, out);
}

void BytePairTokenizer::encode_word(std::string_view word, std::vector<Token>& symbols,
                                    std::vector<Token>& out) const {
  if (const auto found = words_.find(word); found != words_.end()) {
    out.push_back(found->second);
    return;
  }
  to_symbols(word, symbols);
  merges_.apply(symbols);
  out.insert(out.end(), symbols.begin(), symbols.end());
}

/// One symbol for each byte. A byte that the vocabulary lacks is left out, as the reference tokenizer does.
void BytePairTokenizer::to_symbols(std::string_view word, std::vector<Token>& symbols) const {
  symbols.clear();
  for (const char byte : word) {
    if (const Token token = byte_tokens_[static_cast<unsigned char>(byte)]; token >= 0)
      symbols.push_back(token);
  }
}

std::string_view BytePairTokenizer::bytes(Token token) const {
  return token < 0 || static_cast<std::size_t>(token) >= bytes_.size()
             ? std::string_view{}
             : bytes_[static_cast<std::size_t>(token)];
}

bool BytePairTokenizer::is_special(Token token) const {
  return token >= 0 && static_cast<std::size_t>(token) < kinds_.size() &&
         kinds_[static_cast<std::size_t>(token)] == Kind::control;
}

bool BytePairTokenizer::is_added(Token token) const {
  return token >= 0 && static_cast<std::size_t>(token) < kinds_.size() &&
         kinds_[static_cast<std::size_t>(token)] != Kind::normal;
}

}  // namespace troupe::model
