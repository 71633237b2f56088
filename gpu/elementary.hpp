// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

/// Elementary functions of our own: the C library picks its code by the machine it runs on, and its last bit
/// may follow.
namespace troupe::gpu {

/// e^x with a relative error below 2e-7; 0 below -87, where float32 has only denormals left. Branch-free, so
/// that a compiler can run it in vector lanes. Source: Cody and Waite 1980, argument reduction; the
/// polynomial is Cephes' expf.
inline float exponential(float x) {
  constexpr float kRound =
      12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer in the low mantissa bits
  const float clamped = std::min(std::max(x, -87.0F), 88.0F);
  const float shifted = clamped * 1.44269504088896341F + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) + 127U) << 23;
  const float scaled = p * std::bit_cast<float>(power);
  return x < -87.0F ? 0.0F : scaled;
}

/// Natural logarithm of a positive normal number, to 1e-13.
/// Source: log(m 2^e) = e log 2 + 2 artanh((m - 1) / (m + 1)).
inline double logarithm(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double z = (m - 1.0) / (m + 1.0);
  const double square = z * z;
  double sum = 0;
  for (int k = 19; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * 0.6931471805599453 + 2.0 * z * sum;
}

}  // namespace troupe::gpu
