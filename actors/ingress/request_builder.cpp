// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/request_builder.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe::actors {
namespace {

using model::Error;
using model::ErrorCode;
using model::Result;
using model::Token;

constexpr std::uint32_t kCompletionTokens = 16;  ///< OpenAI's default of /v1/completions

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::int64_t unix_seconds(const telemetry::Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

}  // namespace

RequestBuilder::RequestBuilder(std::shared_ptr<const model::ServedModel> served,
                               std::shared_ptr<telemetry::Random> random,
                               std::shared_ptr<const telemetry::Clock> clock)
    : served_(std::move(served)), random_(std::move(random)), clock_(std::move(clock)) {
  const auto& tokenizer = *served_->tokenizer;
  for (std::uint32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    longest_token_ = std::max(longest_token_, tokenizer.bytes(static_cast<Token>(id)).size());
  }
}

Result<void> RequestBuilder::check_model(const std::string& name) const {
  if (name.empty() || name == served_->name) return {};
  return Error{ErrorCode::model_not_found,
               "The model `" + name + "` does not exist: this server serves `" + served_->name + "`",
               "model"};
}

Result<void> RequestBuilder::check_bytes(std::size_t bytes, const char* field) const {
  // Tokens are at most so long: such a text need not be tokenized to know that it does not fit.
  const std::size_t least = bytes / longest_token_;
  if (least <= served_->max_model_len) return {};
  return Error{ErrorCode::context_length,
               "This model's maximum context length is " + number(served_->max_model_len) +
                   " tokens. However, your " + field + " has " + number(bytes) +
                   " bytes, which are at least " + number(least) + " tokens. Please reduce its length.",
               field};
}

Result<std::uint32_t> RequestBuilder::max_tokens(const net::RequestOptions& options,
                                                 std::size_t prompt_tokens, std::uint32_t otherwise,
                                                 const char* field) const {
  const std::uint64_t context = served_->max_model_len;
  const std::string limit =
      "This model's maximum context length is " + number(context) + " tokens. However, ";
  const std::uint64_t least = options.max_tokens ? *options.max_tokens : 1;
  const std::uint64_t needed = prompt_tokens + least;
  if (prompt_tokens > context || (prompt_tokens == context && least > 0)) {
    return Error{ErrorCode::context_length,
                 limit + "your " + field + " resulted in " + number(prompt_tokens) +
                     " tokens and an answer needs at least one more. Please reduce the length of the " +
                     field + ".",
                 field};
  }
  if (needed > context) {
    return Error{ErrorCode::context_length,
                 limit + "you requested " + number(needed) + " tokens (" + number(prompt_tokens) +
                     " in the " + field + ", " + number(least) +
                     " in the completion). Please reduce the length of the " + field + " or " +
                     options.max_tokens_field + ".",
                 options.max_tokens_field};
  }
  const auto left = static_cast<std::uint32_t>(context - prompt_tokens);
  return options.max_tokens.value_or(std::min(otherwise, left));
}

Result<std::vector<Token>> RequestBuilder::encode_messages(const std::vector<model::ChatMessage>& messages,
                                                           bool generation_prompt) const {
  std::size_t bytes = 0;
  for (const auto& message : messages) bytes += message.content.size();
  if (auto fits = check_bytes(bytes, "messages"); !fits) return fits.error();
  const auto pieces = served_->chat_template->render(messages, generation_prompt);
  if (!pieces) return pieces.error();
  return model::encode_chat(*served_->tokenizer, *pieces);
}

Result<std::vector<Token>> RequestBuilder::encode_text(const std::string& text,
                                                       bool add_special_tokens) const {
  if (auto fits = check_bytes(text.size(), "prompt"); !fits) return fits.error();
  auto tokens = served_->tokenizer->encode(text, true);
  const auto bos = served_->tokenizer->bos();
  if (add_special_tokens && bos) tokens.insert(tokens.begin(), *bos);
  return tokens;
}

PreparedRequest RequestBuilder::prepare(const net::RequestOptions& options) const {
  PreparedRequest prepared;
  auto& request = prepared.request;
  const auto id = random_->bits();
  request.id = {id.high, id.low};
  request.n = options.n;
  request.sampling = options.sampling;
  request.sampling.seed = options.seed ? *options.seed : random_->bits().low;
  request.stop.stop = options.stop;
  request.stop.stop_token_ids = options.stop_token_ids;
  request.stop.ignore_eos = options.ignore_eos;
  auto& shape = prepared.shape;
  shape.stream = options.stream;
  shape.include_usage = options.include_usage;
  shape.logprobs = options.sampling.logprobs >= 0;
  shape.n = options.n;
  shape.identity = {"", unix_seconds(*clock_), served_->name, served_->fingerprint};
  return prepared;
}

Result<PreparedRequest> RequestBuilder::chat(const net::ChatRequest& chat) const {
  if (auto known = check_model(chat.options.model); !known) return known.error();
  auto tokens = encode_messages(chat.messages, true);
  if (!tokens) return tokens.error();
  const auto most =
      max_tokens(chat.options, tokens->size(), std::numeric_limits<std::uint32_t>::max(), "messages");
  if (!most) return most.error();
  PreparedRequest prepared = prepare(chat.options);
  prepared.request.stop.max_tokens = *most;
  prepared.shape.kind = AnswerShape::Kind::chat;
  prepared.shape.choices = chat.options.n;
  prepared.shape.prompt_tokens = tokens->size();
  prepared.shape.identity.id = "chatcmpl-" + model::to_string(prepared.request.id);
  prepared.request.prompts.push_back({*std::move(tokens)});
  return prepared;
}

Result<PreparedRequest> RequestBuilder::completion(const net::CompletionRequest& completion) const {
  if (auto known = check_model(completion.options.model); !known) return known.error();
  PreparedRequest prepared = prepare(completion.options);
  auto& shape = prepared.shape;
  std::size_t longest = 0;
  for (const auto& input : completion.prompts) {
    const auto* text = std::get_if<std::string>(&input);
    auto tokens = text != nullptr ? encode_text(*text, completion.add_special_tokens)
                                  : Result<std::vector<Token>>(std::get<std::vector<Token>>(input));
    if (!tokens) return tokens.error();
    if (tokens->empty()) {
      return Error{ErrorCode::invalid_request, "prompt is empty: give at least one token to continue",
                   "prompt"};
    }
    if (completion.echo) {
      AnswerShape::Echo echo{text != nullptr ? *text : "", *tokens, false};
      echo.bos_added =
          text != nullptr && completion.add_special_tokens && served_->tokenizer->bos().has_value();
      if (text == nullptr) {
        for (const auto token : *tokens) echo.text += served_->tokenizer->bytes(token);
      }
      shape.echo.push_back(std::move(echo));
    }
    longest = std::max(longest, tokens->size());
    shape.prompt_tokens += tokens->size();
    prepared.request.prompts.push_back({*std::move(tokens)});
  }
  const auto most = max_tokens(completion.options, longest, kCompletionTokens, "prompt");
  if (!most) return most.error();
  prepared.request.stop.max_tokens = *most;
  shape.kind = AnswerShape::Kind::completion;
  shape.choices = prepared.request.choices();
  shape.identity.id = "cmpl-" + model::to_string(prepared.request.id);
  return prepared;
}

Result<std::vector<Token>> RequestBuilder::tokenize(const net::TokenizeRequest& request) const {
  if (auto known = check_model(request.model); !known) return known.error();
  if (request.prompt) return encode_text(*request.prompt, request.add_special_tokens);
  return encode_messages(request.messages, request.add_generation_prompt);
}

}  // namespace troupe::actors
