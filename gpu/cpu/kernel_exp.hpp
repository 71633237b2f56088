// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "gpu/cpu/vec16.hpp"

namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE {

/// e^x to within one unit in the last place for x in [-87, 88]; x beyond is taken as the nearer end; NaN
/// stays NaN. Source: x = n ln 2 + r with |r| <= ln 2 / 2 (Cody and Waite 1980), then the Taylor polynomial
/// of degree 6 with its upper coefficients adjusted for the interval (Cephes, expf).
TROUPE_INLINE Floats exponential(Floats x) {
  x = minimum(splat(88.0F), maximum(splat(-87.0F), x));
  const Ints n = round_to_ints(x * splat(1.44269504F));
  const Floats whole = to_floats(n);
  Floats r = fused(whole, splat(-0.693359375F), x);
  r = fused(whole, splat(2.12194440e-4F), r);
  Floats p = splat(1.9875691500e-4F);
  p = fused(p, r, splat(1.3981999507e-3F));
  p = fused(p, r, splat(8.3334519073e-3F));
  p = fused(p, r, splat(4.1665795894e-2F));
  p = fused(p, r, splat(1.6666665459e-1F));
  p = fused(p, r, splat(5.0000001201e-1F));
  p = fused(p, r * r, r) + splat(1.0F);
  // 2^n as a float; a NaN's n is INT_MIN, which gives 1.
  return p * as_floats(left32<23>(n + splat_int(127)));
}

}  // namespace troupe::gpu::cpu::TROUPE_VEC16_NAMESPACE
