// SPDX-License-Identifier: Apache-2.0
#define TROUPE_VEC16_AMX
#include "gpu/cpu/kernel_tiles.hpp"

namespace troupe::gpu::cpu {
namespace amx {
namespace {

/// The layout of LDTILECFG's operand.
struct alignas(64) TileConfig {
  std::uint8_t palette;
  std::uint8_t start_row;
  std::uint8_t reserved[14];
  std::uint16_t row_bytes[16];
  std::uint8_t rows[16];
};
static_assert(sizeof(TileConfig) == 64);

/// Activations [16][32], weights [8][64], products [16][16] int32.
constexpr TileConfig kTileConfig = {
    1, 0, {}, {32, 32, 64, 64, 64, 64, 64, 64}, {16, 16, 8, 8, 16, 16, 16, 16}};

/// Written in assembly: g++ 12's intrinsics are macros that take no template argument for a tile's number,
/// and its _tile_loadconfig claims to read eight bytes, so that stores to the rest of a local one are
/// dropped.
struct HardwareTiles {
  /// While one lives, this thread's tiles are configured.
  struct Session {
    Session() { __asm__ volatile("ldtilecfg %0" : : "m"(kTileConfig)); }
    ~Session() { __asm__ volatile("tilerelease"); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };
  template <int T>
  TROUPE_INLINE static void load(const void* from, long stride) {
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(T) : "memory");
  }
  template <int T>
  TROUPE_INLINE static void store(void* to, long stride) {
    __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(T) : "memory");
  }
  template <int T>
  TROUPE_INLINE static void zero() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  template <int Sum, int Signed, int Weights>
  TROUPE_INLINE static void multiply_signed() {
    __asm__ volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(Signed), "i"(Weights));
  }
  template <int Sum, int Unsigned, int Weights>
  TROUPE_INLINE static void multiply_unsigned() {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(Sum), "i"(Unsigned), "i"(Weights));
  }
};

template <class F, Format Which>
void linear(const LinearTask& task) {
  tile_linear<HardwareTiles, F>(task, avx512_kernels().linear[static_cast<int>(Which)]);
}

}  // namespace
}  // namespace amx

Kernels amx_kernels() {
  // Groups of 16 inputs and float weights stay on the vector units.
  Kernels kernels = avx512_kernels();
  kernels.linear[static_cast<int>(Format::q4)] = amx::linear<amx::Q4, Format::q4>;
  kernels.linear[static_cast<int>(Format::q4_min)] = amx::linear<amx::Q4Min, Format::q4_min>;
  kernels.linear[static_cast<int>(Format::q8)] = amx::linear<amx::Q8, Format::q8>;
  kernels.linear[static_cast<int>(Format::q4_k)] = amx::linear<amx::Q4K, Format::q4_k>;
  return kernels;
}

}  // namespace troupe::gpu::cpu
