// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "net/openai/json_body.hpp"
#include "net/openai/options.hpp"

namespace troupe::net {
namespace {

namespace json = boost::json;

constexpr const char* kPromptForms =
    "must be a string, a list of strings, a list of token ids, or a list of such lists";

std::string as_string(const json::value& value) {
  return {value.get_string().data(), value.get_string().size()};
}

PromptInput read_prompt(Fields& fields, const json::value& value, const std::string& param,
                        std::uint32_t vocab_size) {
  if (value.is_string()) return as_string(value);
  if (value.is_array()) return fields.tokens_of(value, param, vocab_size);
  fields.fail(param, kPromptForms);
  return std::string{};
}

std::vector<PromptInput> read_prompts(Fields& fields, const RequestBounds& bounds) {
  std::vector<PromptInput> prompts;
  const auto* value = fields.find("prompt");
  if (value == nullptr || (value->is_array() && value->get_array().empty())) {
    fields.fail("prompt", std::string("is missing or empty: it ") + kPromptForms);
    return prompts;
  }
  const bool several =
      value->is_array() && (value->get_array()[0].is_string() || value->get_array()[0].is_array());
  if (!several) {
    prompts.push_back(read_prompt(fields, *value, "prompt", bounds.vocab_size));
    return prompts;
  }
  const auto& list = value->get_array();
  if (list.size() > bounds.max_choices) {
    fields.fail("prompt",
                "has more than " + std::to_string(bounds.max_choices) + " prompts (scheduler.max_choices)");
    return prompts;
  }
  for (const auto& element : list) {
    const std::string param = "prompt[" + std::to_string(prompts.size()) + "]";
    if (element.kind() != list[0].kind()) fields.fail(param, kPromptForms);
    prompts.push_back(read_prompt(fields, element, param, bounds.vocab_size));
  }
  return prompts;
}

}  // namespace

model::Result<CompletionRequest> parse_completion_request(std::string_view body,
                                                          const RequestBounds& bounds) {
  const auto parsed = parse_json_body(body, bounds.json_depth);
  if (!parsed) return parsed.error();
  Fields fields(parsed->object());
  CompletionRequest request;
  auto& options = request.options;
  options = read_options(fields, bounds);
  request.prompts = read_prompts(fields, bounds);
  if (request.prompts.size() * options.n > bounds.max_choices) {
    fields.fail("n", "times the number of prompts is above " + std::to_string(bounds.max_choices) +
                         " (scheduler.max_choices)");
  }
  request.echo = fields.boolean("echo", false);
  request.add_special_tokens = fields.boolean("add_special_tokens", true);
  const auto most =
      fields.integer("max_tokens", request.echo ? 0 : 1, std::numeric_limits<std::int32_t>::max());
  if (most) options.max_tokens = static_cast<std::uint32_t>(*most);
  if (const auto logprobs = fields.integer("logprobs", 0, 20)) {
    options.sampling.logprobs = static_cast<std::int32_t>(*logprobs);
    if (request.echo) options.sampling.prompt_logprobs = options.sampling.logprobs;
  }
  const auto best_of = fields.integer("best_of", 1, bounds.max_choices);
  if (best_of && *best_of != options.n)
    fields.fail("best_of", "must equal n: ranking of answers is not supported");
  refuse_misspelt_options(fields, {"prompt", "echo", "add_special_tokens", "best_of"});
  if (fields.failed()) return fields.error();
  return request;
}

model::Result<TokenizeRequest> parse_tokenize_request(std::string_view body, const RequestBounds& bounds) {
  const auto parsed = parse_json_body(body, bounds.json_depth);
  if (!parsed) return parsed.error();
  Fields fields(parsed->object());
  TokenizeRequest request;
  request.model = fields.text("model").value_or("");
  request.prompt = fields.text("prompt");
  if (!request.prompt) request.messages = read_messages(fields, "messages");
  request.add_special_tokens = fields.boolean("add_special_tokens", true);
  request.add_generation_prompt = fields.boolean("add_generation_prompt", true);
  if (fields.failed()) return fields.error();
  return request;
}

model::Result<DetokenizeRequest> parse_detokenize_request(std::string_view body,
                                                          const RequestBounds& bounds) {
  const auto parsed = parse_json_body(body, bounds.json_depth);
  if (!parsed) return parsed.error();
  Fields fields(parsed->object());
  DetokenizeRequest request;
  request.model = fields.text("model").value_or("");
  if (fields.find("tokens") == nullptr) fields.fail("tokens", "is missing: a list of token ids");
  request.tokens = fields.tokens("tokens", bounds.vocab_size);
  if (fields.failed()) return fields.error();
  return request;
}

}  // namespace troupe::net
