// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "model/weights/half.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {
namespace {

std::uint8_t byte_at(const std::byte* data, std::size_t i) {
  return std::to_integer<std::uint8_t>(data[i]);
}

std::uint16_t word_at(const std::byte* data, std::size_t i) {
  std::uint16_t word = 0;
  std::memcpy(&word, data + i, sizeof word);
  return word;
}

float half_at(const std::byte* data, std::size_t i) {
  return half_to_float(word_at(data, i));
}

float signed_at(const std::byte* data, std::size_t i) {
  return static_cast<float>(static_cast<std::int8_t>(byte_at(data, i)));
}

float float_of(int quant) {
  return static_cast<float>(quant);
}

/// Block: f16 scale, 16 bytes; byte j holds weight j (low nibble) and j + 16 (high), offset by 8.
void expand_q4_0(const std::byte* block, float* out) {
  const float scale = half_at(block, 0);
  for (std::size_t j = 0; j < 16; ++j) {
    const int quants = byte_at(block, 2 + j);
    out[j] = float_of((quants & 0xf) - 8) * scale;
    out[j + 16] = float_of((quants >> 4) - 8) * scale;
  }
}

/// Block: f16 scale, f16 minimum, 16 bytes of nibbles as in Q4_0, without offset.
void expand_q4_1(const std::byte* block, float* out) {
  const float scale = half_at(block, 0);
  const float minimum = half_at(block, 2);
  for (std::size_t j = 0; j < 16; ++j) {
    const int quants = byte_at(block, 4 + j);
    out[j] = float_of(quants & 0xf) * scale + minimum;
    out[j + 16] = float_of(quants >> 4) * scale + minimum;
  }
}

/// Block: f16 scale, 32 signed bytes.
void expand_q8_0(const std::byte* block, float* out) {
  const float scale = half_at(block, 0);
  for (std::size_t j = 0; j < 32; ++j) out[j] = signed_at(block, 2 + j) * scale;
}

struct ScaleAndMin {
  float scale;
  float minimum;
};

/// Eight 6-bit scales and eight 6-bit minima in 12 bytes: the last four of each keep their low nibbles in
/// bytes 8..11 and their top two bits above the first four.
ScaleAndMin q4_k_scale(const std::byte* scales, std::size_t j) {
  if (j < 4) return {float_of(byte_at(scales, j) & 63), float_of(byte_at(scales, j + 4) & 63)};
  const int nibbles = byte_at(scales, j + 4);
  return {float_of((nibbles & 0xf) | ((byte_at(scales, j - 4) >> 6) << 4)),
          float_of((nibbles >> 4) | ((byte_at(scales, j) >> 6) << 4))};
}

/// Super-block: f16 scale of scales, f16 scale of minima, 12 bytes of 6-bit scales and minima, 128 bytes of
/// nibbles; each 32 bytes hold 32 weights of one sub-block (low) and 32 of the next (high).
void expand_q4_k(const std::byte* block, float* out) {
  const float d = half_at(block, 0);
  const float dmin = half_at(block, 2);
  const std::byte* scales = block + 4;
  const std::byte* quants = block + 16;
  for (std::size_t pair = 0; pair < 4; ++pair, quants += 32, out += 64) {
    const ScaleAndMin low = q4_k_scale(scales, 2 * pair);
    const ScaleAndMin high = q4_k_scale(scales, 2 * pair + 1);
    for (std::size_t l = 0; l < 32; ++l) {
      out[l] = d * low.scale * float_of(byte_at(quants, l) & 0xf) - dmin * low.minimum;
      out[l + 32] = d * high.scale * float_of(byte_at(quants, l) >> 4) - dmin * high.minimum;
    }
  }
}

/// Super-block: 128 bytes of low nibbles, 64 bytes of top two bits, 16 signed scales (one per 16 weights),
/// f16 scale.
void expand_q6_k(const std::byte* block, float* out) {
  const float d = half_at(block, 208);
  for (std::size_t half = 0; half < 2; ++half) {
    const std::byte* low = block + 64 * half;
    const std::byte* high = block + 128 + 32 * half;
    const std::byte* scales = block + 192 + 8 * half;
    for (std::size_t l = 0; l < 128; ++l) {
      const std::size_t group =
          l / 32;  // which two bits of `high`, and which nibble of which 32 bytes of `low`
      const std::size_t lane = l % 32;
      const int nibble = (byte_at(low, lane + 32 * (group % 2)) >> (group < 2 ? 0 : 4)) & 0xf;
      const int top = (byte_at(high, lane) >> (2 * group)) & 3;
      out[128 * half + l] = d * signed_at(scales, l / 16) * float_of((nibble | (top << 4)) - 32);
    }
  }
}

void expand_blocks(const std::byte* data, std::uint64_t count, float* out, TensorType type,
                   void (*expand)(const std::byte*, float*)) {
  const std::uint32_t weights = block_weights(type);
  const std::uint32_t bytes = block_bytes(type);
  for (std::uint64_t i = 0; i < count; i += weights, data += bytes, out += weights) expand(data, out);
}

}  // namespace

void dequantize(TensorType type, const std::byte* data, std::uint64_t count, float* out) {
  switch (type) {
    case TensorType::f32:
      std::memcpy(out, data, count * sizeof(float));
      return;
    case TensorType::f16:
      for (std::uint64_t i = 0; i < count; ++i) out[i] = half_at(data, 2 * i);
      return;
    case TensorType::bf16:
      for (std::uint64_t i = 0; i < count; ++i) out[i] = bfloat16_to_float(word_at(data, 2 * i));
      return;
    case TensorType::q4_0:
      return expand_blocks(data, count, out, type, expand_q4_0);
    case TensorType::q4_1:
      return expand_blocks(data, count, out, type, expand_q4_1);
    case TensorType::q8_0:
      return expand_blocks(data, count, out, type, expand_q8_0);
    case TensorType::q4_k:
      return expand_blocks(data, count, out, type, expand_q4_k);
    case TensorType::q6_k:
      return expand_blocks(data, count, out, type, expand_q6_k);
  }
}

}  // namespace troupe::model
