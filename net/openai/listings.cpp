// SPDX-License-Identifier: Apache-2.0
#include "net/openai/json_text.hpp"
#include "net/openai/response.hpp"

namespace troupe::net {

std::string render_model(const ModelCard& card) {
  std::string out = R"({"id":)";
  append_json_string(out, card.id);
  out += R"(,"object":"model","created":)" + std::to_string(card.created) +
         R"(,"owned_by":"troupe","max_model_len":)" + std::to_string(card.max_model_len) + "}";
  return out;
}

std::string render_models(const std::vector<ModelCard>& cards) {
  std::string out = R"({"object":"list","data":[)";
  for (const auto& card : cards) {
    if (&card != &cards.front()) out += ',';
    out += render_model(card);
  }
  return out + "]}";
}

std::string render_tokens(const std::vector<model::Token>& tokens, std::uint32_t max_model_len) {
  std::string out = R"({"count":)" + std::to_string(tokens.size()) + R"(,"max_model_len":)" +
                    std::to_string(max_model_len) + R"(,"tokens":[)";
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(tokens[i]);
  }
  return out + "]}";
}

std::string render_prompt(std::string_view text) {
  std::string out = R"({"prompt":)";
  append_json_string(out, text);
  return out + "}";
}

}  // namespace troupe::net
