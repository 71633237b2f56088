// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/weights/model_file.hpp"

namespace troupe::tests {

/// A llama model small enough to compute by hand: random weights of a chosen storage type, a byte-level
/// vocabulary with a few merges, ChatML. The same description gives the same bytes.
struct TinyGguf {
  std::uint32_t layers = 2;
  std::uint32_t hidden_size =
      96;  ///< a multiple of the weights' block, as heads * head_dim and intermediate_size
  std::uint32_t heads = 6;
  std::uint32_t kv_heads = 2;
  std::uint32_t head_dim = 16;
  std::uint32_t intermediate_size = 160;
  std::uint32_t context_length = 2048;
  model::TensorType weights = model::TensorType::q4_1;
  model::TensorType embedding = model::TensorType::q8_0;  ///< and the head, when it is tied
  bool tied = true;
  std::uint64_t seed = 1;
};

/// Shapes that fit every storage type, those with blocks of 256 too.
TinyGguf tiny_gguf_of(model::TensorType weights);

/// Tokens of its vocabulary: 0 .. 255 are the bytes, then the merges, then the three control tokens.
inline constexpr std::int32_t kTinyEndOfText = 261;
inline constexpr std::int32_t kTinyTurnStart = 262;
inline constexpr std::int32_t kTinyTurnEnd = 263;
inline constexpr std::uint32_t kTinyVocabulary = 264;

/// The file's bytes. Throws std::invalid_argument when a row does not divide into blocks.
std::string tiny_gguf_bytes(const TinyGguf& tiny);
/// Writes the file.
void write_tiny_gguf(const TinyGguf& tiny, const std::string& path);
/// The file, opened without touching a disk.
std::shared_ptr<const model::ModelFile> open_tiny_gguf(const TinyGguf& tiny);

}  // namespace troupe::tests
