// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included through gpu/cpu/vec16.hpp, which says what each function means.
#if defined(__AVX512VNNI__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define TROUPE_INLINE [[gnu::always_inline]] inline

namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// Rows that one pass over a weight panel serves: with 12 sums and 12 totals, 24 of the 32 registers.
inline constexpr int kRowTile = 12;
/// Queries that share one pass over a tile of keys: 24 sums.
inline constexpr int kQueryTile = 12;

struct Floats {
  __m512 v;
};
/// 16 int32, or 32 int16, or 64 bytes.
struct Ints {
  __m512i v;
};

TROUPE_INLINE Floats zeros() {
  return {_mm512_setzero_ps()};
}
TROUPE_INLINE Floats splat(float x) {
  return {_mm512_set1_ps(x)};
}
TROUPE_INLINE Floats load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
TROUPE_INLINE __mmask16 first_lanes(int n) {
  return static_cast<__mmask16>(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}
/// The first n lanes; the others are 0.
TROUPE_INLINE Floats load_first(const float* p, int n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
TROUPE_INLINE void store(float* p, Floats x) {
  _mm512_storeu_ps(p, x.v);
}
TROUPE_INLINE void store_first(float* p, Floats x, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), x.v);
}
TROUPE_INLINE Floats operator+(Floats a, Floats b) {
  return {_mm512_add_ps(a.v, b.v)};
}
TROUPE_INLINE Floats operator-(Floats a, Floats b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
TROUPE_INLINE Floats operator*(Floats a, Floats b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
TROUPE_INLINE Floats operator/(Floats a, Floats b) {
  return {_mm512_div_ps(a.v, b.v)};
}
/// a * b + c, rounded once.
TROUPE_INLINE Floats fused(Floats a, Floats b, Floats c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
TROUPE_INLINE Floats maximum(Floats a, Floats b) {
  return {_mm512_max_ps(a.v, b.v)};
}
TROUPE_INLINE Floats minimum(Floats a, Floats b) {
  return {_mm512_min_ps(a.v, b.v)};
}
TROUPE_INLINE Floats absolute(Floats a) {
  return {_mm512_abs_ps(a.v)};
}
/// a in the first n lanes, b in the others.
TROUPE_INLINE Floats first_else(int n, Floats a, Floats b) {
  return {_mm512_mask_blend_ps(first_lanes(n), b.v, a.v)};
}
TROUPE_INLINE float add_lanes(Floats a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
TROUPE_INLINE float max_lanes(Floats a) {
  const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
/// Lanes 2i and 2i+1 exchanged.
TROUPE_INLINE Floats swap_pairs(Floats a) {
  return {_mm512_permute_ps(a.v, 0xb1)};
}
/// Lanes 0..7, each twice.
TROUPE_INLINE Floats twice_low(Floats a) {
  const __m512i index = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return {_mm512_permutexvar_ps(index, a.v)};
}

TROUPE_INLINE Ints no_ints() {
  return {_mm512_setzero_si512()};
}
TROUPE_INLINE Ints splat_int(std::int32_t x) {
  return {_mm512_set1_epi32(x)};
}
/// 64 bytes.
TROUPE_INLINE Ints load_ints(const std::byte* p) {
  return {_mm512_loadu_si512(p)};
}
TROUPE_INLINE void store_ints(std::byte* p, Ints a) {
  _mm512_storeu_si512(p, a.v);
}
TROUPE_INLINE Ints operator+(Ints a, Ints b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
TROUPE_INLINE Ints operator&(Ints a, Ints b) {
  return {_mm512_and_si512(a.v, b.v)};
}
TROUPE_INLINE Ints operator|(Ints a, Ints b) {
  return {_mm512_or_si512(a.v, b.v)};
}
template <int N>
TROUPE_INLINE Ints right32(Ints a) {
  return {_mm512_srli_epi32(a.v, N)};
}
/// a in the lanes where x is a number, b where it is NaN.
TROUPE_INLINE Ints if_number(Floats x, Ints a, Ints b) {
  return {_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(x.v, x.v, _CMP_ORD_Q), b.v, a.v)};
}
template <int N>
TROUPE_INLINE Ints left32(Ints a) {
  return {_mm512_slli_epi32(a.v, N)};
}
template <int N>
TROUPE_INLINE Ints left16(Ints a) {
  return {_mm512_slli_epi16(a.v, N)};
}
template <int N>
TROUPE_INLINE Ints right16(Ints a) {
  return {_mm512_srli_epi16(a.v, N)};
}
template <int N>
TROUPE_INLINE Ints signed_right16(Ints a) {
  return {_mm512_srai_epi16(a.v, N)};
}
/// sum + the products of each lane's two int16 with the same two int16 at x.
TROUPE_INLINE Ints dot_pairs(Ints sum, Ints weights, const std::int16_t* x) {
  std::int32_t pair;
  std::memcpy(&pair, x, sizeof pair);
  return {_mm512_dpwssd_epi32(sum.v, weights.v, _mm512_set1_epi32(pair))};
}
TROUPE_INLINE Floats to_floats(Ints a) {
  return {_mm512_cvtepi32_ps(a.v)};
}
TROUPE_INLINE Ints round_to_ints(Floats a) {
  return {_mm512_cvtps_epi32(a.v)};
}
TROUPE_INLINE Floats as_floats(Ints a) {
  return {_mm512_castsi512_ps(a.v)};
}
TROUPE_INLINE Ints as_ints(Floats a) {
  return {_mm512_castps_si512(a.v)};
}
/// The lanes as int16, saturated.
TROUPE_INLINE void store_int16(std::int16_t* p, Ints a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtsepi32_epi16(a.v));
}
TROUPE_INLINE std::int32_t add_lanes(Ints a) {
  const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(a.v), _mm512_extracti64x4_epi64(a.v, 1));
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}
/// 16 IEEE half-precision numbers.
TROUPE_INLINE Floats load_half(const std::byte* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
/// 16 bfloat16 numbers.
TROUPE_INLINE Floats load_bfloat16(const std::byte* p) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(wide, 16))};
}
/// 16 unsigned bytes.
TROUPE_INLINE Floats load_unsigned_bytes(const std::byte* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
/// 16 signed bytes.
TROUPE_INLINE Floats load_signed_bytes(const std::byte* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
/// Keeps a in its registers: left alone, the compiler reads it from memory again at each use.
TROUPE_INLINE void pin(Ints& a) {
  __asm__("" : "+v"(a.v));
}
TROUPE_INLINE void prefetch(const std::byte* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE

#endif
