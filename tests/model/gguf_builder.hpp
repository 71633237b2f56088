// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/weights/gguf.hpp"

namespace troupe::model {

/// Writes GGUF files for tests, well formed or not: every number can be chosen.
class GgufBuilder {
 public:
  template <class T>
  GgufBuilder& number(std::string_view key, GgufType type, T value) {
    start(key, type);
    raw(metadata_, value);
    return *this;
  }
  GgufBuilder& u32(std::string_view key, std::uint32_t value) { return number(key, GgufType::uint32, value); }
  GgufBuilder& f32(std::string_view key, float value) { return number(key, GgufType::float32, value); }
  GgufBuilder& boolean(std::string_view key, bool value) {
    return number(key, GgufType::boolean, static_cast<std::uint8_t>(value));
  }
  GgufBuilder& text(std::string_view key, std::string_view value) {
    start(key, GgufType::string);
    string(metadata_, value);
    return *this;
  }
  GgufBuilder& texts(std::string_view key, const std::vector<std::string>& values) {
    array(key, GgufType::string, values.size());
    for (const auto& value : values) string(metadata_, value);
    return *this;
  }
  template <class T>
  GgufBuilder& numbers(std::string_view key, GgufType element, const std::vector<T>& values) {
    array(key, element, values.size());
    for (const T& value : values) raw(metadata_, value);
    return *this;
  }
  /// A metadata entry whose value is these bytes.
  GgufBuilder& bytes(std::string_view key, GgufType type, std::string_view value) {
    start(key, type);
    metadata_ += value;
    return *this;
  }

  /// A tensor of `size` bytes of 0x01; dimensions fastest first, as in the file. Its data follows the one
  /// before.
  GgufBuilder& tensor(std::string_view name, std::vector<std::uint64_t> dimensions, std::uint32_t type,
                      std::uint64_t size) {
    tensor_at(name, std::move(dimensions), type, data_.size());
    data_.append(size, '\x01');
    data_.resize((data_.size() + 31) / 32 * 32);
    return *this;
  }
  /// A tensor entry alone, pointing anywhere.
  GgufBuilder& tensor_at(std::string_view name, std::vector<std::uint64_t> dimensions, std::uint32_t type,
                         std::uint64_t offset) {
    string(tensors_, name);
    raw(tensors_, static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t d : dimensions) raw(tensors_, d);
    raw(tensors_, type);
    raw(tensors_, offset);
    ++tensor_count;
    return *this;
  }

  std::string build() const {
    std::string out;
    raw(out, magic);
    raw(out, version);
    raw(out, tensor_count);
    raw(out, metadata_count);
    out += metadata_ + tensors_;
    if (!data_.empty()) out.resize((out.size() + 31) / 32 * 32);
    return out + data_;
  }

  Result<std::shared_ptr<const ModelFile>> open() const { return open_bytes(build()); }

  /// Opens bytes in an allocation of exactly their size, so that AddressSanitizer sees every overrun.
  static Result<std::shared_ptr<const ModelFile>> open_bytes(std::string_view file) {
    const std::shared_ptr<std::byte[]> copy(new std::byte[file.size()]);
    if (!file.empty()) std::memcpy(copy.get(), file.data(), file.size());
    return open_gguf_bytes({std::shared_ptr<const std::byte>(copy, copy.get()), file.size(), false},
                           "test.gguf");
  }

  template <class T>
  static void raw(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void string(std::string& out, std::string_view value) {
    raw(out, static_cast<std::uint64_t>(value.size()));
    out += value;
  }

  std::uint32_t magic = 0x46554747;
  std::uint32_t version = 3;
  std::uint64_t tensor_count = 0;
  std::uint64_t metadata_count = 0;

 private:
  void start(std::string_view key, GgufType type) {
    string(metadata_, key);
    raw(metadata_, static_cast<std::uint32_t>(type));
    ++metadata_count;
  }
  void array(std::string_view key, GgufType element, std::uint64_t count) {
    start(key, GgufType::array);
    raw(metadata_, static_cast<std::uint32_t>(element));
    raw(metadata_, count);
  }

  std::string metadata_;
  std::string tensors_;
  std::string data_;
};

}  // namespace troupe::model
