// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include "model/tokenizer/merges.hpp"
#include "tests/model/demo_model.hpp"
#include "tests/model/gguf_builder.hpp"

namespace troupe::model {
namespace {

using ::testing::HasSubstr;

const Tokenizer& demo_tokenizer() {
  static const auto made = make_tokenizer(demo_model());
  EXPECT_TRUE(made) << made.error().message;
  return **made;
}

std::string decode(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string out;
  for (const Token token : tokens) out += tokenizer.bytes(token);
  return out;
}

/// A vocabulary of the letters a to d, a space ("Ġ"), some merges, a control and a user-defined token.
struct SmallVocabulary {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  std::vector<std::string> tokens = {"a",   "b",   "c",  "d",     "Ġ",       "ab",
                                     "abc", "Ġab", "cd", "<end>", "<think>", "<end>!"};
  std::vector<std::int32_t> types = {1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 4, 3};
  std::vector<std::string> merges = {"a b", "ab c", "Ġ ab", "c d"};
  std::function<void(GgufBuilder&)> also = [](GgufBuilder&) {};

  Result<std::unique_ptr<Tokenizer>> make() const {
    GgufBuilder file;
    file.text("tokenizer.ggml.model", model)
        .text("tokenizer.ggml.pre", pre)
        .texts("tokenizer.ggml.tokens", tokens)
        .numbers("tokenizer.ggml.token_type", GgufType::int32, types)
        .texts("tokenizer.ggml.merges", merges)
        .u32("tokenizer.ggml.eos_token_id", 9);
    also(file);
    const auto opened = file.open();
    EXPECT_TRUE(opened) << opened.error().message;
    return make_tokenizer(**opened);
  }
};

using Tokens = std::vector<Token>;

TEST(Tokenizer, MergesApplyByRankWithinWords) {
  const auto made = SmallVocabulary{}.make();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->encode("abc ab", false), (Tokens{6, 7}));
  EXPECT_EQ((*made)->encode("abcd", false), (Tokens{6, 3}));
  EXPECT_EQ((*made)->encode("", false), Tokens{});
}

TEST(Tokenizer, SpecialSpellingsCountOnlyWithControlTheLongestFirst) {
  const auto made = SmallVocabulary{}.make();
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->encode("a<end>!<think><end>b", true), (Tokens{0, 11, 10, 9, 1}));
  EXPECT_EQ((*made)->encode("a<end>b", false), (Tokens{0, 3, 1}))
      << "bytes that the vocabulary lacks are left out";
  EXPECT_TRUE((*made)->is_special(9));
  EXPECT_FALSE((*made)->is_special(10));
  EXPECT_TRUE((*made)->is_added(10));
  EXPECT_FALSE((*made)->is_added(0));
  EXPECT_EQ((*made)->bytes(10), "<think>");
  EXPECT_EQ((*made)->bytes(7), " ab");
}

TEST(Tokenizer, TokensOutOfRangeAreNothing) {
  for (const Token token : {-1, 49152, 2147483647}) {
    EXPECT_EQ(demo_tokenizer().bytes(token), "");
    EXPECT_FALSE(demo_tokenizer().is_special(token));
    EXPECT_FALSE(demo_tokenizer().is_added(token));
  }
}

TEST(Tokenizer, BosIsThereOnlyWhenTheFileWantsIt) {
  EXPECT_EQ((*SmallVocabulary{}.make())->bos(), std::nullopt);
  const auto with =
      SmallVocabulary{.also = [](GgufBuilder& file) {
        file.u32("tokenizer.ggml.bos_token_id", 11).boolean("tokenizer.ggml.add_bos_token", true);
      }}.make();
  EXPECT_EQ((*with)->bos(), 11);
  EXPECT_EQ(demo_tokenizer().bos(), std::nullopt);
}

TEST(Tokenizer, EndTokensAreTheFilesAndThoseKnownByTheirSpelling) {
  EXPECT_EQ(demo_tokenizer().end_tokens(), (Tokens{2, 0}))
      << "<|im_end|> by its key, <|endoftext|> by its spelling";
}

void expect_bad(const SmallVocabulary& vocabulary, const std::string& message) {
  const auto made = vocabulary.make();
  ASSERT_FALSE(made) << "made, but should say: " << message;
  EXPECT_EQ(made.error().code, ErrorCode::bad_file);
  EXPECT_THAT(made.error().message, HasSubstr(message));
}

TEST(Tokenizer, AVocabularyThatIsInconsistentIsRefused) {
  expect_bad({.model = "llama"}, "\"llama\" is not supported");
  expect_bad({.pre = "mystery"}, "\"mystery\" is not supported; supported: smollm");
  expect_bad({.tokens = {}}, "missing or empty");
  expect_bad({.types = {1, 1}}, "has 2 integers for 12 tokens");
  expect_bad({.merges = {"a b", "b d"}}, "merge 1 does not join two tokens");
  expect_bad({.merges = {"ab"}}, "merge 0");
  expect_bad({.also = [](GgufBuilder& file) { file.u32("tokenizer.ggml.bos_token_id", 12); }},
             "token 12 is beyond");
  EXPECT_EQ(make_tokenizer(**GgufBuilder{}.open()).error().code, ErrorCode::bad_file);
}

TEST(Tokenizer, KnownTextsHaveTheirPublishedTokens) {
  // As Hugging Face tokenizers encodes them; tokenizer_oracle.py compares thousands more.
  const Tokenizer& t = demo_tokenizer();
  EXPECT_EQ(t.encode("Hello, world!", false), (Tokens{19556, 28, 905, 17}));
  EXPECT_EQ(t.encode("<|im_start|>", true), Tokens{1});
  EXPECT_EQ(decode(t, t.encode("It's 1234 — naïve 😀\n\n  x", false)), "It's 1234 — naïve 😀\n\n  x");
}

TEST(Tokenizer, DigitsStandAlone) {
  EXPECT_EQ(demo_tokenizer().encode("2024", false).size(), 4U);
}

TEST(Tokenizer, IllFormedTextIsTokenizedByteByByte) {
  const Tokenizer& t = demo_tokenizer();
  std::mt19937_64 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes;
    for (std::uint64_t n = random() % 40; n > 0; --n) bytes += static_cast<char>(random());
    const auto tokens = t.encode(bytes, (random() & 1U) != 0);
    for (const Token token : tokens) ASSERT_FALSE(t.bytes(token).empty());
  }
  EXPECT_EQ(decode(t, t.encode("a\xC3(\xE2\x82", false)), "a\xC3(\xE2\x82");
}

TEST(Tokenizer, VeryLongWordsAreEncodedInTimeAndCompletely) {
  const Tokenizer& t = demo_tokenizer();
  for (const std::string& piece : {std::string(" "), std::string("a"), std::string("<"), std::string("\n")}) {
    std::string text;
    for (int i = 0; i < 300000; ++i) text += piece;
    EXPECT_EQ(decode(t, t.encode(text, true)), text);
  }
}

/// The definition of applying merges, by search of the whole word for each one.
Tokens merged_by_definition(Tokens symbols, const std::vector<std::array<Token, 3>>& rules) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [left, right, merged] : rules) {
      for (std::size_t i = 0; i + 1 < symbols.size() && !changed; ++i) {
        if (symbols[i] != left || symbols[i + 1] != right) continue;
        symbols[i] = merged;
        symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        changed = true;
      }
      if (changed) break;
    }
  }
  return symbols;
}

TEST(Merges, ShortAndLongWordsFollowTheDefinition) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 400; ++round) {
    std::vector<std::array<Token, 3>> rules;
    for (Token merged = 3; merged < 12; ++merged) {
      const auto any = [&] { return static_cast<Token>(random() % static_cast<std::uint64_t>(merged)); };
      rules.push_back({any(), any(), merged});
    }
    std::shuffle(rules.begin(), rules.end(), random);
    Merges merges(rules.size());
    for (std::uint32_t rank = 0; rank < rules.size(); ++rank) {
      merges.add(rules[rank][0], rules[rank][1], rank, rules[rank][2]);
    }
    for (const std::size_t size : {0U, 1U, 2U, 7U, 31U, 32U, 33U, 100U}) {
      Tokens word(size);
      for (Token& symbol : word) symbol = static_cast<Token>(random() % 3);
      const Tokens expected = merged_by_definition(word, rules);
      merges.apply(word);
      ASSERT_EQ(word, expected) << "round " << round << ", size " << size;
    }
  }
}

}  // namespace
}  // namespace troupe::model
