// SPDX-License-Identifier: Apache-2.0
#include "model/answer_fold.hpp"

#include <algorithm>
#include <utility>

#include "model/utf8.hpp"

namespace troupe::model {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool contains(const std::vector<Token>& tokens, Token token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

}  // namespace

AnswerFold::Matcher::Matcher(std::string text) : stop(std::move(text)), fallback(stop.size() + 1) {
  for (std::uint32_t i = 1, border = 0; i < stop.size(); ++i) {
    while (border > 0 && stop[i] != stop[border]) border = fallback[border];
    if (stop[i] == stop[border]) ++border;
    fallback[i + 1] = border;
  }
}

bool AnswerFold::Matcher::advance(char byte) {
  while (matched > 0 && stop[matched] != byte) matched = fallback[matched];
  if (stop[matched] == byte) ++matched;
  return matched == stop.size();
}

AnswerFold::AnswerFold(const Tokenizer& tokenizer, StopParams stop)
    : tokenizer_(&tokenizer), stop_(std::move(stop)) {
  for (const std::string& text : stop_.stop) {
    if (!text.empty() && valid_utf8_prefix(text) == text.size()) matchers_.emplace_back(text);
  }
}

bool AnswerFold::ends_answer(Token token) const {
  return (!stop_.ignore_eos && contains(tokenizer_->end_tokens(), token)) ||
         contains(stop_.stop_token_ids, token);
}

FoldStep AnswerFold::push(Token token) {
  FoldStep step;
  if (finished_) return step;
  ++tokens_;
  if (ends_answer(token)) {
    step.finish = FinishReason::stop;
  } else if (!tokenizer_->is_special(token)) {
    bytes_ += tokenizer_->bytes(token);
    decode(false);
    step.text = release();
    step.stop_text = stopped_;
    if (stopped_) step.finish = FinishReason::stop;
  }
  if (!step.finish && tokens_ >= stop_.max_tokens) step.finish = FinishReason::length;
  finished_ = step.finish.has_value();
  return step;
}

std::string AnswerFold::finish() {
  finished_ = true;
  decode(true);
  return std::exchange(held_, {});
}

/// Moves whole code points from the bytes to the text, and at the end of the answer what is left.
void AnswerFold::decode(bool at_end) {
  std::string_view rest = bytes_;
  while (!rest.empty() && !stopped_) {
    const Utf8Front front = utf8_front(rest);
    if (front.kind == Utf8Front::Kind::partial && !at_end) break;
    add(front.kind == Utf8Front::Kind::whole ? rest.substr(0, front.size) : kReplacement);
    rest.remove_prefix(front.size);
  }
  bytes_.erase(0, bytes_.size() - rest.size());
}

void AnswerFold::add(std::string_view code_point) {
  const Matcher* found = nullptr;
  held_ += code_point;
  for (Matcher& matcher : matchers_) {
    bool complete = false;
    for (const char byte : code_point) complete = matcher.advance(byte);
    if (complete && (found == nullptr || matcher.stop.size() > found->stop.size())) found = &matcher;
  }
  if (found == nullptr) return;
  stopped_ = found->stop;
  held_.resize(held_.size() - found->stop.size());
}

/// The text that no stop string can reach back to any more.
std::string AnswerFold::release() {
  if (stopped_) return std::exchange(held_, {});
  std::size_t waiting = 0;
  for (const Matcher& matcher : matchers_) waiting = std::max<std::size_t>(waiting, matcher.matched);
  std::string text = held_.substr(0, held_.size() - waiting);
  held_.erase(0, text.size());
  return text;
}

}  // namespace troupe::model
