// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <optional>

#include "model/weights/gguf.hpp"

namespace troupe::model {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place, little endian");

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint64_t kMaxAlignment = 1U << 16U;
constexpr std::uint64_t kMaxKeyBytes = 65535;
constexpr std::uint64_t kMaxNameBytes = 256;
constexpr std::uint32_t kMaxDimensions = 4;
constexpr int kMaxArrayDepth = 4;
constexpr std::uint64_t kMinMetadataBytes = 8 + 4 + 1;        // empty key, type, smallest value
constexpr std::uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;  // empty name, one dimension, type, offset

struct TypeName {
  std::uint32_t id;
  const char* name;
  std::optional<TensorType> type;
};

/// Every storage type that ggml numbers; those without `type` are refused by name.
constexpr TypeName kTensorTypes[] = {
    {0, "F32", TensorType::f32},
    {1, "F16", TensorType::f16},
    {2, "Q4_0", TensorType::q4_0},
    {3, "Q4_1", TensorType::q4_1},
    {6, "Q5_0", {}},
    {7, "Q5_1", {}},
    {8, "Q8_0", TensorType::q8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", {}},
    {11, "Q3_K", {}},
    {12, "Q4_K", TensorType::q4_k},
    {13, "Q5_K", {}},
    {14, "Q6_K", TensorType::q6_k},
    {15, "Q8_K", {}},
    {16, "IQ2_XXS", {}},
    {17, "IQ2_XS", {}},
    {18, "IQ3_XXS", {}},
    {19, "IQ1_S", {}},
    {20, "IQ4_NL", {}},
    {21, "IQ3_S", {}},
    {22, "IQ2_S", {}},
    {23, "IQ4_XS", {}},
    {24, "I8", {}},
    {25, "I16", {}},
    {26, "I32", {}},
    {27, "I64", {}},
    {28, "F64", {}},
    {29, "IQ1_M", {}},
    {30, "BF16", TensorType::bf16},
    {34, "TQ1_0", {}},
    {35, "TQ2_0", {}},
    {39, "MXFP4", {}},
};

/// Text from the file as it may stand in an error message.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 64)) out += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
  return out + (text.size() > 64 ? "...\"" : "\"");
}

bool add_overflows(std::uint64_t a, std::uint64_t b, std::uint64_t& sum) {
  return __builtin_add_overflow(a, b, &sum);
}
bool multiply_overflows(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  return __builtin_mul_overflow(a, b, &product);
}

/// Reads the header front to back. After the first failure every read is refused; the first error is kept.
class HeaderReader {
 public:
  HeaderReader(std::span<const std::byte> file, const std::string& path) : file_(file), path_(path) {}

  Result<GgufHeader> read() {
    if (read_counts() && read_metadata() && read_alignment() && read_tensors() && place_tensors() &&
        check_overlaps()) {
      return std::move(header_);
    }
    return std::move(error_);
  }

 private:
  bool fail(std::uint64_t offset, std::string message) {
    error_ = Error{ErrorCode::bad_file, std::move(message), path_ + ":" + std::to_string(offset)};
    return false;
  }
  std::uint64_t left() const { return file_.size() - at_; }

  template <class T>
  bool number(T& out, const char* what) {
    if (left() < sizeof(T))
      return fail(at_, std::string("the file ends inside ") + what + ": it is truncated, fetch it again");
    std::memcpy(&out, file_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  bool string(std::string_view& out, std::uint64_t limit, const char* what) {
    const std::uint64_t start = at_;
    std::uint64_t size = 0;
    if (!number(size, what)) return false;
    if (size > left()) {
      return fail(start, std::string(what) + " claims " + std::to_string(size) + " bytes, but only " +
                             std::to_string(left()) + " are left: the file is truncated or corrupt");
    }
    if (size > limit) {
      return fail(start, std::string(what) + " has " + std::to_string(size) + " bytes; at most " +
                             std::to_string(limit) + " are allowed");
    }
    out = {reinterpret_cast<const char*>(file_.data()) + at_, size};
    at_ += size;
    return true;
  }

  bool read_counts() {
    std::uint32_t magic = 0;
    if (!number(magic, "the magic")) return false;
    if (magic != kMagic) return fail(0, "not a GGUF file: it does not begin with \"GGUF\"");
    std::uint32_t version = 0;
    if (!number(version, "the version")) return false;
    if (version != 2 && version != 3) {
      const bool swapped = (version & 0xffffU) == 0 && version != 0;
      return fail(
          4, swapped ? "the file is big endian; convert it to little endian"
                     : "GGUF version " + std::to_string(version) + " is not supported; versions 2 and 3 are");
    }
    const std::uint64_t start = at_;
    if (!number(tensor_count_, "the tensor count") || !number(metadata_count_, "the metadata count"))
      return false;
    if (tensor_count_ > left() / kMinTensorBytes) {
      return fail(start, "the header claims " + std::to_string(tensor_count_) +
                             " tensors, more than the file can hold");
    }
    if (metadata_count_ > left() / kMinMetadataBytes) {
      return fail(start + 8, "the header claims " + std::to_string(metadata_count_) +
                                 " metadata entries, more than the file can hold");
    }
    return true;
  }

  bool read_metadata() {
    for (std::uint64_t i = 0; i < metadata_count_; ++i) {
      const std::uint64_t start = at_;
      std::string_view key;
      if (!string(key, kMaxKeyBytes, "a metadata key")) return false;
      GgufValue value;
      if (!value_type(value.type) || !read_value(value)) return false;
      if (!header_.metadata.emplace(key, value).second) {
        return fail(start, "the metadata key " + quoted(key) + " appears twice");
      }
    }
    return true;
  }

  bool value_type(GgufType& type) {
    const std::uint64_t start = at_;
    std::uint32_t raw = 0;
    if (!number(raw, "a value type")) return false;
    if (raw > static_cast<std::uint32_t>(GgufType::float64)) {
      return fail(start, "unknown metadata type " + std::to_string(raw));
    }
    type = static_cast<GgufType>(raw);
    return true;
  }

  bool read_value(GgufValue& value) {
    value.offset = at_;
    if (value.type == GgufType::array) return read_array(value, 1);
    if (value.type == GgufType::string) {
      std::string_view text;
      if (!string(text, left(), "a metadata string")) return false;
      value.count = text.size();
      value.offset = at_ - text.size();
      return true;
    }
    return skip_fixed(value.type, 1);
  }

  bool read_array(GgufValue& value, int depth) {
    if (depth > kMaxArrayDepth) {
      return fail(at_, "arrays are nested more than " + std::to_string(kMaxArrayDepth) + " deep");
    }
    const std::uint64_t start = at_;
    if (!value_type(value.element) || !number(value.count, "an array length")) return false;
    value.offset = at_;
    if (fixed_size(value.element) != 0) return skip_fixed(value.element, value.count);
    if (value.count > left() / 8) {
      return fail(start + 4, "an array claims " + std::to_string(value.count) +
                                 " elements, more than the file can hold");
    }
    for (std::uint64_t i = 0; i < value.count; ++i) {
      std::string_view text;
      GgufValue inner;
      if (!(value.element == GgufType::string ? string(text, left(), "an array's string")
                                              : read_array(inner, depth + 1))) {
        return false;
      }
    }
    return true;
  }

  bool skip_fixed(GgufType type, std::uint64_t count) {
    std::uint64_t bytes = 0;
    if (multiply_overflows(fixed_size(type), count, bytes) || bytes > left()) {
      return fail(at_, std::to_string(count) + " metadata values do not fit into the rest of the file");
    }
    if (type == GgufType::boolean) {
      const auto values = file_.subspan(at_, bytes);
      const auto bad =
          std::find_if(values.begin(), values.end(), [](std::byte b) { return b > std::byte{1}; });
      if (bad != values.end()) {
        return fail(at_ + static_cast<std::uint64_t>(bad - values.begin()), "a boolean is neither 0 nor 1");
      }
    }
    at_ += bytes;
    return true;
  }

  bool read_alignment() {
    const auto found = header_.metadata.find("general.alignment");
    if (found == header_.metadata.end()) return true;
    const GgufValue& value = found->second;
    std::uint32_t alignment = 0;
    if (value.type == GgufType::uint32)
      std::memcpy(&alignment, file_.data() + value.offset, sizeof alignment);
    if (!std::has_single_bit(alignment) || alignment < 8 || alignment > kMaxAlignment) {
      return fail(value.offset, "general.alignment must be a uint32 power of two from 8 to 65536");
    }
    alignment_ = alignment;
    return true;
  }

  bool read_tensors() {
    for (std::uint64_t i = 0; i < tensor_count_; ++i) {
      entries_.push_back(at_);
      if (!read_tensor(header_.tensors.emplace_back())) return false;
    }
    return true;
  }

  /// One entry: name, dimensions (fastest first), type, offset within the data section.
  bool read_tensor(TensorView& tensor) {
    const std::uint64_t start = at_;
    std::string_view name;
    if (!string(name, kMaxNameBytes, "a tensor name")) return false;
    if (name.empty()) return fail(start, "a tensor has no name");
    tensor.name = name;
    if (!names_.emplace(tensor.name, start).second)
      return fail(start, "the tensor " + quoted(name) + " appears twice");
    std::uint32_t dimensions = 0;
    if (!number(dimensions, "a tensor entry")) return false;
    if (dimensions == 0 || dimensions > kMaxDimensions) {
      return fail(at_ - 4, "the tensor " + quoted(name) + " has " + std::to_string(dimensions) +
                               " dimensions; 1 to " + std::to_string(kMaxDimensions) + " are allowed");
    }
    tensor.shape.resize(dimensions);
    for (std::size_t d = dimensions; d-- > 0;) {
      if (!number(tensor.shape[d], "a tensor entry")) return false;
    }
    return read_type(tensor) && number(tensor.file_offset, "a tensor entry") && measure(tensor, start);
  }

  bool read_type(TensorView& tensor) {
    std::uint32_t raw = 0;
    if (!number(raw, "a tensor entry")) return false;
    const auto* known = std::find_if(std::begin(kTensorTypes), std::end(kTensorTypes),
                                     [raw](const TypeName& entry) { return entry.id == raw; });
    if (known != std::end(kTensorTypes) && known->type) {
      tensor.type = *known->type;
      return true;
    }
    const std::string type = known != std::end(kTensorTypes) ? known->name : "number " + std::to_string(raw);
    std::string supported;
    for (const TypeName& entry : kTensorTypes) {
      if (entry.type) supported += (supported.empty() ? "" : ", ") + std::string(entry.name);
    }
    return fail(at_ - 4, "the tensor " + quoted(tensor.name) + " is stored as type " + type +
                             ", which is not supported; use a file with " + supported);
  }

  /// Bytes of a tensor: shape x type, with nothing allowed to wrap.
  bool measure(TensorView& tensor, std::uint64_t start) {
    std::uint64_t weights = 1;
    for (const std::uint64_t size : tensor.shape) {
      if (size == 0) return fail(start, "the tensor " + quoted(tensor.name) + " has a dimension of 0");
      if (multiply_overflows(weights, size, weights)) {
        return fail(start, "the shape of the tensor " + quoted(tensor.name) + " overflows");
      }
    }
    if (tensor.columns() % block_weights(tensor.type) != 0) {
      return fail(start, "rows of the tensor " + quoted(tensor.name) + " have " +
                             std::to_string(tensor.columns()) + " weights, not a multiple of the " +
                             std::to_string(block_weights(tensor.type)) + " in a block of " +
                             to_string(tensor.type));
    }
    if (multiply_overflows(weights / block_weights(tensor.type), block_bytes(tensor.type), tensor.bytes)) {
      return fail(start, "the size of the tensor " + quoted(tensor.name) + " overflows");
    }
    return true;
  }

  /// Turns offsets within the data section into file offsets and pointers.
  bool place_tensors() {
    const std::uint64_t data = (at_ + alignment_ - 1) / alignment_ * alignment_;
    for (std::size_t i = 0; i < header_.tensors.size(); ++i) {
      TensorView& tensor = header_.tensors[i];
      if (tensor.file_offset % alignment_ != 0) {
        return fail(entries_[i], "the data of the tensor " + quoted(tensor.name) + " is not aligned to " +
                                     std::to_string(alignment_) + " bytes");
      }
      std::uint64_t end = 0;
      if (add_overflows(tensor.file_offset, data, tensor.file_offset) ||
          add_overflows(tensor.file_offset, tensor.bytes, end) || end > file_.size()) {
        return fail(entries_[i], "the data of the tensor " + quoted(tensor.name) + " (" +
                                     std::to_string(tensor.bytes) + " bytes) ends beyond the file's " +
                                     std::to_string(file_.size()) +
                                     " bytes: the file is truncated or corrupt, fetch it again");
      }
      tensor.data = file_.data() + tensor.file_offset;
    }
    return true;
  }

  bool check_overlaps() {
    std::vector<std::size_t> order(header_.tensors.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto& tensors = header_.tensors;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return tensors[a].file_offset < tensors[b].file_offset; });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const TensorView& before = tensors[order[i - 1]];
      const TensorView& after = tensors[order[i]];
      if (before.file_offset + before.bytes > after.file_offset) {
        return fail(entries_[order[i]], "the data of the tensors " + quoted(before.name) + " and " +
                                            quoted(after.name) + " overlap");
      }
    }
    return true;
  }

  std::span<const std::byte> file_;
  const std::string& path_;
  std::uint64_t at_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t metadata_count_ = 0;
  std::uint64_t alignment_ = kDefaultAlignment;
  GgufHeader header_;
  std::map<std::string, std::uint64_t> names_;  ///< and where their entries begin
  std::vector<std::uint64_t> entries_;          ///< where each tensor's entry begins, for errors
  Error error_;
};

}  // namespace

std::uint64_t fixed_size(GgufType type) {
  switch (type) {
    case GgufType::uint8:
    case GgufType::int8:
    case GgufType::boolean:
      return 1;
    case GgufType::uint16:
    case GgufType::int16:
      return 2;
    case GgufType::uint32:
    case GgufType::int32:
    case GgufType::float32:
      return 4;
    case GgufType::uint64:
    case GgufType::int64:
    case GgufType::float64:
      return 8;
    case GgufType::string:
    case GgufType::array:
      return 0;
  }
  return 0;
}

Result<GgufHeader> parse_gguf(std::span<const std::byte> file, const std::string& path) {
  return HeaderReader(file, path).read();
}

}  // namespace troupe::model
