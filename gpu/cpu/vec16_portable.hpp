// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included through gpu/cpu/vec16.hpp, which says what each function means. Plain loops over arrays, and SSE2
// (part of every x86-64) where C++ has no word for what the vector instructions do.
#include <emmintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define TROUPE_INLINE [[gnu::always_inline]] inline

// Offsets inside a tile, a chunk or a block are products of small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)
namespace troupe::gpu::cpu::portable {

/// Rows that one pass over a weight panel serves.
inline constexpr int kRowTile = 2;
/// Queries that share one pass over a tile of keys.
inline constexpr int kQueryTile = 2;

struct Floats {
  float v[16];
};
struct Ints {
  std::int32_t v[16];
};

template <class Lane>
TROUPE_INLINE Floats each_float(Lane lane) {
  Floats out;
  for (int i = 0; i < 16; ++i) out.v[i] = lane(i);
  return out;
}
template <class Lane>
TROUPE_INLINE Ints each_int(Lane lane) {
  Ints out;
  for (int i = 0; i < 16; ++i) out.v[i] = lane(i);
  return out;
}

TROUPE_INLINE Floats splat(float x) {
  return each_float([&](int) { return x; });
}
TROUPE_INLINE Floats zeros() {
  return splat(0.0F);
}
TROUPE_INLINE Floats load(const float* p) {
  return each_float([&](int i) { return p[i]; });
}
TROUPE_INLINE Floats load_first(const float* p, int n) {
  return each_float([&](int i) { return i < n ? p[i] : 0.0F; });
}
TROUPE_INLINE void store(float* p, Floats x) {
  std::memcpy(p, x.v, sizeof x.v);
}
TROUPE_INLINE void store_first(float* p, Floats x, int n) {
  for (int i = 0; i < n && i < 16; ++i) p[i] = x.v[i];
}
TROUPE_INLINE Floats operator+(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] + b.v[i]; });
}
TROUPE_INLINE Floats operator-(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] - b.v[i]; });
}
TROUPE_INLINE Floats operator*(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] * b.v[i]; });
}
TROUPE_INLINE Floats operator/(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] / b.v[i]; });
}
TROUPE_INLINE Floats fused(Floats a, Floats b, Floats c) {
  return each_float([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
}
TROUPE_INLINE Floats maximum(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
TROUPE_INLINE Floats minimum(Floats a, Floats b) {
  return each_float([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
TROUPE_INLINE Floats absolute(Floats a) {
  return each_float([&](int i) { return __builtin_fabsf(a.v[i]); });
}
TROUPE_INLINE Floats first_else(int n, Floats a, Floats b) {
  return each_float([&](int i) { return i < n ? a.v[i] : b.v[i]; });
}
TROUPE_INLINE float add_lanes(Floats a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.v[i] = a.v[i] + a.v[i + half];
  }
  return a.v[0];
}
TROUPE_INLINE float max_lanes(Floats a) {
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
  }
  return a.v[0];
}
TROUPE_INLINE Floats swap_pairs(Floats a) {
  return each_float([&](int i) { return a.v[i ^ 1]; });
}
TROUPE_INLINE Floats twice_low(Floats a) {
  return each_float([&](int i) { return a.v[i / 2]; });
}

TROUPE_INLINE Ints splat_int(std::int32_t x) {
  return each_int([&](int) { return x; });
}
TROUPE_INLINE Ints no_ints() {
  return splat_int(0);
}
TROUPE_INLINE Ints load_ints(const std::byte* p) {
  Ints out;
  std::memcpy(out.v, p, sizeof out.v);
  return out;
}
TROUPE_INLINE void store_ints(std::byte* p, Ints a) {
  std::memcpy(p, a.v, sizeof a.v);
}
TROUPE_INLINE std::int16_t half_of(std::int32_t lane, int which) {
  return static_cast<std::int16_t>(which == 0 ? lane : lane >> 16);
}
TROUPE_INLINE std::int32_t both(int low, int high) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(low) & 0xffffU) |
                                   (static_cast<std::uint32_t>(high) << 16));
}
TROUPE_INLINE Ints operator+(Ints a, Ints b) {
  return each_int([&](int i) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) + static_cast<std::uint32_t>(b.v[i]));
  });
}
TROUPE_INLINE Ints operator&(Ints a, Ints b) {
  return each_int([&](int i) { return a.v[i] & b.v[i]; });
}
TROUPE_INLINE Ints operator|(Ints a, Ints b) {
  return each_int([&](int i) { return a.v[i] | b.v[i]; });
}
template <int N>
TROUPE_INLINE Ints right32(Ints a) {
  return each_int([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) >> N); });
}
TROUPE_INLINE Ints if_number(Floats x, Ints a, Ints b) {
  return each_int([&](int i) { return x.v[i] == x.v[i] ? a.v[i] : b.v[i]; });
}
template <int N>
TROUPE_INLINE Ints left32(Ints a) {
  return each_int([&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) << N); });
}
template <int N>
TROUPE_INLINE Ints left16(Ints a) {
  return each_int([&](int i) { return both(half_of(a.v[i], 0) << N, half_of(a.v[i], 1) << N); });
}
template <int N>
TROUPE_INLINE Ints right16(Ints a) {
  return each_int(
      [&](int i) { return both((half_of(a.v[i], 0) & 0xffff) >> N, (half_of(a.v[i], 1) & 0xffff) >> N); });
}
template <int N>
TROUPE_INLINE Ints signed_right16(Ints a) {
  return each_int([&](int i) { return both(half_of(a.v[i], 0) >> N, half_of(a.v[i], 1) >> N); });
}
TROUPE_INLINE Ints dot_pairs(Ints sum, Ints weights, const std::int16_t* x) {
  return each_int(
      [&](int i) { return sum.v[i] + half_of(weights.v[i], 0) * x[0] + half_of(weights.v[i], 1) * x[1]; });
}
TROUPE_INLINE Floats to_floats(Ints a) {
  return each_float([&](int i) { return static_cast<float>(a.v[i]); });
}
TROUPE_INLINE Ints round_to_ints(Floats a) {
  return each_int([&](int i) { return _mm_cvtss_si32(_mm_set_ss(a.v[i])); });
}
TROUPE_INLINE Floats as_floats(Ints a) {
  Floats out;
  std::memcpy(out.v, a.v, sizeof out.v);
  return out;
}
TROUPE_INLINE Ints as_ints(Floats a) {
  Ints out;
  std::memcpy(out.v, a.v, sizeof out.v);
  return out;
}
TROUPE_INLINE void store_int16(std::int16_t* p, Ints a) {
  for (int i = 0; i < 16; ++i) {
    const std::int32_t x = a.v[i];
    p[i] = static_cast<std::int16_t>(x < -32768 ? -32768 : x > 32767 ? 32767 : x);
  }
}
TROUPE_INLINE std::int32_t add_lanes(Ints a) {
  std::uint32_t sum = 0;
  for (int i = 0; i < 16; ++i) sum += static_cast<std::uint32_t>(a.v[i]);
  return static_cast<std::int32_t>(sum);
}
TROUPE_INLINE float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  std::uint32_t mantissa = half & 0x3ffU;
  std::uint32_t bits = sign;
  if (exponent == 31) {
    // The conversion instruction makes a signalling NaN quiet.
    bits |= 0x7f800000U | (mantissa << 13) | (mantissa != 0 ? 0x400000U : 0U);
  } else if (exponent != 0) {
    bits |= ((exponent + 112) << 23) | (mantissa << 13);
  } else if (mantissa != 0) {
    std::uint32_t shift = 0;
    for (; (mantissa & 0x400U) == 0; ++shift) mantissa <<= 1;
    bits |= ((113 - shift) << 23) | ((mantissa & 0x3ffU) << 13);
  }
  float out;
  std::memcpy(&out, &bits, sizeof out);
  return out;
}
TROUPE_INLINE std::uint16_t word_at(const std::byte* p, int i) {
  std::uint16_t word;
  std::memcpy(&word, p + 2 * i, sizeof word);
  return word;
}
TROUPE_INLINE Floats load_half(const std::byte* p) {
  return each_float([&](int i) { return half_to_float(word_at(p, i)); });
}
TROUPE_INLINE Floats load_bfloat16(const std::byte* p) {
  return as_floats(each_int(
      [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(word_at(p, i)) << 16); }));
}
TROUPE_INLINE Floats load_unsigned_bytes(const std::byte* p) {
  return each_float([&](int i) { return static_cast<float>(static_cast<std::uint8_t>(p[i])); });
}
TROUPE_INLINE Floats load_signed_bytes(const std::byte* p) {
  return each_float([&](int i) { return static_cast<float>(static_cast<std::int8_t>(p[i])); });
}
TROUPE_INLINE void pin(Ints&) {}
TROUPE_INLINE void prefetch(const std::byte*) {}

}  // namespace troupe::gpu::cpu::portable

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
