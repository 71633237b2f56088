// SPDX-License-Identifier: Apache-2.0
#pragma once

// Included through gpu/cpu/vec16.hpp, which says what each function means. Two registers of eight lanes.
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#define TROUPE_INLINE [[gnu::always_inline]] inline

namespace troupe::gpu::cpu::avx2 {

/// Rows that one pass over a weight panel serves: with 4, the sums and the weights fit the 16 registers.
inline constexpr int kRowTile = 4;
/// Queries that share one pass over a tile of keys.
inline constexpr int kQueryTile = 3;

struct Floats {
  __m256 low, high;
};
struct Ints {
  __m256i low, high;
};

TROUPE_INLINE Floats splat(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
TROUPE_INLINE Floats zeros() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
TROUPE_INLINE Floats load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
/// All ones in the first n lanes of eight.
TROUPE_INLINE __m256i first_of_eight(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
TROUPE_INLINE Floats load_first(const float* p, int n) {
  const __m256 low = _mm256_maskload_ps(p, first_of_eight(n));
  return {low, n > 8 ? _mm256_maskload_ps(p + 8, first_of_eight(n - 8)) : _mm256_setzero_ps()};
}
TROUPE_INLINE void store(float* p, Floats x) {
  _mm256_storeu_ps(p, x.low);
  _mm256_storeu_ps(p + 8, x.high);
}
TROUPE_INLINE void store_first(float* p, Floats x, int n) {
  _mm256_maskstore_ps(p, first_of_eight(n), x.low);
  if (n > 8) _mm256_maskstore_ps(p + 8, first_of_eight(n - 8), x.high);
}
TROUPE_INLINE Floats operator+(Floats a, Floats b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
TROUPE_INLINE Floats operator-(Floats a, Floats b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
TROUPE_INLINE Floats operator*(Floats a, Floats b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
TROUPE_INLINE Floats operator/(Floats a, Floats b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
TROUPE_INLINE Floats fused(Floats a, Floats b, Floats c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
TROUPE_INLINE Floats maximum(Floats a, Floats b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
TROUPE_INLINE Floats minimum(Floats a, Floats b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
TROUPE_INLINE Floats absolute(Floats a) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}
TROUPE_INLINE Floats first_else(int n, Floats a, Floats b) {
  return {_mm256_blendv_ps(b.low, a.low, _mm256_castsi256_ps(first_of_eight(n))),
          _mm256_blendv_ps(b.high, a.high, _mm256_castsi256_ps(first_of_eight(n - 8)))};
}
TROUPE_INLINE float add_lanes(Floats a) {
  const __m256 eight = _mm256_add_ps(a.low, a.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
TROUPE_INLINE float max_lanes(Floats a) {
  const __m256 eight = _mm256_max_ps(a.low, a.high);
  const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}
TROUPE_INLINE Floats swap_pairs(Floats a) {
  return {_mm256_permute_ps(a.low, 0xb1), _mm256_permute_ps(a.high, 0xb1)};
}
TROUPE_INLINE Floats twice_low(Floats a) {
  return {_mm256_permutevar8x32_ps(a.low, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3)),
          _mm256_permutevar8x32_ps(a.low, _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7))};
}

TROUPE_INLINE Ints splat_int(std::int32_t x) {
  return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
TROUPE_INLINE Ints no_ints() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
TROUPE_INLINE __m256i load_256(const std::byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
TROUPE_INLINE Ints load_ints(const std::byte* p) {
  return {load_256(p), load_256(p + 32)};
}
TROUPE_INLINE void store_ints(std::byte* p, Ints a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), a.high);
}
TROUPE_INLINE Ints operator+(Ints a, Ints b) {
  return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}
TROUPE_INLINE Ints operator&(Ints a, Ints b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
TROUPE_INLINE Ints operator|(Ints a, Ints b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
template <int N>
TROUPE_INLINE Ints right32(Ints a) {
  return {_mm256_srli_epi32(a.low, N), _mm256_srli_epi32(a.high, N)};
}
TROUPE_INLINE __m256i eight_if_number(__m256 x, __m256i a, __m256i b) {
  return _mm256_blendv_epi8(b, a, _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_ORD_Q)));
}
TROUPE_INLINE Ints if_number(Floats x, Ints a, Ints b) {
  return {eight_if_number(x.low, a.low, b.low), eight_if_number(x.high, a.high, b.high)};
}
template <int N>
TROUPE_INLINE Ints left32(Ints a) {
  return {_mm256_slli_epi32(a.low, N), _mm256_slli_epi32(a.high, N)};
}
template <int N>
TROUPE_INLINE Ints left16(Ints a) {
  return {_mm256_slli_epi16(a.low, N), _mm256_slli_epi16(a.high, N)};
}
template <int N>
TROUPE_INLINE Ints right16(Ints a) {
  return {_mm256_srli_epi16(a.low, N), _mm256_srli_epi16(a.high, N)};
}
template <int N>
TROUPE_INLINE Ints signed_right16(Ints a) {
  return {_mm256_srai_epi16(a.low, N), _mm256_srai_epi16(a.high, N)};
}
TROUPE_INLINE Ints dot_pairs(Ints sum, Ints weights, const std::int16_t* x) {
  std::int32_t pair;
  std::memcpy(&pair, x, sizeof pair);
  const __m256i both = _mm256_set1_epi32(pair);
  return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(weights.low, both)),
          _mm256_add_epi32(sum.high, _mm256_madd_epi16(weights.high, both))};
}
TROUPE_INLINE Floats to_floats(Ints a) {
  return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}
TROUPE_INLINE Ints round_to_ints(Floats a) {
  return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)};
}
TROUPE_INLINE Floats as_floats(Ints a) {
  return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)};
}
TROUPE_INLINE Ints as_ints(Floats a) {
  return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)};
}
TROUPE_INLINE void store_int16(std::int16_t* p, Ints a) {
  const __m256i packed = _mm256_packs_epi32(a.low, a.high);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}
TROUPE_INLINE std::int32_t add_lanes(Ints a) {
  const __m256i eight = _mm256_add_epi32(a.low, a.high);
  __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
  four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}
TROUPE_INLINE __m128i load_128(const std::byte* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
TROUPE_INLINE Floats load_half(const std::byte* p) {
  return {_mm256_cvtph_ps(load_128(p)), _mm256_cvtph_ps(load_128(p + 16))};
}
TROUPE_INLINE Floats load_bfloat16(const std::byte* p) {
  const __m256i low = _mm256_cvtepu16_epi32(load_128(p));
  const __m256i high = _mm256_cvtepu16_epi32(load_128(p + 16));
  return {_mm256_castsi256_ps(_mm256_slli_epi32(low, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(high, 16))};
}
TROUPE_INLINE Floats load_unsigned_bytes(const std::byte* p) {
  const __m128i bytes = load_128(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes)),
          _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(bytes, 8)))};
}
TROUPE_INLINE Floats load_signed_bytes(const std::byte* p) {
  const __m128i bytes = load_128(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}
/// Keeps a in its registers: left alone, the compiler reads it from memory again at each use.
TROUPE_INLINE void pin(Ints& a) {
  __asm__("" : "+x"(a.low), "+x"(a.high));
}
TROUPE_INLINE void prefetch(const std::byte* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0);
}

}  // namespace troupe::gpu::cpu::avx2

#endif
