// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>

#include "model/architecture/model_config.hpp"
#include "model/chat_template.hpp"
#include "model/tokenizer.hpp"
#include "telemetry/log.hpp"
#include "tests/model/gguf_builder.hpp"

namespace troupe::model {
namespace {

/// The smallest file that every reader of model/ accepts: one layer, hidden size 2, five tokens.
std::string small_model() {
  GgufBuilder file;
  file.text("general.architecture", "llama")
      .u32("llama.embedding_length", 2)
      .u32("llama.block_count", 1)
      .u32("llama.attention.head_count", 1)
      .u32("llama.feed_forward_length", 2)
      .u32("llama.context_length", 8)
      .f32("llama.attention.layer_norm_rms_epsilon", 1e-5F)
      .text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "smollm")
      .texts("tokenizer.ggml.tokens", {"a", "b", "Ġ", "ab", "<end>"})
      .numbers<std::int32_t>("tokenizer.ggml.token_type", GgufType::int32, {1, 1, 1, 1, 3})
      .texts("tokenizer.ggml.merges", {"a b"})
      .u32("tokenizer.ggml.bos_token_id", 4)
      .u32("tokenizer.ggml.eos_token_id", 4)
      .text("tokenizer.chat_template", "{{ bos_token }}{{ '<|im_start|>system\\nHi<|im_end|>' }}");
  file.tensor("token_embd.weight", {2, 5}, 0, 40).tensor("output_norm.weight", {2}, 0, 8);
  for (const char* name : {"attn_norm", "ffn_norm"})
    file.tensor("blk.0." + std::string(name) + ".weight", {2}, 0, 8);
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
    file.tensor("blk.0." + std::string(name) + ".weight", {2, 2}, 0, 16);
  }
  return file.build();
}

/// Reads everything that a server reads at its start; true when all of it was accepted.
bool read_all(const ModelFile& file) {
  const auto config = read_model_config(file);
  const auto tokenizer = make_tokenizer(file);
  const auto chat = make_chat_template(file);
  if (tokenizer && chat) {
    const auto pieces = (*chat)->render({{"user", "a ab 1 <end>"}}, true);
    EXPECT_TRUE(pieces);
    for (const Token token : encode_chat(**tokenizer, *pieces)) {
      EXPECT_LT(static_cast<std::uint32_t>(token), (*tokenizer)->vocabulary_size());
    }
  }
  for (const Error& error : {config ? Error{} : config.error(), tokenizer ? Error{} : tokenizer.error()}) {
    EXPECT_TRUE(error == Error{} || (error.code == ErrorCode::bad_file && !error.message.empty()));
  }
  return config && tokenizer && chat;
}

TEST(DamagedModel, TheUndamagedOneIsAccepted) {
  const auto file = GgufBuilder::open_bytes(small_model());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(read_model_config(**file)) << read_model_config(**file).error().message;
  EXPECT_TRUE(read_all(**file));
}

TEST(DamagedModel, IsRefusedOrReadAtEveryBitOfItsHeader) {
  telemetry::process_logger().set_level(
      telemetry::Level::error);  // damaged chat templates are worth a warning each
  const std::string good = small_model();
  std::mt19937_64 random(2);
  int opened = 0;
  int accepted = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    if (random() % 4 == 0) bad[random() % bad.size()] = static_cast<char>(random());
    const auto file = GgufBuilder::open_bytes(bad);
    if (!file) continue;
    ++opened;
    accepted += read_all(**file) ? 1 : 0;
  }
  telemetry::process_logger().set_level(telemetry::Level::info);
  EXPECT_GT(opened, accepted);
  EXPECT_GT(accepted, 0) << "some bits are data, or spellings that may be anything";
}

}  // namespace
}  // namespace troupe::model
