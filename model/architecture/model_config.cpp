// SPDX-License-Identifier: Apache-2.0
#include "model/architecture/model_config.hpp"

#include <cmath>
#include <optional>
#include <span>

#include "model/weights/model_file.hpp"

namespace troupe::model {
namespace {

/// A length that a tensor's shape is made of.
enum class Size : std::uint8_t { one, vocab, hidden, query, key_value, intermediate, rotary_pairs };

/// A tensor that an architecture needs: shape [rows, columns], or [columns] when rows is `one`.
struct TensorRule {
  const char* name;
  Size rows;
  Size columns;
  bool required = true;
};

/// Everything that differs between architectures. Adding one adds a row to kArchitectures.
struct Architecture {
  const char* name;
  std::span<const TensorRule> model;  ///< one each
  std::span<const TensorRule> layer;  ///< one for each layer, named "blk.<i>.<name>"
};

constexpr TensorRule kDecoderTensors[] = {
    {"token_embd.weight", Size::vocab, Size::hidden},
    {"output_norm.weight", Size::one, Size::hidden},
    {"output.weight", Size::vocab, Size::hidden, false},
    {"rope_freqs.weight", Size::one, Size::rotary_pairs, false},
};

constexpr TensorRule kLlamaLayer[] = {
    {"attn_norm.weight", Size::one, Size::hidden},
    {"attn_q.weight", Size::query, Size::hidden},
    {"attn_k.weight", Size::key_value, Size::hidden},
    {"attn_v.weight", Size::key_value, Size::hidden},
    {"attn_output.weight", Size::hidden, Size::query},
    {"ffn_norm.weight", Size::one, Size::hidden},
    {"ffn_gate.weight", Size::intermediate, Size::hidden},
    {"ffn_up.weight", Size::intermediate, Size::hidden},
    {"ffn_down.weight", Size::hidden, Size::intermediate},
};

constexpr Architecture kArchitectures[] = {
    {"llama", kDecoderTensors, kLlamaLayer},
};

/// Sizes beyond these are no model but a corrupt file; products of two of them fit 64 bits.
constexpr std::uint64_t kMaxSize = 1U << 24U;
constexpr std::uint64_t kMaxLayers = 1U << 12U;
constexpr std::uint64_t kMaxContext = 1U << 28U;

Error bad_file(const ModelFile& file, std::string message) {
  return {ErrorCode::bad_file, std::move(message), file.path()};
}

/// Reads the shape key by key; the first problem is kept.
class ConfigReader {
 public:
  explicit ConfigReader(const ModelFile& file) : file_(file) {}

  Result<ModelConfig> read() {
    if (!find_architecture()) return *std::move(error_);
    read_sizes();
    read_numbers();
    if (!error_) check_divisions();
    if (!error_) check_tensors();
    if (error_) return *std::move(error_);
    return std::move(config_);
  }

 private:
  void fail(std::string message) {
    if (!error_) error_ = bad_file(file_, std::move(message));
  }

  bool find_architecture() {
    const auto name = file_.text("general.architecture");
    if (!name) {
      fail("the file has no general.architecture: it is no language model");
      return false;
    }
    std::string supported;
    for (const Architecture& known : kArchitectures) {
      if (*name == known.name) architecture_ = &known;
      supported += (supported.empty() ? "" : ", ") + std::string(known.name);
    }
    config_.architecture = *name;
    if (architecture_ != nullptr) return true;
    fail("the architecture \"" + std::string(name->substr(0, 64)) +
         "\" is not supported; supported: " + supported);
    return false;
  }

  std::string key(const char* name) const { return config_.architecture + "." + name; }

  std::uint32_t optional_size(const char* name, std::uint64_t fallback, std::uint64_t limit) {
    const auto value = file_.integer(key(name));
    if (!value) return static_cast<std::uint32_t>(fallback);
    if (*value == 0 || *value > limit) {
      fail(key(name) + " is " + std::to_string(*value) + "; it must be between 1 and " +
           std::to_string(limit));
      return 1;
    }
    return static_cast<std::uint32_t>(*value);
  }

  std::uint32_t size(const char* name, std::uint64_t limit = kMaxSize) {
    if (!file_.integer(key(name))) fail("the file has no integer " + key(name));
    return optional_size(name, 1, limit);
  }

  void read_sizes() {
    config_.name = file_.text("general.name").value_or("");
    config_.hidden_size = size("embedding_length");
    config_.num_hidden_layers = size("block_count", kMaxLayers);
    config_.num_attention_heads = size("attention.head_count");
    config_.num_key_value_heads =
        optional_size("attention.head_count_kv", config_.num_attention_heads, kMaxSize);
    config_.intermediate_size = size("feed_forward_length");
    config_.max_position_embeddings = size("context_length", kMaxContext);
    config_.head_dim =
        optional_size("attention.key_length", config_.hidden_size / config_.num_attention_heads, kMaxSize);
    const TensorView* embedding = file_.tensor("token_embd.weight");
    if (embedding != nullptr && embedding->shape.size() == 2 && embedding->rows() <= kMaxSize) {
      config_.vocab_size = static_cast<std::uint32_t>(embedding->rows());
    }
    config_.tie_word_embeddings = file_.tensor("output.weight") == nullptr;
  }

  float positive(const char* name, float fallback) {
    const double value = file_.real(key(name)).value_or(fallback);
    if (!std::isfinite(value) || value <= 0 || value > 1e12) fail(key(name) + " must be a positive number");
    return static_cast<float>(value);
  }

  void read_numbers() {
    if (!file_.real(key("attention.layer_norm_rms_epsilon"))) {
      fail("the file has no real " + key("attention.layer_norm_rms_epsilon"));
    }
    config_.rms_norm_eps = positive("attention.layer_norm_rms_epsilon", config_.rms_norm_eps);
    config_.rope_theta = positive("rope.freq_base", config_.rope_theta);
  }

  void check_divisions() {
    const ModelConfig& c = config_;
    if (!file_.integer(key("attention.key_length")) && c.hidden_size % c.num_attention_heads != 0) {
      fail("hidden size " + std::to_string(c.hidden_size) + " does not divide by " +
           std::to_string(c.num_attention_heads) + " attention heads");
    }
    if (c.num_attention_heads % c.num_key_value_heads != 0) {
      fail(std::to_string(c.num_attention_heads) + " attention heads do not divide by " +
           std::to_string(c.num_key_value_heads) + " KV heads");
    }
    if (c.head_dim % 2 != 0)
      fail("head size " + std::to_string(c.head_dim) + " is odd: rotary positions need pairs");
    require_equal("attention.value_length", c.head_dim);
    require_equal("rope.dimension_count", c.head_dim);
    const auto scaling = file_.text(key("rope.scaling.type"));
    if (scaling && *scaling != "none")
      fail(key("rope.scaling.type") + " \"" + std::string(*scaling) + "\" is not supported");
  }

  /// An optional key that the forward pass takes as given.
  void require_equal(const char* name, std::uint64_t expected) {
    const auto value = file_.integer(key(name));
    if (value && *value != expected) {
      fail(key(name) + " is " + std::to_string(*value) + "; only the head size, " + std::to_string(expected) +
           ", is supported");
    }
  }

  std::uint64_t length(Size size) const {
    switch (size) {
      case Size::one:
        return 1;
      case Size::vocab:
        return config_.vocab_size;
      case Size::hidden:
        return config_.hidden_size;
      case Size::query:
        return std::uint64_t{config_.num_attention_heads} * config_.head_dim;
      case Size::key_value:
        return std::uint64_t{config_.num_key_value_heads} * config_.head_dim;
      case Size::intermediate:
        return config_.intermediate_size;
      case Size::rotary_pairs:
        return config_.head_dim / 2;
    }
    return 0;
  }

  void check_tensors() {
    for (const TensorRule& rule : architecture_->model) check_tensor(rule.name, rule);
    for (std::uint32_t i = 0; i < config_.num_hidden_layers; ++i) {
      for (const TensorRule& rule : architecture_->layer) {
        check_tensor("blk." + std::to_string(i) + "." + rule.name, rule);
      }
    }
    if (!missing_.empty()) fail("the file lacks tensors: " + missing_);
    if (!misshapen_.empty()) fail("tensors do not have the shape of the file's own metadata: " + misshapen_);
  }

  void check_tensor(const std::string& name, const TensorRule& rule) {
    const TensorView* tensor = file_.tensor(name);
    if (tensor == nullptr) {
      if (rule.required) missing_ += (missing_.empty() ? "" : ", ") + name;
      return;
    }
    std::vector<std::uint64_t> expected{length(rule.columns)};
    if (rule.rows != Size::one) expected.insert(expected.begin(), length(rule.rows));
    if (tensor->shape == expected) return;
    misshapen_ += (misshapen_.empty() ? "" : ", ") + name + " is " + shape(tensor->shape) + " instead of " +
                  shape(expected);
  }

  static std::string shape(const std::vector<std::uint64_t>& sizes) {
    std::string out;
    for (const std::uint64_t size : sizes) out += (out.empty() ? "[" : ", ") + std::to_string(size);
    return out + "]";
  }

  const ModelFile& file_;
  const Architecture* architecture_ = nullptr;
  ModelConfig config_;
  std::string missing_;
  std::string misshapen_;
  std::optional<Error> error_;
};

}  // namespace

Result<ModelConfig> read_model_config(const ModelFile& file) {
  return ConfigReader(file).read();
}

KvLayout kv_layout(const ModelConfig& config, KvType type) {
  const KvPlane heads{config.num_key_value_heads, config.head_dim};
  return {{heads, heads}, type};
}

}  // namespace troupe::model
