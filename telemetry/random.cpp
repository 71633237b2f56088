// SPDX-License-Identifier: Apache-2.0
#include "telemetry/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace troupe::telemetry {
namespace {

constexpr std::uint64_t kGoldenGamma = 0x9e3779b97f4a7c15ULL;

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31U);
}

}  // namespace

RandomBits SystemRandom::bits() {
  std::array<std::uint64_t, 2> words{};
  // Up to 256 bytes are given whole once the kernel's pool is initialised; a signal can interrupt only the
  // wait for it.
  while (getrandom(words.data(), sizeof(words), 0) != static_cast<ssize_t>(sizeof(words))) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
  }
  return {words[0], words[1]};
}

RandomBits SeededRandom::bits() {
  // One addition draws both words, so that threads never share half of a draw.
  const std::uint64_t start = state_.fetch_add(2 * kGoldenGamma);
  return {mix(start + kGoldenGamma), mix(start + 2 * kGoldenGamma)};
}

}  // namespace troupe::telemetry
