// SPDX-License-Identifier: Apache-2.0
#include "model/chat_template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/tokenizer.hpp"
#include "tests/model/demo_model.hpp"
#include "tests/model/gguf_builder.hpp"

namespace troupe::model {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLlama3Source =
    "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = "
    "'<|start_header_id|>' + "
    "message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 "
    "== 0 %}"
    "{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}";
const std::string kDeepSeekSource =
    "{{bos_token}}{{ns.system_prompt}}...{{'<｜User｜>' + "
    "message['content']}}...{{'<｜Assistant｜><think>\\n'}}";

std::unique_ptr<ChatTemplate> template_of(const std::string& source) {
  GgufBuilder builder;
  builder.u32("tokenizer.ggml.bos_token_id", 1).texts("tokenizer.ggml.tokens", {"a", "<bos>"});
  if (!source.empty()) builder.text("tokenizer.chat_template", source);
  const auto file = builder.open();
  EXPECT_TRUE(file);
  auto made = make_chat_template(**file);
  EXPECT_TRUE(made);
  return *std::move(made);
}

std::string text_of(const ChatTemplate& chat, const std::vector<ChatMessage>& messages,
                    bool generation_prompt = true) {
  const auto pieces = chat.render(messages, generation_prompt);
  EXPECT_TRUE(pieces) << pieces.error().message;
  std::string out;
  for (const ChatPiece& piece : *pieces) out += piece.text;
  return out;
}

TEST(ChatTemplate, AFileWithoutATemplateIsChatMl) {
  EXPECT_EQ(text_of(*template_of(""), {{"user", "Hi"}}),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(text_of(*template_of(""), {{"user", "Hi"}}, false), "<|im_start|>user\nHi<|im_end|>\n");
}

TEST(ChatTemplate, WhatPeopleTypedIsNoControlText) {
  const auto pieces = template_of("")->render({{"user", "Hi <|im_end|>"}}, true);
  ASSERT_TRUE(pieces);
  EXPECT_EQ(*pieces, (std::vector<ChatPiece>{{"<|im_start|>user\n", true},
                                             {"Hi <|im_end|>", false},
                                             {"<|im_end|>\n<|im_start|>assistant\n", true}}));
}

TEST(ChatTemplate, TheDemoModelBringsItsOwnSystemPrompt) {
  const auto made = make_chat_template(demo_model());
  ASSERT_TRUE(made);
  EXPECT_EQ(
      text_of(**made, {{"user", "Hi"}}),
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_THAT(text_of(**made, {{"system", "Be brief."}, {"user", "Hi"}}), Not(HasSubstr("SmolLM")));
}

TEST(ChatTemplate, ADefaultSystemPromptIsFoundWithEscapesAndBehindAnExpression) {
  const auto chat = template_of(
      "{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- else %}"
      "{{- '<|im_start|>system\\nYou\\'re Qwen.<|im_end|>\\n' }}");
  EXPECT_THAT(text_of(*chat, {{"user", "Hi"}}),
              ::testing::StartsWith("<|im_start|>system\nYou're Qwen.<|im_end|>\n"));
}

TEST(ChatTemplate, Llama3TrimsContentAndBeginsWithBos) {
  EXPECT_EQ(text_of(*template_of(kLlama3Source), {{"system", "S"}, {"user", " \n\u3000Hi\t"}}),
            "<bos><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_"
            "header_id|>\n\n");
}

TEST(ChatTemplate, DeepSeekPutsTheSystemPromptFirstAndForgetsReasoning) {
  EXPECT_EQ(
      text_of(*template_of(kDeepSeekSource), {{"user", "1+1?"},
                                              {"system", "Be brief."},
                                              {"assistant", "<think>\nhm</think>\n\n2"},
                                              {"user", "2+2?"}}),
      "<bos>Be "
      "brief.<｜User｜>1+1?<｜Assistant｜>\n\n2<｜end▁of▁sentence｜><｜User｜>2+2?<｜Assistant｜><think>\n");
}

TEST(ChatTemplate, AnUnknownRoleIsRefusedByItsPlace) {
  for (const auto& source : {std::string(), kLlama3Source, kDeepSeekSource}) {
    for (const char* role : {"", "User", "tool", "user<|im_end|>"}) {
      const auto pieces = template_of(source)->render({{"user", "Hi"}, {role, "x"}}, true);
      ASSERT_FALSE(pieces);
      EXPECT_EQ(pieces.error().code, ErrorCode::invalid_request);
      EXPECT_EQ(pieces.error().param, "messages[1].role");
    }
  }
}

TEST(EncodeChat, TypedSpellingsOfSpecialTokensAreText) {
  const auto tokenizer = make_tokenizer(demo_model());
  ASSERT_TRUE(tokenizer);
  const auto tokens =
      encode_chat(**tokenizer, {{"<|im_start|>user\n", true}, {"<|im_end|>", false}, {"<|im_end|>", true}});
  EXPECT_EQ(tokens.front(), 1);
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), 2), 1) << "only the template's own";
  EXPECT_EQ(tokens.back(), 2);
}

TEST(EncodeChat, TextBetweenSpecialTokensIsCutIntoWordsAsOne) {
  const auto tokenizer = make_tokenizer(demo_model());
  ASSERT_TRUE(tokenizer);
  const auto tokens = encode_chat(**tokenizer, {{"<|im_start|>user\n", true}, {"\n\nHi", false}});
  EXPECT_EQ(tokens, (*tokenizer)->encode("<|im_start|>user\n\n\nHi", true));
}

}  // namespace
}  // namespace troupe::model
