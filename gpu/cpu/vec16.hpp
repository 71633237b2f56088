// SPDX-License-Identifier: Apache-2.0
#pragma once

// Sixteen 32-bit lanes, the one vector type that all kernels are written on. Each implementation does the
// same IEEE operations in the same order, so a kernel gives the same bits on all of them; the conventions
// that x86 leaves open are fixed here:
//   maximum(a, b) is a > b ? a : b, so a NaN in b stays and a NaN in a is lost;
//   round_to_ints rounds to nearest even and gives INT_MIN for NaN and overflow;
//   add_lanes folds halves: lane i + lane i+8, then +4, +2, +1;
//   every thread runs with denormals flushed (gpu/team.hpp).
//
// A translation unit picks its implementation with one define and the matching compiler flags. The code of
// each lives in a namespace of its own and uses no inline function of another library, so that nothing
// compiled for a new CPU is ever linked into the path of an old one.
#if defined(TROUPE_VEC16_AMX)
#define TROUPE_VEC16_NAMESPACE amx
#include "gpu/cpu/vec16_avx512.hpp"
#elif defined(TROUPE_VEC16_AVX512)
#define TROUPE_VEC16_NAMESPACE avx512
#include "gpu/cpu/vec16_avx512.hpp"
#elif defined(TROUPE_VEC16_AVX2)
#define TROUPE_VEC16_NAMESPACE avx2
#include "gpu/cpu/vec16_avx2.hpp"
#else
#define TROUPE_VEC16_NAMESPACE portable
#include "gpu/cpu/vec16_portable.hpp"
#endif
