// SPDX-License-Identifier: Apache-2.0
#include "model/architecture/model_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "tests/model/demo_model.hpp"
#include "tests/model/gguf_builder.hpp"

namespace troupe::model {
namespace {

using ::testing::HasSubstr;

/// A small llama: hidden 64, 4 heads of 16, 2 KV heads, 2 layers; every number and tensor can be left out or
/// changed.
struct SmallLlama {
  std::string architecture = "llama";
  std::uint64_t hidden = 64;
  std::uint32_t layers = 2;
  std::uint32_t heads = 4;
  std::uint32_t kv_heads = 2;
  std::uint64_t kv_rows = 32;
  std::set<std::string> without = {};
  std::function<void(GgufBuilder&)> also = [](GgufBuilder&) {};

  GgufBuilder build() const {
    GgufBuilder file;
    file.text("general.architecture", architecture).text("general.name", "small");
    const auto u32 = [&](const char* key, std::uint32_t value) {
      if (!without.contains(key)) file.u32(key, value);
    };
    u32("llama.embedding_length", static_cast<std::uint32_t>(hidden));
    u32("llama.block_count", layers);
    u32("llama.attention.head_count", heads);
    u32("llama.attention.head_count_kv", kv_heads);
    u32("llama.feed_forward_length", 96);
    u32("llama.context_length", 128);
    file.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    also(file);
    const auto tensor = [&](const std::string& name, std::vector<std::uint64_t> dimensions) {
      std::uint64_t size = 4;
      for (const auto d : dimensions) size *= d;
      if (!without.contains(name)) file.tensor(name, dimensions, 0, size);
    };
    tensor("token_embd.weight", {hidden, 100});
    tensor("output_norm.weight", {hidden});
    for (std::uint32_t i = 0; i < 2; ++i) {
      const std::string layer = "blk." + std::to_string(i) + ".";
      tensor(layer + "attn_norm.weight", {hidden});
      tensor(layer + "attn_q.weight", {hidden, 64});
      tensor(layer + "attn_k.weight", {hidden, kv_rows});
      tensor(layer + "attn_v.weight", {hidden, kv_rows});
      tensor(layer + "attn_output.weight", {64, hidden});
      tensor(layer + "ffn_norm.weight", {hidden});
      tensor(layer + "ffn_gate.weight", {hidden, 96});
      tensor(layer + "ffn_up.weight", {hidden, 96});
      tensor(layer + "ffn_down.weight", {96, hidden});
    }
    return file;
  }
  Result<ModelConfig> read() const {
    const auto file = build().open();
    EXPECT_TRUE(file) << file.error().message;
    return read_model_config(**file);
  }
};

void expect_bad(const SmallLlama& model, const std::string& message) {
  const auto result = model.read();
  ASSERT_FALSE(result) << "read, but should say: " << message;
  EXPECT_EQ(result.error().code, ErrorCode::bad_file);
  EXPECT_THAT(result.error().message, HasSubstr(message));
}

TEST(ModelConfig, TheShapeComesFromTheFile) {
  const auto config = SmallLlama{}.read();
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->architecture, "llama");
  EXPECT_EQ(config->name, "small");
  EXPECT_EQ(config->vocab_size, 100U);
  EXPECT_EQ(config->hidden_size, 64U);
  EXPECT_EQ(config->num_hidden_layers, 2U);
  EXPECT_EQ(config->num_key_value_heads, 2U);
  EXPECT_EQ(config->head_dim, 16U);
  EXPECT_EQ(config->max_position_embeddings, 128U);
  EXPECT_EQ(config->rope_theta, 10000.0F);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(kv_layout(*config, KvType::bfloat16).block_bytes(2), 2U * 2 * 16 * 2 * kTokensPerBlock * 2);
}

TEST(ModelConfig, AnUnknownArchitectureIsNamedWithWhatIsSupported) {
  SmallLlama model;
  model.architecture = "mamba";
  expect_bad(model, "\"mamba\" is not supported; supported: llama");
}

TEST(ModelConfig, AMissingKeyIsNamed) {
  expect_bad({.without = {"llama.block_count"}}, "llama.block_count");
  expect_bad({.without = {"llama.context_length"}}, "llama.context_length");
}

TEST(ModelConfig, EveryMissingTensorIsListedAtOnce) {
  const SmallLlama model{.without = {"output_norm.weight", "blk.0.attn_q.weight", "blk.1.ffn_down.weight"}};
  expect_bad(model, "lacks tensors: output_norm.weight, blk.0.attn_q.weight, blk.1.ffn_down.weight");
}

TEST(ModelConfig, TensorsAreCheckedAgainstTheMetadata) {
  expect_bad({.kv_rows = 64}, "blk.0.attn_k.weight is [64, 64] instead of [32, 64]");
  expect_bad({.layers = 3}, "blk.2.attn_norm.weight");
}

TEST(ModelConfig, SizesThatCannotBeAreRefused) {
  expect_bad({.layers = 0}, "llama.block_count is 0");
  expect_bad({.heads = 0}, "llama.attention.head_count is 0");
  expect_bad({.heads = 5, .kv_heads = 5}, "does not divide by 5 attention heads");
  expect_bad({.kv_heads = 3}, "do not divide by 3 KV heads");
  expect_bad({.layers = 4294967295U}, "llama.block_count is 4294967295");
}

TEST(ModelConfig, WhatTheForwardPassDoesNotDoIsRefused) {
  expect_bad({.also = [](GgufBuilder& f) { f.u32("llama.rope.dimension_count", 8); }},
             "llama.rope.dimension_count is 8");
  expect_bad({.also = [](GgufBuilder& f) { f.text("llama.rope.scaling.type", "yarn"); }},
             "\"yarn\" is not supported");
  expect_bad({.also = [](GgufBuilder& f) { f.f32("llama.rope.freq_base", -1.0F); }},
             "llama.rope.freq_base must be");
}

TEST(ModelConfig, TheDemoModelIsRead) {
  const auto config = read_model_config(demo_model());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocab_size, 49152U);
  EXPECT_EQ(config->hidden_size, 576U);
  EXPECT_EQ(config->num_hidden_layers, 30U);
  EXPECT_EQ(config->num_attention_heads, 9U);
  EXPECT_EQ(config->num_key_value_heads, 3U);
  EXPECT_EQ(config->head_dim, 64U);
  EXPECT_EQ(config->intermediate_size, 1536U);
  EXPECT_EQ(config->max_position_embeddings, 8192U);
  EXPECT_EQ(config->rope_theta, 100000.0F);
  EXPECT_EQ(config->rms_norm_eps, 1e-5F);
}

}  // namespace
}  // namespace troupe::model
