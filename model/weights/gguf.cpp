// SPDX-License-Identifier: Apache-2.0
#include "model/weights/gguf.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace troupe::model {
namespace {

template <class T>
T load(const std::byte* at) {
  T value{};
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// An integer of any width as int64; nothing for other types and for values that do not fit.
std::optional<std::int64_t> load_integer(GgufType type, const std::byte* at) {
  switch (type) {
    case GgufType::uint8:
      return load<std::uint8_t>(at);
    case GgufType::int8:
      return load<std::int8_t>(at);
    case GgufType::uint16:
      return load<std::uint16_t>(at);
    case GgufType::int16:
      return load<std::int16_t>(at);
    case GgufType::uint32:
      return load<std::uint32_t>(at);
    case GgufType::int32:
      return load<std::int32_t>(at);
    case GgufType::int64:
      return load<std::int64_t>(at);
    case GgufType::uint64: {
      const auto value = load<std::uint64_t>(at);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> load_real(GgufType type, const std::byte* at) {
  if (type == GgufType::float32) return load<float>(at);
  if (type == GgufType::float64) return load<double>(at);
  return std::nullopt;
}

class GgufFile final : public ModelFile {
 public:
  GgufFile(GgufBytes bytes, std::string path, GgufHeader header)
      : bytes_(std::move(bytes)), path_(std::move(path)), header_(std::move(header)) {
    for (const TensorView& tensor : header_.tensors) by_name_.emplace(tensor.name, &tensor);
  }

  const std::string& path() const override { return path_; }
  const std::vector<TensorView>& tensors() const override { return header_.tensors; }
  const TensorView* tensor(std::string_view name) const override {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

  std::optional<std::uint64_t> integer(std::string_view key) const override {
    const GgufValue* value = find(key);
    const auto number = value != nullptr ? load_integer(value->type, at(*value)) : std::nullopt;
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
  }
  std::optional<double> real(std::string_view key) const override {
    const GgufValue* value = find(key);
    return value != nullptr ? load_real(value->type, at(*value)) : std::nullopt;
  }
  std::optional<bool> boolean(std::string_view key) const override {
    const GgufValue* value = find(key);
    if (value == nullptr || value->type != GgufType::boolean) return std::nullopt;
    return *at(*value) != std::byte{0};
  }
  std::optional<std::string_view> text(std::string_view key) const override {
    const GgufValue* value = find(key);
    if (value == nullptr || value->type != GgufType::string) return std::nullopt;
    return std::string_view(reinterpret_cast<const char*>(at(*value)), value->count);
  }
  std::vector<std::string_view> texts(std::string_view key) const override {
    const GgufValue* value = find_array(key);
    if (value == nullptr || value->element != GgufType::string) return {};
    std::vector<std::string_view> out(value->count);
    const std::byte* next = at(*value);
    for (std::string_view& element : out) {
      element = {reinterpret_cast<const char*>(next + 8), load<std::uint64_t>(next)};
      next += 8 + element.size();
    }
    return out;
  }
  std::vector<std::int64_t> integers(std::string_view key) const override {
    return numbers<std::int64_t>(key, load_integer);
  }
  std::vector<double> reals(std::string_view key) const override { return numbers<double>(key, load_real); }

  void drop_pages(const TensorView& tensor) const override {
    if (!bytes_.mapped) return;
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = (tensor.file_offset + page - 1) / page * page;
    const std::uint64_t end = (tensor.file_offset + tensor.bytes) / page * page;
    if (end <= begin) return;
    // The mapping is read-only and backed by the file: dropped pages come back when they are read again.
    ::madvise(const_cast<std::byte*>(bytes_.data.get()) + begin, end - begin, MADV_DONTNEED);
  }

 private:
  const GgufValue* find(std::string_view key) const {
    const auto found = header_.metadata.find(key);
    return found == header_.metadata.end() ? nullptr : &found->second;
  }
  const GgufValue* find_array(std::string_view key) const {
    const GgufValue* value = find(key);
    return value != nullptr && value->type == GgufType::array ? value : nullptr;
  }
  const std::byte* at(const GgufValue& value) const { return bytes_.data.get() + value.offset; }

  template <class T>
  std::vector<T> numbers(std::string_view key,
                         std::optional<T> (*load_one)(GgufType, const std::byte*)) const {
    const GgufValue* value = find_array(key);
    std::vector<T> out;
    for (std::uint64_t i = 0; value != nullptr && i < value->count; ++i) {
      const auto number = load_one(value->element, at(*value) + i * fixed_size(value->element));
      if (!number) return {};
      out.push_back(*number);
    }
    return out;
  }

  GgufBytes bytes_;
  std::string path_;
  GgufHeader header_;
  std::map<std::string_view, const TensorView*> by_name_;
};

Error system_error(const std::string& path, const char* what, int error) {
  return {ErrorCode::io, std::string(what) + " the model file: " + std::strerror(error), path};
}

Result<GgufBytes> map_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return system_error(path, "cannot open", errno);
  struct stat status {};
  const int stat_error = ::fstat(descriptor, &status) != 0 ? errno : 0;
  const auto size = static_cast<std::size_t>(status.st_size);
  const bool regular = stat_error == 0 && S_ISREG(status.st_mode);
  void* address =
      regular && size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0) : MAP_FAILED;
  const int map_error = errno;
  ::close(descriptor);
  if (stat_error != 0) return system_error(path, "cannot inspect", stat_error);
  if (!regular) return Error{ErrorCode::io, "the model is not a regular file; name a .gguf file", path};
  if (size == 0) return Error{ErrorCode::bad_file, "the model file is empty; fetch it again", path + ":0"};
  if (address == MAP_FAILED) return system_error(path, "cannot map", map_error);
  return GgufBytes{
      std::shared_ptr<const std::byte>(static_cast<const std::byte*>(address),
                                       [address, size](const std::byte*) { ::munmap(address, size); }),
      size, true};
}

}  // namespace

Result<std::shared_ptr<const ModelFile>> open_gguf_bytes(GgufBytes bytes, const std::string& path) {
  auto header = parse_gguf(bytes.span(), path);
  if (!header) return header.error();
  return std::shared_ptr<const ModelFile>(
      std::make_shared<GgufFile>(std::move(bytes), path, *std::move(header)));
}

Result<std::shared_ptr<const ModelFile>> open_gguf(const std::string& path) {
  auto bytes = map_file(path);
  if (!bytes) return bytes.error();
  return open_gguf_bytes(*std::move(bytes), path);
}

}  // namespace troupe::model
