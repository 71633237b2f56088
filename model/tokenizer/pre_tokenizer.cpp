// SPDX-License-Identifier: Apache-2.0
#include "model/tokenizer/pre_tokenizer.hpp"

#include <string>

#include "model/tokenizer/unicode_pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace troupe::model {
namespace {

// The patterns as the models' authors published them in tokenizer.json.
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDigit = R"(\p{N})";
constexpr std::string_view kThreeDigits = R"(\p{N}{1,3})";
constexpr std::string_view kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kHanAndKana = R"([\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+)";
constexpr std::string_view kDeepSeek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

const std::vector<PreTokenizerRules>& known_rules() {
  static const std::vector<PreTokenizerRules> rules = {
      {"smollm", {kDigit, kGpt2}},
      {"gpt-2", {kGpt2}},
      {"default", {kGpt2}},
      {"llama-bpe", {kLlama3}, true, false, true},
      {"llama3", {kLlama3}, true, false, true},
      {"qwen2", {kQwen2}, false, true},
      {"deepseek-r1-qwen", {kQwen2}, false, true, true},
      {"deepseek-v3", {kThreeDigits, kHanAndKana, kDeepSeek3}, false, false, true},
  };
  return rules;
}

struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};
struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
using Code = std::unique_ptr<pcre2_code, FreeCode>;

Code compile(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error,
                          &offset, nullptr));
  // Where the system forbids generated code this fails, and matching is interpreted instead.
  if (code != nullptr) pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

}  // namespace

/// One pattern, compiled twice: the slower form is for text with characters that PCRE2's tables lack.
class PreTokenizer::Pass {
 public:
  explicit Pass(std::string_view pattern)
      : plain_(compile(unicode_pattern(pattern, false))), recent_(compile(unicode_pattern(pattern, true))) {}

  bool ok() const { return plain_ != nullptr && recent_ != nullptr; }

  /// Calls `piece` for every match and every gap, in order.
  template <class F>
  void for_each(std::string_view text, bool recent, F&& piece) const {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
    const pcre2_code* code = (recent ? recent_ : plain_).get();
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    std::size_t at = 0;
    while (at < text.size()) {
      const int found = pcre2_match(code, subject, text.size(), at, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
      if (found < 0) break;
      const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
      if (range[0] > at) piece(text.substr(at, range[0] - at));
      piece(text.substr(range[0], range[1] - range[0]));
      at = range[1];
    }
    if (at < text.size()) piece(text.substr(at));
  }

 private:
  Code plain_;
  Code recent_;
};

Result<PreTokenizerRules> pre_tokenizer_rules(std::string_view name) {
  std::string known;
  for (const PreTokenizerRules& rules : known_rules()) {
    if (rules.name == name) return rules;
    known += (known.empty() ? "" : ", ") + std::string(rules.name);
  }
  return Error{
      ErrorCode::bad_file,
      "the pre-tokenizer \"" + std::string(name.substr(0, 64)) + "\" is not supported; supported: " + known,
      "tokenizer.ggml.pre"};
}

PreTokenizer::PreTokenizer() = default;
PreTokenizer::~PreTokenizer() = default;

Result<std::unique_ptr<PreTokenizer>> PreTokenizer::make(const PreTokenizerRules& rules) {
  std::unique_ptr<PreTokenizer> made(new PreTokenizer);
  for (const std::string_view pattern : rules.passes) {
    made->passes_.push_back(std::make_unique<Pass>(pattern));
    if (!made->passes_.back()->ok()) {
      return Error{ErrorCode::internal,
                   "a pattern of the pre-tokenizer " + std::string(rules.name) + " does not compile", ""};
    }
  }
  return made;
}

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
  split(text, 0, has_recent_characters(text), words);
}

void PreTokenizer::split(std::string_view text, std::size_t pass, bool recent,
                         std::vector<std::string_view>& words) const {
  if (pass == passes_.size()) {
    words.push_back(text);
    return;
  }
  passes_[pass]->for_each(text, recent,
                          [&](std::string_view piece) { split(piece, pass + 1, recent, words); });
}

}  // namespace troupe::model
