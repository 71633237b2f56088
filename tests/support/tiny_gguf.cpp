// SPDX-License-Identifier: Apache-2.0
#include "tests/support/tiny_gguf.hpp"

#include <bit>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "model/random.hpp"
#include "tests/model/gguf_builder.hpp"

namespace troupe::tests {
namespace {

using model::GgufBuilder;
using model::GgufType;
using model::TensorType;

std::uint32_t type_number(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return 0;
    case TensorType::f16:
      return 1;
    case TensorType::q4_0:
      return 2;
    case TensorType::q4_1:
      return 3;
    case TensorType::q8_0:
      return 8;
    case TensorType::q4_k:
      return 12;
    case TensorType::q6_k:
      return 14;
    case TensorType::bf16:
      return 30;
  }
  return 0;
}

/// A non-negative binary16 below 2, rounded down.
std::uint16_t half_bits(float value) {
  if (value < 0x1p-14F) return static_cast<std::uint16_t>(value * 0x1p24F);
  return static_cast<std::uint16_t>((std::bit_cast<std::uint32_t>(value) >> 13U) - (112U << 10U));
}

/// Random numbers of one tensor, one after the other.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint32_t tensor) : seed_(seed), tensor_(tensor) {}
  /// In [-reach, reach).
  float value(float reach) {
    return static_cast<float>((2.0 * model::uniform(seed_, next_++, tensor_) - 1.0) *
                              static_cast<double>(reach));
  }
  std::uint8_t byte() { return static_cast<std::uint8_t>(256.0 * model::uniform(seed_, next_++, tensor_)); }

 private:
  std::uint64_t seed_;
  std::uint32_t tensor_;
  std::uint64_t next_ = 0;
};

void put_half(std::string& out, float value) {
  const std::uint16_t sign = value < 0 ? 0x8000 : 0;
  GgufBuilder::raw(out, static_cast<std::uint16_t>(half_bits(std::fabs(value)) | sign));
}

void put_bytes(std::string& out, Stream& random, int count) {
  for (int i = 0; i < count; ++i) out.push_back(static_cast<char>(random.byte()));
}

/// One block of weights of about [-reach, reach].
void put_block(std::string& out, TensorType type, float reach, Stream& random) {
  const float scale = reach * (0.75F + random.value(0.25F));
  switch (type) {
    case TensorType::f32:
      return GgufBuilder::raw(out, random.value(reach));
    case TensorType::f16:
      return put_half(out, random.value(reach));
    case TensorType::bf16:
      return GgufBuilder::raw(
          out, static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(random.value(reach)) >> 16));
    case TensorType::q4_0:
      put_half(out, scale / 8);
      return put_bytes(out, random, 16);
    case TensorType::q4_1:
      put_half(out, scale / 7.5F);
      put_half(out, -scale);
      return put_bytes(out, random, 16);
    case TensorType::q8_0:
      put_half(out, scale / 128);
      return put_bytes(out, random, 32);
    case TensorType::q4_k:
      put_half(out, scale * 2 / (63 * 15));
      put_half(out, scale / 63);
      return put_bytes(out, random, 12 + 128);
    case TensorType::q6_k:
      put_bytes(out, random, 128 + 64 + 16);
      return put_half(out, scale / (32 * 64));
  }
}

/// GPT-2's printable stand-in for a byte, in UTF-8.
std::string stand_in(int byte) {
  int code = 0;
  for (int b = 0, moved = 256; b <= byte; ++b) {
    const bool printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae);
    code = printable ? b : moved++;
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3f))};
}

void put_tokenizer(GgufBuilder& file) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(stand_in(byte));
  const std::string space = stand_in(' ');
  const std::vector<std::string> merges{"h e", "l l", "he ll", "hell o", space + " w"};
  for (const std::string& merge : merges) {
    std::string joined = merge;
    joined.erase(joined.rfind(' '), 1);
    tokens.push_back(joined);
  }
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const char* control : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.emplace_back(control);
    types.push_back(3);
  }
  file.text("tokenizer.ggml.model", "gpt2")
      .text("tokenizer.ggml.pre", "smollm")
      .texts("tokenizer.ggml.tokens", tokens)
      .numbers("tokenizer.ggml.token_type", GgufType::int32, types)
      .texts("tokenizer.ggml.merges", merges)
      .u32("tokenizer.ggml.bos_token_id", kTinyTurnStart)
      .u32("tokenizer.ggml.eos_token_id", kTinyTurnEnd)
      .boolean("tokenizer.ggml.add_bos_token", false)
      .text("tokenizer.chat_template",
            "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
            "'<|im_end|>' "
            "+ '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}");
}

void put_shape(GgufBuilder& file, const TinyGguf& tiny) {
  file.text("general.architecture", "llama")
      .text("general.name", "Tiny")
      .u32("llama.block_count", tiny.layers)
      .u32("llama.context_length", tiny.context_length)
      .u32("llama.embedding_length", tiny.hidden_size)
      .u32("llama.feed_forward_length", tiny.intermediate_size)
      .u32("llama.attention.head_count", tiny.heads)
      .u32("llama.attention.head_count_kv", tiny.kv_heads)
      .u32("llama.attention.key_length", tiny.head_dim)
      .u32("llama.attention.value_length", tiny.head_dim)
      .u32("llama.rope.dimension_count", tiny.head_dim)
      .f32("llama.rope.freq_base", 10000.0F)
      .f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
}

/// Adds tensors' entries to the header and collects their data.
class Tensors {
 public:
  Tensors(GgufBuilder& file, const TinyGguf& tiny) : file_(file), tiny_(tiny) {}

  void matrix(const std::string& name, std::uint32_t rows, std::uint32_t columns, TensorType type,
              float reach) {
    if (columns % model::block_weights(type) != 0) {
      throw std::invalid_argument("tiny GGUF: " + name + " has " + std::to_string(columns) +
                                  " columns, not a multiple of the block of " + model::to_string(type));
    }
    file_.tensor_at(name, {columns, rows}, type_number(type), data_.size());
    Stream random(tiny_.seed, next_++);
    const std::uint64_t blocks = std::uint64_t{rows} * columns / model::block_weights(type);
    for (std::uint64_t i = 0; i < blocks; ++i) put_block(data_, type, reach, random);
    data_.resize((data_.size() + 31) / 32 * 32);
  }

  /// A weight whose products keep the size of what they multiply.
  void weight(const std::string& name, std::uint32_t rows, std::uint32_t columns) {
    matrix(name, rows, columns, tiny_.weights, std::sqrt(3.0F / static_cast<float>(columns)));
  }

  void norm(const std::string& name) {
    file_.tensor_at(name, {tiny_.hidden_size}, type_number(TensorType::f32), data_.size());
    Stream random(tiny_.seed, next_++);
    for (std::uint32_t i = 0; i < tiny_.hidden_size; ++i) GgufBuilder::raw(data_, 1.0F + random.value(0.25F));
    data_.resize((data_.size() + 31) / 32 * 32);
  }

  const std::string& data() const { return data_; }

 private:
  GgufBuilder& file_;
  const TinyGguf& tiny_;
  std::uint32_t next_ = 0;
  std::string data_;
};

void put_layer(Tensors& tensors, const TinyGguf& tiny, std::uint32_t index) {
  const std::string block = "blk." + std::to_string(index) + ".";
  tensors.norm(block + "attn_norm.weight");
  tensors.weight(block + "attn_q.weight", tiny.heads * tiny.head_dim, tiny.hidden_size);
  tensors.weight(block + "attn_k.weight", tiny.kv_heads * tiny.head_dim, tiny.hidden_size);
  tensors.weight(block + "attn_v.weight", tiny.kv_heads * tiny.head_dim, tiny.hidden_size);
  tensors.weight(block + "attn_output.weight", tiny.hidden_size, tiny.heads * tiny.head_dim);
  tensors.norm(block + "ffn_norm.weight");
  tensors.weight(block + "ffn_gate.weight", tiny.intermediate_size, tiny.hidden_size);
  tensors.weight(block + "ffn_up.weight", tiny.intermediate_size, tiny.hidden_size);
  tensors.weight(block + "ffn_down.weight", tiny.hidden_size, tiny.intermediate_size);
}

}  // namespace

TinyGguf tiny_gguf_of(TensorType weights) {
  TinyGguf tiny{.weights = weights};
  if (model::block_weights(weights) == 256) {
    tiny.hidden_size = 256;
    tiny.heads = 8;
    tiny.head_dim = 32;
    tiny.intermediate_size = 512;
  }
  return tiny;
}

std::string tiny_gguf_bytes(const TinyGguf& tiny) {
  GgufBuilder file;
  put_shape(file, tiny);
  put_tokenizer(file);
  Tensors tensors(file, tiny);
  tensors.matrix("token_embd.weight", kTinyVocabulary, tiny.hidden_size, tiny.embedding, 0.5F);
  for (std::uint32_t i = 0; i < tiny.layers; ++i) put_layer(tensors, tiny, i);
  tensors.norm("output_norm.weight");
  if (!tiny.tied) tensors.weight("output.weight", kTinyVocabulary, tiny.hidden_size);
  std::string bytes = file.build();
  bytes.resize((bytes.size() + 31) / 32 * 32);
  return bytes + tensors.data();
}

void write_tiny_gguf(const TinyGguf& tiny, const std::string& path) {
  const std::string bytes = tiny_gguf_bytes(tiny);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::shared_ptr<const model::ModelFile> open_tiny_gguf(const TinyGguf& tiny) {
  auto file = GgufBuilder::open_bytes(tiny_gguf_bytes(tiny));
  if (!file) throw std::runtime_error(file.error().message + " " + file.error().param);
  return *std::move(file);
}

}  // namespace troupe::tests
