// SPDX-License-Identifier: Apache-2.0
#include "model/answer_fold.hpp"

#include <gtest/gtest.h>

#include <random>

#include "model/utf8.hpp"
#include "tests/model/fake_tokenizer.hpp"

namespace troupe::model {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

StopParams stop_at(std::vector<std::string> stop, std::uint32_t max_tokens = 1000) {
  StopParams params;
  params.max_tokens = max_tokens;
  params.stop = std::move(stop);
  return params;
}

/// A tokenizer of the given pieces, behind an end token (0) and another special one (1): piece i is token 2 +
/// i.
FakeTokenizer tokenizer_of(std::vector<std::string> pieces) {
  pieces.insert(pieces.begin(), {"<end>", "<special>"});
  return FakeTokenizer(std::move(pieces), 2);
}

struct Answer {
  std::vector<std::string> texts;  ///< one for each token, and the rest
  std::string text;
  std::optional<FinishReason> finish;
  std::optional<std::string> stop_text;
  std::uint32_t tokens = 0;  ///< until the end
};

Answer fold(const Tokenizer& tokenizer, const StopParams& stop, const std::vector<Token>& tokens) {
  AnswerFold fold(tokenizer, stop);
  Answer answer;
  for (const Token token : tokens) {
    const FoldStep step = fold.push(token);
    answer.texts.push_back(step.text);
    ++answer.tokens;
    answer.finish = step.finish;
    answer.stop_text = step.stop_text;
    if (step.finish) break;
  }
  answer.texts.push_back(fold.finish());
  for (const auto& text : answer.texts) answer.text += text;
  return answer;
}

/// Folds pieces as if each were a token.
Answer fold_pieces(const std::vector<std::string>& pieces, const StopParams& stop) {
  std::vector<Token> tokens(pieces.size());
  for (std::size_t i = 0; i < pieces.size(); ++i) tokens[i] = static_cast<Token>(i + 2);
  return fold(tokenizer_of(pieces), stop, tokens);
}

using Texts = std::vector<std::string>;

TEST(AnswerFold, TextComesWithItsToken) {
  EXPECT_EQ(fold_pieces({"Hel", "lo", "!"}, stop_at({})).texts, (Texts{"Hel", "lo", "!", ""}));
}

TEST(AnswerFold, PartsOfACodePointWaitForTheRest) {
  EXPECT_EQ(fold_pieces({"a\xF0\x9F", "\x98", "\x80z"}, stop_at({})).texts,
            (Texts{"a", "", "\xF0\x9F\x98\x80z", ""}));
}

TEST(AnswerFold, IllFormedBytesBecomeReplacementCharacters) {
  EXPECT_EQ(fold_pieces({"a\xFF\xC3", "b"}, stop_at({})).texts,
            (Texts{"a" + kReplacement, kReplacement + "b", ""}));
  EXPECT_EQ(fold_pieces({"a\xF0\x9F"}, stop_at({})).texts, (Texts{"a", kReplacement}));
  EXPECT_EQ(fold_pieces({"\xED\xA0\x80"}, stop_at({})).text, kReplacement + kReplacement + kReplacement);
}

TEST(AnswerFold, AStopStringIsCutOffWhereverTokensBegin) {
  for (const auto& pieces :
       {Texts{"one END two"}, Texts{"one E", "ND two"}, Texts{"one ", "E", "N", "D", " two"}}) {
    const Answer answer = fold_pieces(pieces, stop_at({"END"}));
    EXPECT_EQ(answer.text, "one ");
    EXPECT_EQ(answer.finish, FinishReason::stop);
    EXPECT_EQ(answer.stop_text, "END");
  }
}

TEST(AnswerFold, ABeginningOfAStopStringWaitsUntilItIsNone) {
  const Answer answer = fold_pieces({"a\n", "\n", "b\n"}, stop_at({"\n\n\n"}));
  EXPECT_EQ(answer.texts, (Texts{"a", "", "\n\nb", "\n"}));
  EXPECT_EQ(answer.finish, std::nullopt);
}

TEST(AnswerFold, TheStopStringThatIsCompleteFirstCounts) {
  EXPECT_EQ(fold_pieces({"abcd"}, stop_at({"abcd", "c"})).text, "ab");
  EXPECT_EQ(fold_pieces({"abcd"}, stop_at({"cd", "bcd", "d"})).stop_text, "bcd")
      << "of those that end together";
  EXPECT_EQ(fold_pieces({"aab", "x"}, stop_at({"ab"})).text, "a");
}

TEST(AnswerFold, TextBeyondAStopStringAndFurtherTokensAddNothing) {
  const FakeTokenizer tokenizer = tokenizer_of({"aSTOPb", "c"});
  AnswerFold fold(tokenizer, stop_at({"STOP"}));
  EXPECT_EQ(fold.push(2).text, "a");
  EXPECT_EQ(fold.push(3).text, "");
  EXPECT_EQ(fold.finish(), "");
}

TEST(AnswerFold, EndTokensEndTheAnswerUnlessIgnored) {
  const FakeTokenizer tokenizer = tokenizer_of({"a", "b"});
  const Answer answer = fold(tokenizer, stop_at({}), {2, 0, 3});
  EXPECT_EQ(answer.text, "a");
  EXPECT_EQ(answer.finish, FinishReason::stop);
  EXPECT_EQ(answer.stop_text, std::nullopt);
  EXPECT_EQ(answer.tokens, 2U);
  StopParams ignoring = stop_at({});
  ignoring.ignore_eos = true;
  EXPECT_EQ(fold(tokenizer, ignoring, {2, 0, 1, 3}).text, "ab") << "special tokens stand for no text";
}

TEST(AnswerFold, StopTokensEndTheAnswerWithoutTheirText) {
  StopParams stop = stop_at({});
  stop.stop_token_ids = {3};
  stop.ignore_eos = true;
  const Answer answer = fold(tokenizer_of({"a", "b"}), stop, {2, 0, 3, 2});
  EXPECT_EQ(answer.text, "a");
  EXPECT_EQ(answer.finish, FinishReason::stop);
}

TEST(AnswerFold, TheLimitOfTokensEndsTheAnswerWithWhatWaits) {
  const FakeTokenizer tokenizer = tokenizer_of({"a", "\n"});
  const Answer answer = fold(tokenizer, stop_at({"\n\n"}, 2), {2, 3, 3});
  EXPECT_EQ(answer.text, "a\n");
  EXPECT_EQ(answer.finish, FinishReason::length);
  EXPECT_EQ(answer.tokens, 2U);
  EXPECT_EQ(fold(tokenizer, stop_at({"\n"}, 2), {2, 3}).finish, FinishReason::stop)
      << "a stop at the limit is a stop";
  EXPECT_EQ(fold(tokenizer, stop_at({}, 1), {0}).finish, FinishReason::stop);
}

TEST(AnswerFold, EmptyAndIllFormedStopStringsAreIgnored) {
  EXPECT_EQ(fold_pieces({"a\xC3\xA9"}, stop_at({"", "\xA9"})).text, "a\xC3\xA9");
}

/// What the whole answer must be, by its definition: decode everything, then cut where the first stop string
/// is complete.
std::string expected_text(const std::string& bytes, const std::vector<std::string>& stops) {
  std::string text;
  for (std::string_view rest = bytes; !rest.empty();) {
    const Utf8Front front = utf8_front(rest);
    text += front.kind == Utf8Front::Kind::whole ? std::string(rest.substr(0, front.size)) : kReplacement;
    rest.remove_prefix(front.size);
    for (std::size_t longest = 0; const auto& stop : stops) {
      if (text.ends_with(stop)) longest = std::max(longest, stop.size());
      if (&stop == &stops.back() && longest > 0) return text.substr(0, text.size() - longest);
    }
  }
  return text;
}

TEST(AnswerFold, StreamingEqualsTheWholeForRandomTextsStopsAndSplits) {
  std::mt19937_64 random(5);
  const auto pick = [&](std::uint64_t n) { return random() % n; };
  const std::vector<std::string> alphabet = {
      "a", "b", "a", "b", "\n", "\xC3\xA9", "\xF0\x9F\x98\x80", "\xF0\x9F", "\xFF"};
  const auto text = [&](std::uint64_t length, std::uint64_t letters) {
    std::string out;
    for (std::uint64_t i = 0; i < length; ++i) out += alphabet[pick(letters)];
    return out;
  };
  int stopped = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string whole = text(1 + pick(24), alphabet.size());
    std::vector<std::string> stops;
    for (std::uint64_t i = pick(5); i > 0; --i) stops.push_back(text(1 + pick(5), 7));
    Texts pieces;
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t size = std::min<std::size_t>(1 + pick(6), whole.size() - at);
      pieces.push_back(whole.substr(at, size));
      at += size;
    }
    const Answer answer = fold_pieces(pieces, stop_at(stops));
    ASSERT_EQ(answer.text, expected_text(whole, stops)) << "round " << round;
    for (const auto& part : answer.texts)
      ASSERT_EQ(valid_utf8_prefix(part), part.size()) << "round " << round;
    stopped += answer.stop_text.has_value() ? 1 : 0;
  }
  EXPECT_GT(stopped, 2000);
}

TEST(AnswerFold, PushingTheSameTokensAgainGivesTheSameSteps) {
  const Texts pieces = {"x\xF0\x9F", "\x98\x80 a", "b\n", "\nab", "c"};
  const Answer once = fold_pieces(pieces, stop_at({"\n\nabc!"}));
  EXPECT_EQ(fold_pieces(pieces, stop_at({"\n\nabc!"})).texts, once.texts);
  EXPECT_EQ(once.text, "x\xF0\x9F\x98\x80 ab\n\nabc");
}

}  // namespace
}  // namespace troupe::model
