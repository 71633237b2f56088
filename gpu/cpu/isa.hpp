// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/error.hpp"

namespace troupe::gpu::cpu {

/// The instruction sets that the fast path is built for, weakest first. All give the same bits.
enum class Isa : std::uint8_t { portable, avx2, avx512, amx };
const char* to_string(Isa isa);

/// The best that this CPU and its operating system offer. For amx, asks the kernel for the tile state once.
Isa best_isa();

/// Resolves NumericsOptions::isa: "auto" is best_isa(). Errors: bad_config for an unknown name or a set that
/// this CPU lacks, naming what it has.
model::Result<Isa> choose_isa(std::string_view name);

}  // namespace troupe::gpu::cpu
