// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "model/error.hpp"
#include "model/kv_layout.hpp"

namespace troupe::model {

class ModelFile;

/// A model's shape, in the words of its config.json. GGUF keys in brackets.
struct ModelConfig {
  std::string architecture;                   ///< "llama" [general.architecture]
  std::string name;                           ///< [general.name]
  std::uint32_t vocab_size = 0;               ///< rows of the token embedding
  std::uint32_t hidden_size = 0;              ///< [embedding_length]
  std::uint32_t num_hidden_layers = 0;        ///< [block_count]
  std::uint32_t num_attention_heads = 0;      ///< [attention.head_count]
  std::uint32_t num_key_value_heads = 0;      ///< [attention.head_count_kv]
  std::uint32_t head_dim = 0;                 ///< [attention.key_length] or hidden / heads
  std::uint32_t intermediate_size = 0;        ///< [feed_forward_length]
  std::uint32_t max_position_embeddings = 0;  ///< [context_length]
  float rms_norm_eps = 1e-5F;                 ///< [attention.layer_norm_rms_epsilon]
  float rope_theta = 10000.0F;                ///< [rope.freq_base]
  bool tie_word_embeddings = false;           ///< no output.weight in the file
};

/// Reads and checks the shape. Errors: bad_file naming the missing key, an unknown architecture with what is
/// supported, sizes that do not divide, or every missing tensor at once.
Result<ModelConfig> read_model_config(const ModelFile& file);

/// The KV cache that the architecture needs per layer.
KvLayout kv_layout(const ModelConfig& config, KvType type);

}  // namespace troupe::model
