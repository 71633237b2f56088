// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/pack_panel.hpp"

#include <array>
#include <cstring>

namespace troupe::gpu::cpu {
namespace {

using model::TensorType;

/// A block of GGUF, taken apart: integers as the kernels multiply them, scales as stored.
struct Block {
  std::array<std::int8_t, 256> weights;
  std::array<std::uint8_t, 16> scales;  // k formats: one per group, as a byte
  std::array<std::uint8_t, 8> minima;
  std::uint16_t unit;          // half: scale, or unit of the scales
  std::uint16_t minimum_unit;  // half: minimum, or unit of the minima
};

std::uint8_t byte_at(const std::byte* p, std::size_t i) {
  return static_cast<std::uint8_t>(p[i]);
}
std::uint16_t half_at(const std::byte* p) {
  std::uint16_t half;
  std::memcpy(&half, p, sizeof half);
  return half;
}

void read_q4(const std::byte* qs, int zero, Block& block) {
  for (std::size_t i = 0; i < 16; ++i) {
    block.weights[i] = static_cast<std::int8_t>((byte_at(qs, i) & 0xf) - zero);
    block.weights[i + 16] = static_cast<std::int8_t>((byte_at(qs, i) >> 4) - zero);
  }
}

void read_q4_k(const std::byte* p, Block& block) {
  block.unit = half_at(p);
  // The format subtracts its minima; the kernels add.
  block.minimum_unit = static_cast<std::uint16_t>(half_at(p + 2) ^ 0x8000U);
  const std::byte* packed = p + 4;
  for (std::size_t j = 0; j < 4; ++j) {
    block.scales[j] = byte_at(packed, j) & 63;
    block.minima[j] = byte_at(packed, j + 4) & 63;
    block.scales[j + 4] =
        static_cast<std::uint8_t>((byte_at(packed, j + 8) & 0xf) | ((byte_at(packed, j) >> 6) << 4));
    block.minima[j + 4] =
        static_cast<std::uint8_t>((byte_at(packed, j + 8) >> 4) | ((byte_at(packed, j + 4) >> 6) << 4));
  }
  const std::byte* qs = p + 16;
  for (std::size_t i = 0; i < 128; ++i) {
    const std::size_t at = i / 32 * 64 + i % 32;
    block.weights[at] = static_cast<std::int8_t>(byte_at(qs, i) & 0xf);
    block.weights[at + 32] = static_cast<std::int8_t>(byte_at(qs, i) >> 4);
  }
}

void read_q6_k(const std::byte* p, Block& block) {
  const std::byte* high = p + 128;
  const std::byte* scales = p + 192;
  block.unit = half_at(p + 208);
  for (std::size_t i = 0; i < 16; ++i) block.scales[i] = byte_at(scales, i);
  for (std::size_t i = 0; i < 256; ++i) {
    // Each half of 128 weights: four runs of 32, the low nibbles of runs 0 and 1, then the high ones.
    const std::size_t half = i / 128;
    const std::size_t run = i % 128 / 32;
    const std::size_t l = i % 32;
    const unsigned low = byte_at(p, 64 * half + 32 * (run % 2) + l) >> (4 * (run / 2)) & 0xfU;
    const unsigned top = byte_at(high, 32 * half + l) >> (2 * run) & 3U;
    block.weights[i] = static_cast<std::int8_t>(static_cast<int>(low | top << 4) - 32);
  }
}

void read_block(TensorType type, const std::byte* p, Block& block) {
  switch (type) {
    case TensorType::q4_0:
      block.unit = half_at(p);
      read_q4(p + 2, 8, block);
      return;
    case TensorType::q4_1:
      block.unit = half_at(p);
      block.minimum_unit = half_at(p + 2);
      read_q4(p + 4, 0, block);
      return;
    case TensorType::q8_0:
      block.unit = half_at(p);
      std::memcpy(block.weights.data(), p + 2, 32);
      return;
    case TensorType::q4_k:
      read_q4_k(p, block);
      return;
    case TensorType::q6_k:
      read_q6_k(p, block);
      return;
    case TensorType::f32:
    case TensorType::f16:
    case TensorType::bf16:
      return;
  }
}

/// Where the parts of a chunk stand; offsets in bytes, 0 for what the format does not have.
struct ChunkLayout {
  std::uint32_t inputs, bytes, group, scales, minima, unit, minimum_unit;
};

ChunkLayout chunk_layout(Format format) {
  switch (format) {
    case Format::q4:
      return {64, 576, 32, 0, 0, 512, 0};
    case Format::q4_min:
      return {64, 640, 32, 0, 0, 512, 576};
    case Format::q8:
      return {64, 1088, 32, 0, 0, 1024, 0};
    case Format::q4_k:
      return {256, 2368, 32, 2048, 2176, 2304, 2336};
    case Format::q6_k:
      return {256, 4416, 16, 4096, 0, 4352, 0};
    case Format::f32:
      return {1, 64, 1, 0, 0, 0, 0};
    case Format::f16:
    case Format::bf16:
      return {1, 32, 1, 0, 0, 0, 0};
  }
  return {};
}

bool is_nibbles(Format format) {
  return format == Format::q4 || format == Format::q4_min || format == Format::q4_k;
}

void put_half(std::byte* p, std::size_t lane, std::uint16_t half) {
  std::memcpy(p + 2 * lane, &half, sizeof half);
}

void put_weight(bool nibbles, std::byte* weights, std::uint32_t lane, std::uint32_t input,
                std::int8_t weight) {
  const std::uint32_t eight = input / 8;
  const std::uint32_t pair = input % 8 / 2;
  const std::uint32_t half = input % 2;
  if (nibbles) {
    std::byte& at = weights[64 * eight + 4 * lane + 2 * half + pair / 2];
    at |= static_cast<std::byte>((static_cast<unsigned>(weight) & 0xfU) << (4 * (pair % 2)));
  } else {
    weights[128 * eight + 64 * (pair % 2) + 4 * lane + 2 * half + pair / 2] = static_cast<std::byte>(weight);
  }
}

/// Puts one block of one row into the panel; `input`: the row's first input in it.
void put_block(Format format, const Block& block, std::uint32_t count, std::uint32_t lane,
               std::uint32_t input, std::byte* panel) {
  const ChunkLayout layout = chunk_layout(format);
  std::byte* chunk = panel + std::size_t{input / layout.inputs} * layout.bytes;
  const std::uint32_t first = input % layout.inputs;
  for (std::uint32_t i = 0; i < count; ++i) {
    put_weight(is_nibbles(format), chunk, lane, first + i, block.weights[i]);
  }
  // A block of 32 carries its own scale; a block of 256 a unit, and byte scales per group.
  const std::size_t group = layout.scales != 0 ? 0 : first / layout.group;
  put_half(chunk + layout.unit + 32 * group, lane, block.unit);
  if (layout.minimum_unit != 0) put_half(chunk + layout.minimum_unit + 32 * group, lane, block.minimum_unit);
  if (layout.scales == 0) return;
  for (std::uint32_t g = 0; g < layout.inputs / layout.group; ++g) {
    chunk[layout.scales + 16 * g + lane] = static_cast<std::byte>(block.scales[g]);
    if (layout.minima != 0) chunk[layout.minima + 16 * g + lane] = static_cast<std::byte>(block.minima[g]);
  }
}

void pack_floats(const std::byte* row, std::size_t width, std::uint32_t lane, std::uint32_t inputs,
                 std::byte* out) {
  for (std::size_t k = 0; k < inputs; ++k) {
    std::memcpy(out + (k * kPanelRows + lane) * width, row + k * width, width);
  }
}

}  // namespace

Format packed_format(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return Format::f32;
    case TensorType::f16:
      return Format::f16;
    case TensorType::bf16:
      return Format::bf16;
    case TensorType::q4_0:
      return Format::q4;
    case TensorType::q4_1:
      return Format::q4_min;
    case TensorType::q8_0:
      return Format::q8;
    case TensorType::q4_k:
      return Format::q4_k;
    case TensorType::q6_k:
      return Format::q6_k;
  }
  return Format::f32;
}

std::size_t panel_bytes(Format format, std::uint32_t inputs) {
  const ChunkLayout layout = chunk_layout(format);
  const std::size_t chunks = (inputs + layout.inputs - 1) / layout.inputs;
  return (chunks * layout.bytes + 63) / 64 * 64;
}

void pack_panel(TensorType type, const std::byte* rows, std::size_t row_bytes, std::uint32_t row_count,
                std::uint32_t inputs, std::byte* out) {
  const Format format = packed_format(type);
  const std::uint32_t count = model::block_weights(type);
  const std::uint32_t bytes = model::block_bytes(type);
  Block block;
  for (std::uint32_t lane = 0; lane < row_count; ++lane, rows += row_bytes) {
    if (count == 1) {
      pack_floats(rows, bytes, lane, inputs, out);
      continue;
    }
    for (std::uint32_t input = 0; input < inputs; input += count) {
      read_block(type, rows + std::size_t{input / count} * bytes, block);
      put_block(format, block, count, lane, input, out);
    }
  }
}

}  // namespace troupe::gpu::cpu
