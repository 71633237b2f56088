// SPDX-License-Identifier: Apache-2.0
#include "net/openai/options.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace troupe::net {
namespace {

namespace json = boost::json;
using model::SamplingParams;

constexpr std::size_t kMostStops = 4;
constexpr std::size_t kLongestStop = 256;
constexpr std::size_t kMostBiases = 1024;
constexpr std::size_t kMostStopTokens = 128;

constexpr std::array kSamplingFields = {
    SamplingField{"temperature", {0, 2}, &SamplingParams::temperature},
    SamplingField{"top_p", {0, 1, true}, &SamplingParams::top_p},
    SamplingField{"min_p", {0, 1}, &SamplingParams::min_p},
    SamplingField{"repetition_penalty", {0, 2, true}, &SamplingParams::repetition_penalty},
    SamplingField{"presence_penalty", {-2, 2}, &SamplingParams::presence_penalty},
    SamplingField{"frequency_penalty", {-2, 2}, &SamplingParams::frequency_penalty},
};

/// Fields that are read, beside kSamplingFields.
constexpr auto kRead = std::to_array<std::string_view>(
    {"model", "stream", "stream_options", "n", "max_tokens", "seed", "stop", "stop_token_ids", "ignore_eos",
     "top_k", "logit_bias", "logprobs", "top_logprobs", "response_format"});

/// Fields that OpenAI or vLLM define and that do not change the tokens here: ignored.
constexpr auto kIgnored = std::to_array<std::string_view>({"user",
                                                           "store",
                                                           "metadata",
                                                           "parallel_tool_calls",
                                                           "service_tier",
                                                           "prediction",
                                                           "verbosity",
                                                           "prompt_cache_key",
                                                           "safety_identifier",
                                                           "reasoning_effort",
                                                           "priority",
                                                           "cache_salt",
                                                           "request_id",
                                                           "tool_choice",
                                                           "function_call",
                                                           "chat_template_kwargs",
                                                           "skip_special_tokens",
                                                           "spaces_between_special_tokens",
                                                           "include_reasoning",
                                                           "length_penalty",
                                                           "include_usage",
                                                           "return_token_ids",
                                                           "web_search_options",
                                                           "add_generation_prompt",
                                                           "prompt_cache_retention"});

/// Fields that would change the answer and are not served: refused, unless their value asks for nothing.
constexpr auto kRefused = std::to_array<std::string_view>({"tools",
                                                           "functions",
                                                           "audio",
                                                           "guided_json",
                                                           "guided_regex",
                                                           "guided_choice",
                                                           "guided_grammar",
                                                           "json_schema",
                                                           "grammar",
                                                           "structured_outputs",
                                                           "prompt_logprobs",
                                                           "use_beam_search",
                                                           "min_tokens",
                                                           "bad_words",
                                                           "allowed_token_ids",
                                                           "truncate_prompt_tokens",
                                                           "include_stop_str_in_output",
                                                           "logits_processors",
                                                           "continue_final_message",
                                                           "chat_template",
                                                           "suffix",
                                                           "documents"});

bool asks_for_nothing(const json::value& value) {
  return (value.is_bool() && !value.get_bool()) || (value.is_array() && value.get_array().empty()) ||
         (value.is_object() && value.get_object().empty()) ||
         (value.is_string() && value.get_string().empty()) || (value.is_int64() && value.get_int64() == 0);
}

void refuse_unserved(Fields& fields) {
  for (const auto name : kRefused) {
    const auto* value = fields.find(name);
    if (value != nullptr && !asks_for_nothing(*value))
      fields.fail(name, "is not supported by this server: leave it out");
  }
  if (const auto* modalities = fields.find("modalities")) {
    const bool text_only = modalities->is_array() && modalities->get_array().size() == 1 &&
                           modalities->get_array()[0] == json::value("text");
    if (!text_only) fields.fail("modalities", "must be [\"text\"]: nothing else is generated here");
  }
  if (const auto* format = fields.find("response_format")) {
    const auto* type = format->is_object() ? format->get_object().if_contains("type") : nullptr;
    if (type == nullptr || *type != json::value("text")) {
      fields.fail("response_format",
                  "must be {\"type\": \"text\"}: other formats are not supported by this server");
    }
  }
}

void read_stream(Fields& fields, RequestOptions& options) {
  options.stream = fields.boolean("stream", false);
  const auto* value = fields.find("stream_options");
  if (value == nullptr) return;
  if (!value->is_object()) {
    fields.fail("stream_options", "must be an object");
  } else if (!options.stream) {
    fields.fail("stream_options", "is only allowed when stream is true");
  } else {
    Fields inner(value->get_object(), "stream_options.");
    options.include_usage = inner.boolean("include_usage", false);
    if (inner.failed()) fields.fail("stream_options.include_usage", "must be true or false");
  }
}

void read_stop(Fields& fields, RequestOptions& options) {
  const auto* value = fields.find("stop");
  if (value == nullptr) return;
  const auto add = [&](const json::value& element) {
    const bool fits =
        element.is_string() && !element.get_string().empty() && element.get_string().size() <= kLongestStop;
    if (fits) options.stop.emplace_back(element.get_string().c_str(), element.get_string().size());
    return fits;
  };
  bool good = value->is_array() ? value->get_array().size() <= kMostStops : add(*value);
  if (value->is_array()) {
    for (const auto& element : value->get_array()) good = good && add(element);
  }
  if (!good) fields.fail("stop", "must be a string, or a list of at most 4 strings, each of 1 to 256 bytes");
}

void read_logit_bias(Fields& fields, const RequestBounds& bounds, SamplingParams& sampling) {
  const auto* value = fields.find("logit_bias");
  if (value == nullptr) return;
  if (!value->is_object() || value->get_object().size() > kMostBiases) {
    fields.fail("logit_bias", "must be an object from token ids to numbers, of at most 1024");
    return;
  }
  Fields biases(value->get_object(), "logit_bias.");
  for (const auto& entry : value->get_object()) {
    const std::string_view key(entry.key().data(), entry.key().size());
    std::uint32_t token = 0;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), token);
    if (read.ec != std::errc{} || read.ptr != key.data() + key.size() || token >= bounds.vocab_size) {
      fields.fail("logit_bias", "has a key that is no token id below " + std::to_string(bounds.vocab_size));
      return;
    }
    const auto bias = biases.number(key, {-100, 100});
    if (!bias) {
      fields.fail("logit_bias", "must map token ids to numbers from -100 to 100");
      return;
    }
    sampling.logit_bias.emplace_back(static_cast<model::Token>(token), static_cast<float>(*bias));
  }
}

}  // namespace

std::span<const SamplingField> sampling_fields() {
  return kSamplingFields;
}

RequestOptions read_options(Fields& fields, const RequestBounds& bounds) {
  RequestOptions options;
  const auto model = fields.text("model");
  if (!model || model->empty())
    fields.fail("model", "is missing: name the model to use (GET /v1/models lists them)");
  options.model = model.value_or("");
  refuse_unserved(fields);
  read_stream(fields, options);
  options.n = static_cast<std::uint32_t>(fields.integer("n", 1, bounds.max_choices).value_or(1));
  for (const auto& field : kSamplingFields) {
    if (const auto number = fields.number(field.name, field.range)) {
      options.sampling.*field.target = static_cast<float>(*number);
    }
  }
  // -1 is vLLM's spelling of "all"; here that is 0.
  options.sampling.top_k = static_cast<std::int32_t>(std::max<std::int64_t>(
      fields.integer("top_k", -1, std::numeric_limits<std::int32_t>::max()).value_or(0), 0));
  options.seed = fields.seed("seed");
  read_stop(fields, options);
  options.stop_token_ids = fields.tokens("stop_token_ids", bounds.vocab_size);
  if (options.stop_token_ids.size() > kMostStopTokens)
    fields.fail("stop_token_ids", "has more than 128 token ids");
  options.ignore_eos = fields.boolean("ignore_eos", false);
  read_logit_bias(fields, bounds, options.sampling);
  return options;
}

void refuse_misspelt_options(Fields& fields, std::initializer_list<std::string_view> own) {
  std::vector<std::string_view> known(own);
  known.insert(known.end(), kRead.begin(), kRead.end());
  known.insert(known.end(), kIgnored.begin(), kIgnored.end());
  known.insert(known.end(), kRefused.begin(), kRefused.end());
  known.push_back("modalities");
  for (const auto& field : kSamplingFields) known.push_back(field.name);
  fields.refuse_misspelt(known);
}

}  // namespace troupe::net
