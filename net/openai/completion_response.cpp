// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "model/utf8.hpp"
#include "net/openai/json_text.hpp"
#include "net/openai/response.hpp"
#include "net/openai/response_parts.hpp"

namespace troupe::net {
namespace {

/// A token's name in this API's arrays: its text, or "bytes:\xe2\x80" when it is not whole code points
/// (OpenAI's form). Names are keys of top_logprobs, so that two different pieces must not share one.
std::string token_name(std::string_view bytes) {
  if (model::valid_utf8_prefix(bytes) == bytes.size()) return std::string(bytes);
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string name = "bytes:";
  for (const char c : bytes) {
    name += "\\x";
    name += kDigits[static_cast<unsigned char>(c) >> 4U];
    name += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return name;
}

/// The alternatives and the token itself, which is always among them.
void append_top(std::string& out, const TokenScore& score) {
  if (!score.logprob) {
    out += "null";
    return;
  }
  std::vector<std::string> names;
  out += '{';
  const auto add = [&](std::string_view bytes, float logprob) {
    auto name = token_name(bytes);
    if (std::find(names.begin(), names.end(), name) != names.end()) return;
    if (!names.empty()) out += ',';
    append_json_string(out, name);
    out += ':';
    append_logprob(out, logprob);
    names.push_back(std::move(name));
  };
  for (const auto& [bytes, logprob] : score.top) add(bytes, logprob);
  add(score.bytes, *score.logprob);
  out += '}';
}

template <class Append>
void append_list(std::string& out, const std::vector<TokenScore>& scores, const Append& append) {
  out += '[';
  for (const auto& score : scores) {
    if (&score != &scores.front()) out += ',';
    append(score);
  }
  out += ']';
}

void append_logprobs(std::string& out, const Choice& choice) {
  out += R"(,"logprobs":)";
  if (!choice.scores) {
    out += "null";
    return;
  }
  out += R"({"text_offset":)";
  std::size_t offset = choice.text_offset;
  append_list(out, *choice.scores, [&](const TokenScore& score) {
    const bool continues =
        !score.bytes.empty() && (static_cast<unsigned char>(score.bytes[0]) & 0xC0U) == 0x80U;
    out += std::to_string(continues && offset > 0 ? offset - 1 : offset);
    if (score.in_text) offset = advance_offset(offset, score.bytes);
  });
  out += R"(,"token_logprobs":)";
  append_list(out, *choice.scores, [&](const TokenScore& score) {
    score.logprob ? append_logprob(out, *score.logprob) : static_cast<void>(out += "null");
  });
  out += R"(,"tokens":)";
  append_list(out, *choice.scores,
              [&](const TokenScore& score) { append_json_string(out, token_name(score.bytes)); });
  out += R"(,"top_logprobs":)";
  append_list(out, *choice.scores, [&](const TokenScore& score) { append_top(out, score); });
  out += '}';
}

void append_choice(std::string& out, const Choice& choice) {
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"text":)";
  append_json_string(out, choice.text);
  append_logprobs(out, choice);
  append_finish(out, choice);
  out += '}';
}

}  // namespace

std::size_t advance_offset(std::size_t offset, std::string_view bytes) {
  return offset + static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
           return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
         }));
}

CompletionRenderer::CompletionRenderer(const ResponseIdentity& identity)
    : head_(response_head(identity, "text_completion")) {}

std::string CompletionRenderer::completion(const std::vector<Choice>& choices, const Usage& usage) const {
  std::string out = head_;
  for (const auto& choice : choices) {
    if (&choice != &choices.front()) out += ',';
    append_choice(out, choice);
  }
  return out + response_tail(usage);
}

std::string CompletionRenderer::chunk(const Choice& choice, bool usage_null) const {
  std::string out = head_;
  append_choice(out, choice);
  out += chunk_tail(usage_null);
  return out;
}

std::string CompletionRenderer::usage_chunk(const Usage& usage) const {
  return head_ + response_tail(usage);
}

}  // namespace troupe::net
