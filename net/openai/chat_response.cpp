// SPDX-License-Identifier: Apache-2.0
#include "net/openai/json_text.hpp"
#include "net/openai/response.hpp"
#include "net/openai/response_parts.hpp"

namespace troupe::net {
namespace {

/// {"token":..,"logprob":..,"bytes":[..] without the closing brace.
void append_token(std::string& out, std::string_view bytes, float logprob) {
  out += R"({"token":)";
  append_json_string(out, bytes);
  out += R"(,"logprob":)";
  append_logprob(out, logprob);
  out += R"(,"bytes":[)";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(static_cast<unsigned char>(bytes[i]));
  }
  out += ']';
}

void append_logprobs(std::string& out, const Choice& choice) {
  out += R"(,"logprobs":)";
  if (!choice.scores) {
    out += "null";
    return;
  }
  out += R"({"content":[)";
  bool first = true;
  for (const auto& score : *choice.scores) {
    if (!first) out += ',';
    first = false;
    append_token(out, score.bytes, score.logprob.value_or(0));
    out += R"(,"top_logprobs":[)";
    for (std::size_t i = 0; i < score.top.size(); ++i) {
      if (i > 0) out += ',';
      append_token(out, score.top[i].first, score.top[i].second);
      out += '}';
    }
    out += "]}";
  }
  out += R"(],"refusal":null})";
}

std::string delta_chunk(const std::string& head, const Choice& choice, std::string_view delta,
                        bool usage_null) {
  std::string out = head;
  out += R"({"index":)" + std::to_string(choice.index) + R"(,"delta":)";
  out += delta;
  append_logprobs(out, choice);
  append_finish(out, choice);
  out += '}';
  out += chunk_tail(usage_null);
  return out;
}

}  // namespace

ChatRenderer::ChatRenderer(const ResponseIdentity& identity)
    : chunk_head_(response_head(identity, "chat.completion.chunk")),
      whole_head_(response_head(identity, "chat.completion")) {}

std::string ChatRenderer::completion(const std::vector<Choice>& choices, const Usage& usage) const {
  std::string out = whole_head_;
  for (const auto& choice : choices) {
    if (&choice != &choices.front()) out += ',';
    out += R"({"index":)" + std::to_string(choice.index) + R"(,"message":{"role":"assistant","content":)";
    append_json_string(out, choice.text);
    out += R"(,"refusal":null})";
    append_logprobs(out, choice);
    append_finish(out, choice);
    out += '}';
  }
  return out + response_tail(usage);
}

std::string ChatRenderer::role_chunk(std::uint32_t index, bool usage_null) const {
  Choice choice;
  choice.index = index;
  return delta_chunk(chunk_head_, choice, R"({"role":"assistant","content":""})", usage_null);
}

std::string ChatRenderer::chunk(const Choice& choice, bool usage_null) const {
  std::string delta = R"({"content":)";
  append_json_string(delta, choice.text);
  delta += '}';
  return delta_chunk(chunk_head_, choice, delta, usage_null);
}

std::string ChatRenderer::finish_chunk(const Choice& choice, bool usage_null) const {
  return delta_chunk(chunk_head_, choice, "{}", usage_null);
}

std::string ChatRenderer::usage_chunk(const Usage& usage) const {
  return chunk_head_ + response_tail(usage);
}

}  // namespace troupe::net
