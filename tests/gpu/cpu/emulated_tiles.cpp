// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/cpu/emulated_tiles.hpp"

#define TROUPE_VEC16_AMX
#include "gpu/cpu/kernel_tiles.hpp"

namespace troupe::gpu::cpu {
namespace {

/// Tiles as the instruction set manual defines them, configured as kernels_amx.cpp configures the hardware.
template <int WrongBit>
struct EmulatedTiles {
  static constexpr int kRows[8] = {16, 16, 8, 8, 16, 16, 16, 16};
  static constexpr int kRowBytes[8] = {32, 32, 64, 64, 64, 64, 64, 64};
  static inline thread_local bool configured = false;
  static inline thread_local std::uint8_t tiles[8][16][64];

  struct Session {
    Session() {
      configured = true;
      __builtin_memset(tiles, 0, sizeof tiles);
    }
    ~Session() { configured = false; }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
  };
  static void need_configuration() {
    if (!configured) __builtin_trap();
  }
  template <int T>
  static void load(const void* from, long stride) {
    need_configuration();
    for (long r = 0; r < kRows[T]; ++r) {
      __builtin_memcpy(tiles[T][r], static_cast<const char*>(from) + r * stride, kRowBytes[T]);
    }
  }
  template <int T>
  static void store(void* to, long stride) {
    need_configuration();
    for (long r = 0; r < kRows[T]; ++r) {
      __builtin_memcpy(static_cast<char*>(to) + r * stride, tiles[T][r], kRowBytes[T]);
    }
  }
  template <int T>
  static void zero() {
    __builtin_memset(tiles[T], 0, sizeof tiles[T]);
  }
  template <class Byte, int Sum, int Left, int Weights>
  static void multiply() {
    static_assert(kRowBytes[Left] == 4 * kRows[Weights]);
    for (int m = 0; m < kRows[Sum]; ++m) {
      for (long n = 0; n < 16; ++n) {
        std::int32_t sum;
        __builtin_memcpy(&sum, tiles[Sum][m] + 4 * n, 4);
        for (int k = 0; k < kRowBytes[Left]; ++k) {
          sum += static_cast<Byte>(tiles[Left][m][k]) *
                 static_cast<std::int8_t>(tiles[Weights][k / 4][4 * n + k % 4]);
        }
        if (m == 11 && n == 5) sum ^= WrongBit;
        __builtin_memcpy(tiles[Sum][m] + 4 * n, &sum, 4);
      }
    }
  }
  template <int Sum, int Signed, int Weights>
  static void multiply_signed() {
    multiply<std::int8_t, Sum, Signed, Weights>();
  }
  template <int Sum, int Unsigned, int Weights>
  static void multiply_unsigned() {
    multiply<std::uint8_t, Sum, Unsigned, Weights>();
  }
};

template <int WrongBit, class F, Format Which>
void linear(const LinearTask& task) {
  amx::tile_linear<EmulatedTiles<WrongBit>, F>(task, avx512_kernels().linear[static_cast<int>(Which)]);
}

template <int WrongBit>
Kernels kernels() {
  Kernels out = avx512_kernels();
  out.linear[static_cast<int>(Format::q4)] = linear<WrongBit, amx::Q4, Format::q4>;
  out.linear[static_cast<int>(Format::q4_min)] = linear<WrongBit, amx::Q4Min, Format::q4_min>;
  out.linear[static_cast<int>(Format::q8)] = linear<WrongBit, amx::Q8, Format::q8>;
  out.linear[static_cast<int>(Format::q4_k)] = linear<WrongBit, amx::Q4K, Format::q4_k>;
  return out;
}

}  // namespace

Kernels emulated_amx_kernels() {
  return kernels<0>();
}

Kernels broken_amx_kernels() {
  return kernels<1>();
}

}  // namespace troupe::gpu::cpu
