// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "model/ids.hpp"

namespace troupe::model {

class ModelFile;
class Tokenizer;

/// One message of a conversation.
struct ChatMessage {
  std::string role;  ///< system, user, assistant
  std::string content;
  bool operator==(const ChatMessage&) const = default;
};

/// A piece of a rendered conversation: what the template wrote (control) or what somebody typed.
struct ChatPiece {
  std::string text;
  bool control = false;
  bool operator==(const ChatPiece&) const = default;
};

/// Turns a conversation into the text the model was trained on.
///
/// Threads: any; immutable. Templates found in a model file are recognised, never run (SGLang CVE-2026-5760).
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;
  /// `generation_prompt`: ends with the opening of the assistant's turn.
  /// Errors: invalid_request with param "messages[i].role" for a role the template does not know.
  virtual Result<std::vector<ChatPiece>> render(const std::vector<ChatMessage>& messages,
                                                bool generation_prompt) const = 0;
};

/// The template that the file names; ChatML when it has none or one we do not know (said in the log).
Result<std::unique_ptr<ChatTemplate>> make_chat_template(const ModelFile& file);

/// Encodes rendered pieces; only control pieces may yield special tokens.
std::vector<Token> encode_chat(const Tokenizer& tokenizer, const std::vector<ChatPiece>& pieces);

}  // namespace troupe::model
