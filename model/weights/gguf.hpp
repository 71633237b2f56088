// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::model {

/// Types of metadata values, numbered as in the file.
enum class GgufType : std::uint32_t {
  uint8 = 0,
  int8 = 1,
  uint16 = 2,
  int16 = 3,
  uint32 = 4,
  int32 = 5,
  float32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  uint64 = 10,
  int64 = 11,
  float64 = 12,
};

/// Bytes of one value; 0 for strings and arrays, whose size stands in the file.
std::uint64_t fixed_size(GgufType type);

/// Where a metadata value lies. Its bytes were checked and stay in the file: nothing is copied.
struct GgufValue {
  GgufType type = GgufType::uint8;
  GgufType element = GgufType::uint8;  ///< of an array
  std::uint64_t count = 0;             ///< elements of an array, bytes of a string
  std::uint64_t offset = 0;  ///< first byte of the value, the string's text or the array's first element
};

/// A checked header. Tensors point into the bytes it was parsed from.
struct GgufHeader {
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<TensorView> tensors;
};

/// Checks a whole file's header. Allocates no more than what the header's own bytes can name.
/// Errors: bad_file with param "path:offset", see open_gguf.
/// Source: ggml's docs/gguf.md.
Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& path);

/// The bytes of a file: mapped, or (in tests) in memory.
struct GgufBytes {
  std::shared_ptr<const std::byte> data;
  std::size_t size = 0;
  bool mapped = false;  ///< drop_pages may advise the kernel
  std::span<const std::byte> span() const { return {data.get(), size}; }
};

/// open_gguf without the file system. Errors: as parse_gguf.
Result<std::shared_ptr<const ModelFile>> open_gguf_bytes(GgufBytes bytes, const std::string& path);

}  // namespace troupe::model
