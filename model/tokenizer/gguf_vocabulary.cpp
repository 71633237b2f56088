// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "model/tokenizer/byte_pair_tokenizer.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {
namespace {

/// Numbers of tokenizer.ggml.token_type that make a token special.
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;

/// Control tokens that end a turn or a document by their spelling: files name only one of them as their eos.
constexpr std::array<std::string_view, 7> kEndSpellings = {
    "<|im_end|>", "<|endoftext|>",         "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>",
    "<|end|>",    "<｜end▁of▁sentence｜>",
};

Error bad_file(const ModelFile& file, const std::string& key, std::string message) {
  return {ErrorCode::bad_file, key + ": " + std::move(message), file.path()};
}

Result<std::vector<BytePairVocabulary::Kind>> read_kinds(const ModelFile& file, std::size_t count) {
  using Kind = BytePairVocabulary::Kind;
  const std::string key = "tokenizer.ggml.token_type";
  const auto types = file.integers(key);
  if (types.size() != count) {
    return bad_file(
        file, key,
        "has " + std::to_string(types.size()) + " integers for " + std::to_string(count) + " tokens");
  }
  std::vector<Kind> kinds(count, Kind::normal);
  for (std::size_t i = 0; i < count; ++i) {
    if (types[i] == kControl) kinds[i] = Kind::control;
    if (types[i] == kUserDefined) kinds[i] = Kind::user_defined;
  }
  return kinds;
}

/// A token named by a key; -1 when the file has no such key.
Result<Token> token_named(const ModelFile& file, const char* name, std::size_t count) {
  const std::string key = std::string("tokenizer.ggml.") + name;
  const auto id = file.integer(key);
  if (!id) return Token{-1};
  if (*id >= count)
    return bad_file(file, key,
                    "token " + std::to_string(*id) + " is beyond the vocabulary of " + std::to_string(count));
  return static_cast<Token>(*id);
}

Result<void> read_bos(const ModelFile& file, BytePairVocabulary& vocabulary) {
  const auto bos = token_named(file, "bos_token_id", vocabulary.spellings.size());
  if (!bos) return bos.error();
  if (*bos >= 0 && file.boolean("tokenizer.ggml.add_bos_token").value_or(vocabulary.rules.adds_bos))
    vocabulary.bos = *bos;
  return {};
}

Result<void> read_end_tokens(const ModelFile& file, BytePairVocabulary& vocabulary) {
  const auto add = [&](Token token) {
    auto& list = vocabulary.end_tokens;
    if (token >= 0 && std::find(list.begin(), list.end(), token) == list.end()) list.push_back(token);
  };
  for (const char* name : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
    const auto token = token_named(file, name, vocabulary.spellings.size());
    if (!token) return token.error();
    add(*token);
  }
  for (std::size_t i = 0; i < vocabulary.spellings.size(); ++i) {
    const bool ends =
        std::find(kEndSpellings.begin(), kEndSpellings.end(), vocabulary.spellings[i]) != kEndSpellings.end();
    if (ends && vocabulary.kinds[i] == BytePairVocabulary::Kind::control) add(static_cast<Token>(i));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_tokenizer(const ModelFile& file) {
  const auto model = file.text("tokenizer.ggml.model");
  if (!model) return bad_file(file, "tokenizer.ggml.model", "the file has no vocabulary");
  if (*model != "gpt2") {
    return bad_file(
        file, "tokenizer.ggml.model",
        "\"" + std::string(model->substr(0, 64)) + "\" is not supported; only byte-level BPE, \"gpt2\", is");
  }
  BytePairVocabulary vocabulary;
  auto rules = pre_tokenizer_rules(file.text("tokenizer.ggml.pre").value_or("default"));
  if (!rules) return bad_file(file, rules.error().param, rules.error().message);
  vocabulary.rules = *std::move(rules);
  for (const std::string_view text : file.texts("tokenizer.ggml.tokens"))
    vocabulary.spellings.emplace_back(text);
  for (const std::string_view text : file.texts("tokenizer.ggml.merges"))
    vocabulary.merges.emplace_back(text);
  if (vocabulary.spellings.empty())
    return bad_file(file, "tokenizer.ggml.tokens", "the vocabulary is missing or empty");
  auto kinds = read_kinds(file, vocabulary.spellings.size());
  if (!kinds) return kinds.error();
  vocabulary.kinds = *std::move(kinds);
  if (auto read = read_bos(file, vocabulary); !read) return read.error();
  if (auto read = read_end_tokens(file, vocabulary); !read) return read.error();
  auto made = BytePairTokenizer::make(std::move(vocabulary));
  if (!made) return bad_file(file, made.error().param, made.error().message);
  return made;
}

}  // namespace troupe::model
