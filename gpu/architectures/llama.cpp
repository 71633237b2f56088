// SPDX-License-Identifier: Apache-2.0
#include "gpu/architectures/llama.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "gpu/embedding.hpp"
#include "gpu/rope_table.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {
namespace {

struct LlamaLayer {
  std::vector<float> attention_norm;
  std::shared_ptr<const Linear> qkv;
  std::shared_ptr<const Linear> attention_output;
  std::vector<float> ffn_norm;
  std::shared_ptr<const Linear> gate_up;
  std::shared_ptr<const Linear> down;
};

struct LlamaTensors {
  std::optional<Embedding> embedding;  // on the first stage
  std::vector<LlamaLayer> layers;
  std::vector<float> output_norm;  // on the last stage, as the head
  std::shared_ptr<const Linear> head;
};

class LlamaForward final : public Forward {
 public:
  LlamaForward(const model::ModelConfig& config, const AttentionShape& attention, const LlamaTensors& tensors,
               const RopeTable& rope, std::unique_ptr<Ops> ops, std::uint32_t max_rows,
               std::uint32_t max_width, Team& team)
      : config_(config),
        attention_(attention),
        tensors_(tensors),
        rope_(rope),
        team_(team),
        ops_(std::move(ops)),
        rows_(ops_->make_rows(max_rows, max_width)),
        qkv_(std::size_t{max_rows} * attention.qkv_width()),
        gate_up_(std::size_t{max_rows} * config.intermediate_size * 2) {}

  void embed(std::span<const model::Token> tokens, float* x) override {
    tensors_.embedding->look_up(tokens, x, team_);
  }

  void layer(std::uint32_t index, const StepRows& step, const KvLayer& kv, float* x) override {
    const LlamaLayer& layer = tensors_.layers[index];
    Ops& ops = *ops_;

    ops.rms_norm(x, step.count, layer.attention_norm.data(), config_.rms_norm_eps, *layer.qkv, *rows_);
    ops.linear(*layer.qkv, *rows_, qkv_.data(), Epilogue::store);
    ops.rope_and_write_kv(attention_, rope_, step, qkv_.data(), kv);
    ops.attention(attention_, step, qkv_.data(), kv, *layer.attention_output, *rows_);
    ops.linear(*layer.attention_output, *rows_, x, Epilogue::add);

    ops.rms_norm(x, step.count, layer.ffn_norm.data(), config_.rms_norm_eps, *layer.gate_up, *rows_);
    ops.linear(*layer.gate_up, *rows_, gate_up_.data(), Epilogue::store);
    ops.silu_multiply(gate_up_.data(), step.count, *layer.down, *rows_);
    ops.linear(*layer.down, *rows_, x, Epilogue::add);
  }

  void logits(const float* x, std::uint32_t rows, float* out) override {
    ops_->rms_norm(x, rows, tensors_.output_norm.data(), config_.rms_norm_eps, *tensors_.head, *rows_);
    ops_->linear(*tensors_.head, *rows_, out, Epilogue::store);
  }

 private:
  const model::ModelConfig& config_;
  AttentionShape attention_;
  const LlamaTensors& tensors_;
  const RopeTable& rope_;
  Team& team_;
  std::unique_ptr<Ops> ops_;
  std::unique_ptr<Rows> rows_;
  std::vector<float> qkv_;      // [max_rows][q, k, v]
  std::vector<float> gate_up_;  // [max_rows][2 * intermediate_size]
};

class LlamaWeights final : public StageWeights {
 public:
  LlamaWeights(model::ModelConfig config, LayerRange layers, std::shared_ptr<const OpSet> op_set,
               LlamaTensors tensors, std::span<const float> rope_factors)
      : StageWeights(std::move(config), layers, std::move(op_set)),
        tensors_(std::move(tensors)),
        rope_(this->config().head_dim, this->config().max_position_embeddings, this->config().rope_theta,
              rope_factors) {}

  std::unique_ptr<Forward> make_forward(std::uint32_t max_rows, std::uint32_t max_positions,
                                        Team& team) const override {
    const AttentionShape attention{
        .heads = config().num_attention_heads,
        .kv_heads = config().num_key_value_heads,
        .head_dim = config().head_dim,
        .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config().head_dim)))};
    const std::uint32_t max_width =
        std::max({config().hidden_size, config().intermediate_size, attention.heads * attention.head_dim});
    const OpLimits limits{.max_rows = std::max(max_rows, kHeadRows),
                          .max_positions = max_positions,
                          .max_width = max_width,
                          .attention = attention};
    return std::make_unique<LlamaForward>(config(), attention, tensors_, rope_,
                                          op_set().make_ops(limits, team), limits.max_rows, max_width, team);
  }

 private:
  LlamaTensors tensors_;
  RopeTable rope_;
};

/// Reads tensors by name; the first mistake is kept, later reads give nothing.
class LlamaLoader {
 public:
  LlamaLoader(const std::shared_ptr<const model::ModelFile>& file, const OpSet& op_set, Team& team)
      : file_(file), op_set_(op_set), team_(team) {}

  const std::optional<model::Error>& error() const { return error_; }

  const model::TensorView* tensor(const std::string& name, std::vector<std::uint64_t> shape) {
    const model::TensorView* view = file_->tensor(name);
    if (error_) return nullptr;
    if (view == nullptr) {
      fail("the file has no tensor " + name, file_->path());
    } else if (view->shape != shape) {
      fail("tensor " + name + " has shape " + words(view->shape) + ", but the model's metadata asks for " +
               words(shape),
           file_->path() + ":" + std::to_string(view->file_offset));
      return nullptr;
    }
    return view;
  }

  std::vector<float> vector(const std::string& name, std::uint64_t length) {
    const model::TensorView* view = tensor(name, {length});
    if (view == nullptr) return {};
    std::vector<float> values(length);
    model::dequantize(view->type, view->data, length, values.data());
    return values;
  }

  std::shared_ptr<const Linear> linear(std::initializer_list<const model::TensorView*> tensors,
                                       Stacking stacking) {
    if (error_) return nullptr;
    auto packed = op_set_.pack(file_, std::span(tensors.begin(), tensors.size()), stacking, team_);
    if (!packed) {
      error_ = packed.error();
      return nullptr;
    }
    return *std::move(packed);
  }

  LlamaLayer layer(const model::ModelConfig& config, std::uint32_t index) {
    const std::string block = "blk." + std::to_string(index) + ".";
    const std::uint64_t hidden = config.hidden_size;
    const std::uint64_t inner = config.intermediate_size;
    const std::uint64_t q = std::uint64_t{config.num_attention_heads} * config.head_dim;
    const std::uint64_t kv = std::uint64_t{config.num_key_value_heads} * config.head_dim;
    LlamaLayer layer;
    layer.attention_norm = vector(block + "attn_norm.weight", hidden);
    layer.qkv =
        linear({tensor(block + "attn_q.weight", {q, hidden}), tensor(block + "attn_k.weight", {kv, hidden}),
                tensor(block + "attn_v.weight", {kv, hidden})},
               Stacking::concatenate);
    layer.attention_output =
        linear({tensor(block + "attn_output.weight", {hidden, q})}, Stacking::concatenate);
    layer.ffn_norm = vector(block + "ffn_norm.weight", hidden);
    layer.gate_up = linear({tensor(block + "ffn_gate.weight", {inner, hidden}),
                            tensor(block + "ffn_up.weight", {inner, hidden})},
                           Stacking::gate_and_up);
    layer.down = linear({tensor(block + "ffn_down.weight", {hidden, inner})}, Stacking::concatenate);
    return layer;
  }

 private:
  static std::string words(const std::vector<std::uint64_t>& shape) {
    std::string text = "[";
    for (const std::uint64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
  }
  void fail(std::string message, std::string where) {
    error_ = model::Error{model::ErrorCode::bad_file, std::move(message), std::move(where)};
  }

  std::shared_ptr<const model::ModelFile> file_;
  const OpSet& op_set_;
  Team& team_;
  std::optional<model::Error> error_;
};

}  // namespace

model::Result<std::shared_ptr<const StageWeights>> load_llama(
    const std::shared_ptr<const model::ModelFile>& file, model::ModelConfig config, LayerRange layers,
    std::shared_ptr<const OpSet> op_set, Team& team) {
  LlamaLoader loader(file, *op_set, team);
  const std::vector<std::uint64_t> table{config.vocab_size, config.hidden_size};
  LlamaTensors tensors;
  if (layers.first == 0) {
    if (const auto* view = loader.tensor("token_embd.weight", table)) tensors.embedding.emplace(file, *view);
  }
  for (std::uint32_t index = layers.first; index < layers.last; ++index) {
    tensors.layers.push_back(loader.layer(config, index));
  }
  if (layers.last == config.num_hidden_layers) {
    tensors.output_norm = loader.vector("output_norm.weight", config.hidden_size);
    const char* name = config.tie_word_embeddings ? "token_embd.weight" : "output.weight";
    tensors.head = loader.linear({loader.tensor(name, table)}, Stacking::concatenate);
  }
  std::vector<float> rope_factors;
  if (file->tensor("rope_freqs.weight") != nullptr) {
    rope_factors = loader.vector("rope_freqs.weight", config.head_dim / 2);
  }
  if (loader.error()) return *loader.error();
  return std::shared_ptr<const StageWeights>(std::make_shared<LlamaWeights>(
      std::move(config), layers, std::move(op_set), std::move(tensors), rope_factors));
}

}  // namespace troupe::gpu
