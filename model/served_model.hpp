// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "model/architecture/model_config.hpp"
#include "model/chat_template.hpp"
#include "model/tokenizer.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {

/// What is served under one name: all that the ingress needs of a model. Immutable, shared by restarts.
struct ServedModel {
  std::string name;          ///< --served-model-name, or the file's name without its ending
  std::int64_t created = 0;  ///< Unix seconds, for /v1/models
  ModelConfig config;
  std::uint32_t max_model_len = 0;  ///< tokens of prompt + answer that a sequence may have
  std::string fingerprint;          ///< of model and numerics: OpenAI's system_fingerprint
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const ChatTemplate> chat_template;
};

}  // namespace troupe::model
