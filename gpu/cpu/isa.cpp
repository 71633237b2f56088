// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/isa.hpp"

#include <asm/prctl.h>
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace troupe::gpu::cpu {
namespace {

/// Asks for the AMX tile state, which Linux grants on request only.
bool tiles_granted() {
#ifdef ARCH_REQ_XCOMP_PERM
  constexpr unsigned long kTileData = 18;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, kTileData) == 0;
#else
  return false;
#endif
}

/// __builtin_cpu_supports of g++ 12 does not know AMX. The tile kernels also permute bytes.
bool cpu_has_amx_int8() {
  if (!__builtin_cpu_supports("avx512vbmi")) return false;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return false;
  constexpr unsigned kTile = 1U << 24;
  constexpr unsigned kInt8 = 1U << 25;
  return (edx & kTile) != 0 && (edx & kInt8) != 0;
}

/// Not every compiler's __builtin_cpu_supports knows F16C.
bool cpu_has_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && cpu_has_f16c();
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
}

Isa detect() {
  if (!has_avx2()) return Isa::portable;
  if (!has_avx512()) return Isa::avx2;
  return cpu_has_amx_int8() && tiles_granted() ? Isa::amx : Isa::avx512;
}

}  // namespace

const char* to_string(Isa isa) {
  switch (isa) {
    case Isa::portable:
      return "portable";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::amx:
      return "amx";
  }
  return "";
}

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

model::Result<Isa> choose_isa(std::string_view name) {
  const Isa best = best_isa();
  if (name == "auto") return best;
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512, Isa::amx}) {
    if (name != to_string(isa)) continue;
    if (isa <= best) return isa;
    return model::Error{model::ErrorCode::bad_config,
                        "this CPU has no " + std::string(name) + "; the best it has is " + to_string(best) +
                            ": use that or auto",
                        "isa"};
  }
  return model::Error{
      model::ErrorCode::bad_config,
      "unknown instruction set '" + std::string(name) + "': use auto, amx, avx512, avx2 or portable", "isa"};
}

}  // namespace troupe::gpu::cpu
