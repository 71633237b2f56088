// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "net/openai/json_body.hpp"
#include "net/openai/options.hpp"

namespace troupe::net {
namespace {

namespace json = boost::json;

std::string as_string(const json::value& value) {
  return {value.get_string().data(), value.get_string().size()};
}

/// The text of a message: a string, or a list of text parts, joined by line ends as vLLM does.
std::string read_content(Fields& message, const std::string& at) {
  const auto* content = message.find("content");
  if (content == nullptr) {
    message.fail("content", "is missing: give the message's text");
    return {};
  }
  if (content->is_string()) return as_string(*content);
  if (!content->is_array()) {
    message.fail("content", "must be a string or a list of text parts");
    return {};
  }
  std::string text;
  std::size_t index = 0;
  for (const auto& part : content->get_array()) {
    const std::string name = "content[" + std::to_string(index) + "]";
    if (!part.is_object()) {
      message.fail(name, "must be an object like {\"type\": \"text\", \"text\": \"...\"}");
      return {};
    }
    Fields inner(part.get_object(), at + name + ".");
    if (inner.text("type").value_or("") != "text")
      message.fail(name + ".type", "must be \"text\": this model reads nothing else");
    const auto piece = inner.text("text");
    if (!piece) message.fail(name + ".text", "must be a string");
    if (index++ > 0) text += '\n';
    text += piece.value_or("");
  }
  return text;
}

model::ChatMessage read_message(Fields& message, const std::string& at) {
  auto role = message.text("role");
  if (!role) message.fail("role", "is missing: system, user or assistant");
  if (role == "developer") role = "system";
  if (role && *role != "system" && *role != "user" && *role != "assistant") {
    message.fail("role", "must be system, developer, user or assistant");
  }
  const auto* calls = message.find("tool_calls");
  if (calls != nullptr && !(calls->is_array() && calls->get_array().empty())) {
    message.fail("tool_calls", "is not supported by this server: leave it out");
  }
  return {role.value_or(""), read_content(message, at)};
}

}  // namespace

std::vector<model::ChatMessage> read_messages(Fields& fields, std::string_view name) {
  std::vector<model::ChatMessage> messages;
  const auto* list = fields.find(name);
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    fields.fail(name, "must be a list of at least one message");
    return messages;
  }
  for (const auto& element : list->get_array()) {
    const std::string at = std::string(name) + "[" + std::to_string(messages.size()) + "]";
    if (!element.is_object()) {
      fields.fail(at, "must be an object like {\"role\": \"user\", \"content\": \"...\"}");
      return messages;
    }
    Fields message(element.get_object(), at + ".");
    messages.push_back(read_message(message, at + "."));
    if (message.failed()) {
      fields.adopt(message.error());
      return messages;
    }
  }
  return messages;
}

model::Result<ChatRequest> parse_chat_request(std::string_view body, const RequestBounds& bounds) {
  const auto parsed = parse_json_body(body, bounds.json_depth);
  if (!parsed) return parsed.error();
  Fields fields(parsed->object());
  ChatRequest request;
  request.options = read_options(fields, bounds);
  request.messages = read_messages(fields, "messages");
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const auto old_name = fields.integer("max_tokens", 1, kMost);
  const auto new_name = fields.integer("max_completion_tokens", 1, kMost);
  const auto most = new_name ? new_name : old_name;
  if (most) request.options.max_tokens = static_cast<std::uint32_t>(*most);
  if (new_name) request.options.max_tokens_field = "max_completion_tokens";
  const bool logprobs = fields.boolean("logprobs", false);
  const auto top = fields.integer("top_logprobs", 0, 20);
  if (top && *top > 0 && !logprobs) fields.fail("top_logprobs", "needs logprobs to be true");
  if (logprobs) request.options.sampling.logprobs = static_cast<std::int32_t>(top.value_or(0));
  refuse_misspelt_options(fields, {"messages", "max_completion_tokens"});
  if (fields.failed()) return fields.error();
  return request;
}

}  // namespace troupe::net
