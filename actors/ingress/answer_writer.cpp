// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/answer_writer.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "net/http/sse.hpp"
#include "net/openai/error_body.hpp"

namespace troupe::actors {
namespace {

using net::Choice;
using net::TokenScore;
using Renderer = std::variant<net::ChatRenderer, net::CompletionRenderer>;

/// What both kinds of writer need of an answer's shape.
class AnswerScores {
 public:
  AnswerScores(const AnswerShape& shape, std::shared_ptr<const model::Tokenizer> tokenizer)
      : shape_(shape), tokenizer_(std::move(tokenizer)) {}

  std::vector<TokenScore> of(const std::vector<AnswerToken>& tokens) const {
    std::vector<TokenScore> scores;
    scores.reserve(tokens.size());
    for (const auto& token : tokens) {
      TokenScore score{token.bytes, token.scored.logprob, {}};
      for (const auto& top : token.scored.top) {
        score.top.emplace_back(std::string(tokenizer_->bytes(top.token)), top.logprob);
      }
      scores.push_back(std::move(score));
    }
    return scores;
  }

  /// The prompt's tokens with their scores; the first ones (position 0 at least) have none.
  std::vector<TokenScore> of_prompt(const AnswerShape::Echo& prompt,
                                    const std::vector<AnswerToken>& scored) const {
    std::vector<TokenScore> scores;
    const std::size_t unscored = prompt.tokens.size() - std::min(prompt.tokens.size(), scored.size());
    for (std::size_t i = 0; i < unscored; ++i) {
      scores.push_back({std::string(tokenizer_->bytes(prompt.tokens[i])), std::nullopt, {}});
    }
    for (auto& score : of(scored)) scores.push_back(std::move(score));
    if (!scores.empty()) {
      scores.front().logprob.reset();
      scores.front().in_text = !prompt.bos_added;
    }
    return scores;
  }

  /// The choice's prompt as its first piece.
  Choice echo(std::uint32_t index, const std::vector<AnswerToken>& prompt_scores) const {
    const auto& prompt = shape_.echo[index / shape_.n];
    Choice choice;
    choice.index = index;
    choice.text = prompt.text;
    if (shape_.logprobs) choice.scores = of_prompt(prompt, prompt_scores);
    return choice;
  }

 private:
  const AnswerShape& shape_;
  std::shared_ptr<const model::Tokenizer> tokenizer_;
};

Renderer make_renderer(const AnswerShape& shape) {
  if (shape.kind == AnswerShape::Kind::chat) return net::ChatRenderer(shape.identity);
  return net::CompletionRenderer(shape.identity);
}

std::size_t advance(std::size_t offset, const Choice& piece) {
  for (const auto& score : piece.scores.value_or(std::vector<TokenScore>{})) {
    if (score.in_text) offset = net::advance_offset(offset, score.bytes);
  }
  return offset;
}

/// Collects a whole answer and sends it with its end.
class WholeAnswer : public AnswerSink {
 public:
  WholeAnswer(AnswerShape shape, std::shared_ptr<const model::Tokenizer> tokenizer,
              std::shared_ptr<net::HttpResponder> responder)
      : shape_(std::move(shape)), scores_(shape_, std::move(tokenizer)), responder_(std::move(responder)) {
    choices_.resize(shape_.choices);
    begun_.resize(shape_.choices);
    for (std::uint32_t i = 0; i < shape_.choices; ++i) choices_[i].index = i;
    usage_.prompt_tokens = shape_.prompt_tokens;
  }

  void deliver(AnswerEvent event) override {
    if (!responder_) return;
    if (event.error) {
      respond_error(*std::exchange(responder_, nullptr), *event.error);
      return;
    }
    if (event.choice < choices_.size()) collect(event);
    if (!event.last) return;
    const auto body =
        std::visit([this](const auto& renderer) { return renderer.completion(choices_, usage_); },
                   make_renderer(shape_));
    std::exchange(responder_, nullptr)->respond(200, "application/json", body);
  }

 private:
  void collect(AnswerEvent& event) {
    auto& choice = choices_[event.choice];
    if (shape_.logprobs && !choice.scores) choice.scores.emplace();
    if (!shape_.echo.empty() && !begun_[event.choice])
      choice = scores_.echo(event.choice, event.prompt_scores);
    begun_[event.choice] = true;
    choice.text += event.text;
    if (shape_.logprobs) {
      for (auto& score : scores_.of(event.tokens)) choice.scores->push_back(std::move(score));
    }
    usage_.completion_tokens += event.tokens.size();
    if (event.finish) choice.finish = event.finish;
    if (event.stop_text) choice.stop_text = std::move(event.stop_text);
  }

  AnswerShape shape_;
  AnswerScores scores_;
  std::shared_ptr<net::HttpResponder> responder_;
  std::vector<Choice> choices_;
  std::vector<bool> begun_;  ///< choices that had their first event
  net::Usage usage_;
};

/// Sends every event on as it comes.
class StreamedAnswer : public AnswerSink {
 public:
  StreamedAnswer(AnswerShape shape, std::shared_ptr<const model::Tokenizer> tokenizer,
                 std::shared_ptr<net::HttpResponder> responder)
      : shape_(std::move(shape)),
        scores_(shape_, std::move(tokenizer)),
        renderer_(make_renderer(shape_)),
        responder_(std::move(responder)),
        progress_(shape_.choices) {
    usage_.prompt_tokens = shape_.prompt_tokens;
  }

  void deliver(AnswerEvent event) override {
    if (!responder_) return;
    if (event.error) {
      fail(*event.error);
      return;
    }
    if (event.choice < progress_.size()) pass_on(event);
    if (event.last) finish();
  }

 private:
  /// How far a choice has come.
  struct Progress {
    bool begun = false;
    std::size_t offset = 0;  ///< code points of text before the next score
  };

  void begin_stream() {
    if (std::exchange(streaming_, true)) return;
    responder_->begin_stream(200, "text/event-stream; charset=utf-8",
                             {{"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}});
  }

  void send(std::string_view json) { out_ += net::sse_event(json); }

  void flush() {
    if (!out_.empty()) responder_->write(std::exchange(out_, {}));
  }

  void pass_on(AnswerEvent& event) {
    begin_stream();
    auto& progress = progress_[event.choice];
    if (!std::exchange(progress.begun, true)) begin_choice(event, progress);
    Choice piece;
    piece.index = event.choice;
    piece.text = std::move(event.text);
    if (shape_.logprobs) piece.scores = scores_.of(event.tokens);
    piece.text_offset = progress.offset;
    piece.finish = event.finish;
    piece.stop_text = std::move(event.stop_text);
    usage_.completion_tokens += event.tokens.size();
    progress.offset = advance(progress.offset, piece);
    send_piece(std::move(piece));
    flush();
  }

  void begin_choice(const AnswerEvent& event, Progress& progress) {
    if (const auto* chat = std::get_if<net::ChatRenderer>(&renderer_)) {
      send(chat->role_chunk(event.choice, shape_.include_usage));
    } else if (!shape_.echo.empty()) {
      const Choice echo = scores_.echo(event.choice, event.prompt_scores);
      progress.offset = advance(0, echo);
      send(std::get<net::CompletionRenderer>(renderer_).chunk(echo, shape_.include_usage));
    }
  }

  void send_piece(Choice piece) {
    const bool has_scores = piece.scores && !piece.scores->empty();
    const bool has_content = !piece.text.empty() || has_scores;
    const auto* chat = std::get_if<net::ChatRenderer>(&renderer_);
    if (chat == nullptr) {
      if (has_content || piece.finish) {
        send(std::get<net::CompletionRenderer>(renderer_).chunk(piece, shape_.include_usage));
      }
      return;
    }
    const auto finish = std::exchange(piece.finish, std::nullopt);
    if (has_content) send(chat->chunk(piece, shape_.include_usage));
    if (!finish) return;
    piece.finish = finish;
    piece.scores.reset();
    send(chat->finish_chunk(piece, shape_.include_usage));
  }

  void fail(const model::Error& error) {
    const auto responder = std::exchange(responder_, nullptr);
    if (!streaming_) {
      respond_error(*responder, error);
      return;
    }
    responder->write(net::sse_event(net::render_error(error)));
    responder->finish();
  }

  void finish() {
    begin_stream();
    if (shape_.include_usage) {
      send(std::visit([this](const auto& renderer) { return renderer.usage_chunk(usage_); }, renderer_));
    }
    send("[DONE]");
    flush();
    std::exchange(responder_, nullptr)->finish();
  }

  AnswerShape shape_;
  AnswerScores scores_;
  Renderer renderer_;
  std::shared_ptr<net::HttpResponder> responder_;
  std::vector<Progress> progress_;
  net::Usage usage_;
  std::string out_;
  bool streaming_ = false;
};

}  // namespace

std::shared_ptr<AnswerSink> make_answer_writer(AnswerShape shape,
                                               std::shared_ptr<const model::Tokenizer> tokenizer,
                                               std::shared_ptr<net::HttpResponder> responder) {
  if (shape.stream)
    return std::make_shared<StreamedAnswer>(std::move(shape), std::move(tokenizer), std::move(responder));
  return std::make_shared<WholeAnswer>(std::move(shape), std::move(tokenizer), std::move(responder));
}

void respond_error(net::HttpResponder& responder, const model::Error& error,
                   std::vector<net::HttpHeader> extra) {
  const int status = net::http_status(error.code);
  if (status == 429 || status == 503) extra.push_back({"Retry-After", "1"});
  responder.respond(status, "application/json", net::render_error(error), std::move(extra));
}

}  // namespace troupe::actors
