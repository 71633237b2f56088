// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace troupe::model {

/// Number of tokens in one KV block, on every architecture and device.
inline constexpr std::uint32_t kTokensPerBlock = 32;

/// How the values of a KV plane are stored.
enum class KvType : std::uint8_t { float32, bfloat16 };

/// One plane of a layer's cache: K and V for attention with heads, one latent plane for MLA.
struct KvPlane {
  std::uint32_t heads = 0;  ///< KV heads (1 for a latent)
  std::uint32_t width = 0;  ///< values per head and token
  bool operator==(const KvPlane&) const = default;
};

/// What a token costs in every layer, described by the architecture: never assumed by kv_cache or scheduler.
struct KvLayout {
  std::vector<KvPlane> planes;
  KvType type = KvType::bfloat16;
  std::uint64_t values_per_token_and_layer() const {
    std::uint64_t n = 0;
    for (const auto& plane : planes) n += std::uint64_t{plane.heads} * plane.width;
    return n;
  }
  std::uint64_t bytes_per_value() const { return type == KvType::float32 ? 4 : 2; }
  /// Bytes of one block over `layers` layers.
  std::uint64_t block_bytes(std::uint32_t layers) const {
    return values_per_token_and_layer() * bytes_per_value() * kTokensPerBlock * layers;
  }
  bool operator==(const KvLayout&) const = default;
};

}  // namespace troupe::model
