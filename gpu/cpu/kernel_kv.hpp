// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/vec16.hpp"

// Rotation of q and k, and the way of k and v into a block (kernels.hpp: KvHead).
// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// Rotates the pairs (2i, 2i+1) of `heads` heads that follow one another, in place.
inline void rotate(float* values, std::uint32_t heads, std::uint32_t head_dim, const float* cosine,
                   const float* sine) {
  alignas(64) static constexpr float kSigns[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
  const Floats signs = load(kSigns);
  for (std::uint32_t i = 0; i < head_dim; i += 16) {
    const int n = head_dim - i < 16 ? static_cast<int>(head_dim - i) : 16;
    const Floats c = twice_low(load_first(cosine + i / 2, n / 2));
    const Floats s = twice_low(load_first(sine + i / 2, n / 2)) * signs;
    float* at = values + i;
    for (std::uint32_t head = 0; head < heads; ++head, at += head_dim) {
      const Floats x = load_first(at, n);
      store_first(at, fused(x, c, swap_pairs(x) * s), n);
    }
  }
}

/// The values rounded to bfloat16 (to nearest even), in the upper halves of the lanes; a NaN stays one.
TROUPE_INLINE Ints rounded_to_bfloat16(Floats x) {
  const Ints bits = as_ints(x);
  const Ints rounded = bits + splat_int(0x7fff) + (right32<16>(bits) & splat_int(1));
  return if_number(x, rounded, bits | splat_int(0x400000)) & splat_int(-0x10000);
}

/// Writes one token's k and v of one head. k, v: [head_dim]. token: 0..31.
inline void write_kv(const float* k, const float* v, std::uint32_t head_dim, std::uint32_t token,
                     std::byte* keys, std::byte* values) {
  alignas(64) std::uint16_t halves[32];
  const std::size_t lane = 4 * (token % 16) + 2 * (token / 16);
  for (std::uint32_t i = 0; i < head_dim; i += 16) {
    const int n = head_dim - i < 16 ? static_cast<int>(head_dim - i) : 16;
    store_ints(reinterpret_cast<std::byte*>(halves), rounded_to_bfloat16(load_first(k + i, n)));
    for (int j = 0; j < n; ++j) __builtin_memcpy(keys + 64 * (i + j) + lane, halves + 2 * j + 1, 2);
  }
  std::byte* row = values + std::size_t{2} * head_dim * token;
  std::uint32_t i = 0;
  for (; i + 32 <= head_dim; i += 32) {
    const Ints first = rounded_to_bfloat16(load(v + i));
    const Ints second = rounded_to_bfloat16(load(v + i + 16));
    store_ints(row + 2 * i, right32<16>(first) | second);
  }
  for (; i < head_dim; ++i) {
    store_ints(reinterpret_cast<std::byte*>(halves), rounded_to_bfloat16(splat(v[i])));
    __builtin_memcpy(row + 2 * i, halves + 1, 2);
  }
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
