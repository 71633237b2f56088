// SPDX-License-Identifier: Apache-2.0
#include "net/openai/response_parts.hpp"

#include "net/openai/json_text.hpp"

namespace troupe::net {

std::string response_head(const ResponseIdentity& identity, std::string_view object) {
  std::string out = R"({"id":)";
  append_json_string(out, identity.id);
  out += R"(,"object":)";
  append_json_string(out, object);
  out += R"(,"created":)" + std::to_string(identity.created) + R"(,"model":)";
  append_json_string(out, identity.model);
  out += R"(,"system_fingerprint":)";
  append_json_string(out, identity.fingerprint);
  out += R"(,"choices":[)";
  return out;
}

std::string response_tail(const Usage& usage) {
  return R"(],"usage":{"prompt_tokens":)" + std::to_string(usage.prompt_tokens) + R"(,"completion_tokens":)" +
         std::to_string(usage.completion_tokens) + R"(,"total_tokens":)" +
         std::to_string(usage.prompt_tokens + usage.completion_tokens) + "}}";
}

std::string_view chunk_tail(bool usage_null) {
  return usage_null ? R"(],"usage":null})" : "]}";
}

void append_finish(std::string& out, const Choice& choice) {
  out += R"(,"finish_reason":)";
  if (!choice.finish) {
    out += "null";
    return;
  }
  append_json_string(out, model::to_string(*choice.finish));
  if (!choice.stop_text) return;
  out += R"(,"stop_reason":)";
  append_json_string(out, *choice.stop_text);
}

}  // namespace troupe::net
