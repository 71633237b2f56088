// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template.hpp"

#include <array>
#include <optional>
#include <utility>

#include "model/tokenizer.hpp"
#include "model/weights/model_file.hpp"
#include "telemetry/log.hpp"

namespace troupe::model {
namespace {

constexpr std::string_view kChatMlStart = "<|im_start|>";
constexpr std::string_view kChatMlEnd = "<|im_end|>";
constexpr std::string_view kDeepSeekUser = "<｜User｜>";
constexpr std::string_view kDeepSeekAssistant = "<｜Assistant｜>";
constexpr std::string_view kDeepSeekEnd = "<｜end▁of▁sentence｜>";
constexpr std::string_view kThinkEnd = "</think>";

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// Collects pieces; neighbours of one kind are joined and empty ones left out.
class Pieces {
 public:
  void control(std::string_view text) { add(text, true); }
  void typed(std::string_view text) { add(text, false); }
  std::vector<ChatPiece> take() { return std::move(pieces_); }

 private:
  void add(std::string_view text, bool is_control) {
    if (text.empty()) return;
    if (pieces_.empty() || pieces_.back().control != is_control) pieces_.push_back({"", is_control});
    pieces_.back().text += text;
  }
  std::vector<ChatPiece> pieces_;
};

/// A role is written into the prompt as control text, so nothing but the roles we know may pass.
Result<void> check_roles(const std::vector<ChatMessage>& messages) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role == "system" || role == "user" || role == "assistant") continue;
    return Error{ErrorCode::invalid_request,
                 "this model's chat template knows the roles system, user and assistant",
                 "messages[" + std::to_string(i) + "].role"};
  }
  return {};
}

/// "<|im_start|>role\ncontent<|im_end|>\n": SmolLM2, Qwen and many others.
class ChatMl final : public ChatTemplate {
 public:
  ChatMl(std::string bos, std::optional<std::string> default_system)
      : bos_(std::move(bos)), default_system_(std::move(default_system)) {}

  Result<std::vector<ChatPiece>> render(const std::vector<ChatMessage>& messages,
                                        bool generation_prompt) const override {
    if (auto known = check_roles(messages); !known) return known.error();
    Pieces out;
    out.control(bos_);
    if (default_system_ && !messages.empty() && messages[0].role != "system") {
      write_turn(out, "system", *default_system_, true);
    }
    for (const ChatMessage& message : messages) write_turn(out, message.role, message.content, false);
    if (generation_prompt) out.control(std::string(kChatMlStart) + "assistant\n");
    return out.take();
  }

 private:
  static void write_turn(Pieces& out, const std::string& role, const std::string& content, bool ours) {
    out.control(std::string(kChatMlStart) + role + "\n");
    ours ? out.control(content) : out.typed(content);
    out.control(std::string(kChatMlEnd) + "\n");
  }
  std::string bos_;
  std::optional<std::string> default_system_;
};

/// White space as Python's str.strip takes it, which the templates' `trim` is.
std::string_view trim(std::string_view text) {
  static constexpr std::array<std::string_view, 29> kSpaces = {
      "\t",           "\n",           "\v",           "\f",           "\r",
      "\x1c",         "\x1d",         "\x1e",         "\x1f",         " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
      "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
      "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view space : kSpaces) {
      if (text.starts_with(space)) {
        text.remove_prefix(space.size());
        again = true;
      }
      if (text.ends_with(space)) {
        text.remove_suffix(space.size());
        again = true;
      }
    }
  }
  return text;
}

/// "<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>": Llama 3.
class Llama3 final : public ChatTemplate {
 public:
  explicit Llama3(std::string bos) : bos_(std::move(bos)) {}

  Result<std::vector<ChatPiece>> render(const std::vector<ChatMessage>& messages,
                                        bool generation_prompt) const override {
    if (auto known = check_roles(messages); !known) return known.error();
    Pieces out;
    if (!messages.empty()) out.control(bos_);
    for (const ChatMessage& message : messages) {
      out.control(header(message.role));
      out.typed(trim(message.content));
      out.control("<|eot_id|>");
    }
    if (generation_prompt) out.control(header("assistant"));
    return out.take();
  }

 private:
  static std::string header(const std::string& role) {
    return "<|start_header_id|>" + role + "<|end_header_id|>\n\n";
  }
  std::string bos_;
};

/// "system<｜User｜>content<｜Assistant｜>content<｜end▁of▁sentence｜>": DeepSeek R1, V3 and R1's
/// distillations. Earlier answers lose their reasoning.
class DeepSeek final : public ChatTemplate {
 public:
  struct Variant {
    bool joins_system_messages = false;  ///< otherwise the last one counts
    std::string_view generation_suffix;  ///< "<think>\n" where the template opens the reasoning itself
  };
  DeepSeek(std::string bos, Variant variant) : bos_(std::move(bos)), variant_(variant) {}

  Result<std::vector<ChatPiece>> render(const std::vector<ChatMessage>& messages,
                                        bool generation_prompt) const override {
    if (auto known = check_roles(messages); !known) return known.error();
    Pieces out;
    out.control(bos_);
    out.typed(system_prompt(messages));
    for (const ChatMessage& message : messages) {
      if (message.role == "user") {
        out.control(kDeepSeekUser);
        out.typed(message.content);
      } else if (message.role == "assistant") {
        out.control(kDeepSeekAssistant);
        out.typed(without_reasoning(message.content));
        out.control(kDeepSeekEnd);
      }
    }
    if (generation_prompt)
      out.control(std::string(kDeepSeekAssistant) + std::string(variant_.generation_suffix));
    return out.take();
  }

 private:
  std::string system_prompt(const std::vector<ChatMessage>& messages) const {
    std::optional<std::string> prompt;
    for (const ChatMessage& message : messages) {
      if (message.role != "system") continue;
      const bool join = prompt && variant_.joins_system_messages;
      prompt = join ? *prompt + "\n\n" + message.content : message.content;
    }
    return prompt.value_or("");
  }
  static std::string_view without_reasoning(std::string_view content) {
    const std::size_t end = content.rfind(kThinkEnd);
    return end == content.npos ? content : content.substr(end + kThinkEnd.size());
  }
  std::string bos_;
  Variant variant_;
};

/// The text of a string literal up to `end`, its escapes resolved; nothing when the literal closes before.
std::optional<std::string> literal_until(std::string_view source, std::string_view end) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source.substr(i).starts_with(end)) return out;
    if (source[i] == '\'' || source[i] == '"' || source[i] == '{') return std::nullopt;
    if (source[i] == '\\' && i + 1 < source.size()) {
      ++i;
      out += source[i] == 'n' ? '\n' : source[i];
    } else {
      out += source[i];
    }
  }
  return std::nullopt;
}

/// The system prompt that a ChatML template writes when the conversation brings none.
std::optional<std::string> default_system_prompt(std::string_view source) {
  const std::string opening = std::string(kChatMlStart) + "system";
  for (std::size_t at = source.find(opening); at != source.npos; at = source.find(opening, at + 1)) {
    std::string_view rest = source.substr(at + opening.size());
    // The line break may be one, or its escape.
    if (rest.starts_with("\n")) {
      rest.remove_prefix(1);
    } else if (rest.starts_with("\\n")) {
      rest.remove_prefix(2);
    } else {
      continue;
    }
    if (auto text = literal_until(rest, kChatMlEnd); text && !text->empty()) return text;
  }
  return std::nullopt;
}

std::string bos_spelling(const ModelFile& file, std::string_view source) {
  const auto id = file.integer("tokenizer.ggml.bos_token_id");
  if (!id || !contains(source, "bos_token")) return "";
  const auto tokens = file.texts("tokenizer.ggml.tokens");
  return *id < tokens.size() ? std::string(tokens[*id]) : "";
}

DeepSeek::Variant deepseek_variant(std::string_view source) {
  const std::string think = std::string(kDeepSeekAssistant) + "<think>";
  const bool breaks_line = contains(source, think + "\\n") || contains(source, think + "\n");
  const std::string_view suffix = breaks_line ? "<think>\n" : contains(source, think) ? "<think>" : "";
  return {contains(source, "is_first_sp"), suffix};
}

}  // namespace

Result<std::unique_ptr<ChatTemplate>> make_chat_template(const ModelFile& file) {
  using Made = std::unique_ptr<ChatTemplate>;
  const std::string_view source = file.text("tokenizer.chat_template").value_or("");
  const std::string bos = bos_spelling(file, source);
  if (contains(source, kDeepSeekUser)) return Made(std::make_unique<DeepSeek>(bos, deepseek_variant(source)));
  if (contains(source, "<|start_header_id|>")) return Made(std::make_unique<Llama3>(bos));
  if (!contains(source, kChatMlStart)) {
    telemetry::log(telemetry::Level::warn, "model",
                   source.empty() ? "the file has no chat template, using ChatML"
                                  : "the file's chat template is unknown, using ChatML",
                   {{"path", file.path()}});
  }
  return Made(std::make_unique<ChatMl>(bos, default_system_prompt(source)));
}

std::vector<Token> encode_chat(const Tokenizer& tokenizer, const std::vector<ChatPiece>& pieces) {
  std::vector<Token> out;
  std::string text;  // between two special tokens: what the template wrote and what was typed are cut into
                     // words as one
  const auto flush = [&] {
    const auto tokens = tokenizer.encode(text, false);
    out.insert(out.end(), tokens.begin(), tokens.end());
    text.clear();
  };
  for (const ChatPiece& piece : pieces) {
    if (!piece.control) {
      text += piece.text;
      continue;
    }
    for (const Token token : tokenizer.encode(piece.text, true)) {
      if (tokenizer.is_added(token)) {
        flush();
        out.push_back(token);
      } else {
        text += tokenizer.bytes(token);
      }
    }
  }
  flush();
  return out;
}

}  // namespace troupe::model
