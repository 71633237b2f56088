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

/// Reads tensors by name (read_model_config has checked that they are there, and their shapes); the first
/// error is kept, later reads give nothing.
class LlamaLoader {
 public:
  LlamaLoader(const std::shared_ptr<const model::ModelFile>& file, const OpSet& op_set, Team& team)
      : file_(file), op_set_(op_set), team_(team) {}

  const std::optional<model::Error>& error() const { return error_; }

  std::vector<float> vector(const std::string& name) const {
    const model::TensorView& view = *file_->tensor(name);
    std::vector<float> values(view.columns());
    model::dequantize(view.type, view.data, values.size(), values.data());
    return values;
  }

  std::shared_ptr<const Linear> linear(std::initializer_list<std::string> names, Stacking stacking) {
    if (error_) return nullptr;
    std::vector<const model::TensorView*> tensors;
    for (const std::string& name : names) tensors.push_back(file_->tensor(name));
    auto packed = op_set_.pack(file_, tensors, stacking, team_);
    if (packed) return *std::move(packed);
    error_ = packed.error();
    return nullptr;
  }

  LlamaLayer layer(std::uint32_t index) {
    const std::string block = "blk." + std::to_string(index) + ".";
    LlamaLayer layer;
    layer.attention_norm = vector(block + "attn_norm.weight");
    layer.qkv = linear({block + "attn_q.weight", block + "attn_k.weight", block + "attn_v.weight"},
                       Stacking::concatenate);
    layer.attention_output = linear({block + "attn_output.weight"}, Stacking::concatenate);
    layer.ffn_norm = vector(block + "ffn_norm.weight");
    layer.gate_up = linear({block + "ffn_gate.weight", block + "ffn_up.weight"}, Stacking::gate_and_up);
    layer.down = linear({block + "ffn_down.weight"}, Stacking::concatenate);
    return layer;
  }

 private:
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
  LlamaTensors tensors;
  if (layers.first == 0) tensors.embedding.emplace(file, *file->tensor("token_embd.weight"));
  for (std::uint32_t index = layers.first; index < layers.last; ++index) {
    tensors.layers.push_back(loader.layer(index));
  }
  if (layers.last == config.num_hidden_layers) {
    tensors.output_norm = loader.vector("output_norm.weight");
    tensors.head = loader.linear({config.tie_word_embeddings ? "token_embd.weight" : "output.weight"},
                                 Stacking::concatenate);
  }
  if (loader.error()) return *loader.error();
  std::vector<float> rope_factors;  // Llama 3.1 stretches its context with them
  if (file->tensor("rope_freqs.weight") != nullptr) rope_factors = loader.vector("rope_freqs.weight");
  return std::shared_ptr<const StageWeights>(std::make_shared<LlamaWeights>(
      std::move(config), layers, std::move(op_set), std::move(tensors), rope_factors));
}

}  // namespace troupe::gpu
