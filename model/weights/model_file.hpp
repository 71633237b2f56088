// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.hpp"

namespace troupe::model {

/// Storage types of weights that we can read; names as in GGUF.
enum class TensorType : std::uint8_t { f32, f16, bf16, q4_0, q4_1, q8_0, q4_k, q6_k };
const char* to_string(TensorType type);
/// Weights per block of the format (1, 32 or 256) and bytes per block.
std::uint32_t block_weights(TensorType type);
std::uint32_t block_bytes(TensorType type);

/// A tensor inside a mapped file. Valid as long as its ModelFile.
struct TensorView {
  std::string name;
  TensorType type = TensorType::f32;
  std::vector<std::uint64_t> shape;  ///< row-major, slowest first: [rows, columns]; columns are contiguous
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t rows() const { return shape.size() < 2 ? 1 : shape[0]; }
  std::uint64_t columns() const { return shape.empty() ? 0 : shape.back(); }
  std::uint64_t row_bytes() const { return columns() / block_weights(type) * block_bytes(type); }
};

/// A model's weights and metadata, mapped read-only.
///
/// Threads: any; immutable, except that drop_pages only advises the kernel.
class ModelFile {
 public:
  virtual ~ModelFile() = default;
  virtual const std::string& path() const = 0;
  /// Null when the file has no such tensor.
  virtual const TensorView* tensor(std::string_view name) const = 0;
  virtual const std::vector<TensorView>& tensors() const = 0;

  /// Metadata by GGUF key; nothing when absent or of another type.
  virtual std::optional<std::uint64_t> integer(std::string_view key) const = 0;
  virtual std::optional<double> real(std::string_view key) const = 0;
  virtual std::optional<bool> boolean(std::string_view key) const = 0;
  virtual std::optional<std::string_view> text(std::string_view key) const = 0;
  virtual std::vector<std::string_view> texts(std::string_view key) const = 0;
  virtual std::vector<std::int64_t> integers(std::string_view key) const = 0;
  virtual std::vector<double> reals(std::string_view key) const = 0;

  /// The tensor's pages are no longer needed (it was packed): gives them back to the kernel.
  virtual void drop_pages(const TensorView& tensor) const = 0;
};

/// Maps and checks a GGUF file (versions 2 and 3, little endian).
///
/// Errors: io when it cannot be opened; bad_file with param "path:offset" for a bad magic, a length beyond
/// the file, an overflow of shape x type, a duplicate or unknown-type tensor, data beyond the end: before
/// anything large is allocated.
Result<std::shared_ptr<const ModelFile>> open_gguf(const std::string& path);

/// Expands `count` weights (a multiple of the format's block) starting at `data` to float32.
/// Source: the GGUF specification's block layouts.
void dequantize(TensorType type, const std::byte* data, std::uint64_t count, float* out);

}  // namespace troupe::model
