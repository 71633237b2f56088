// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gpu/op_set.hpp"
#include "gpu/stage_executor.hpp"
#include "model/architecture/model_config.hpp"

namespace troupe::gpu {

/// A stage's layers: [first, last) of the model. The stage with layer 0 embeds; the one with the model's last
/// layer has the head.
struct LayerRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t count() const { return last - first; }
};

/// One architecture's forward pass over an op set, with the memory it needs: layer top to bottom like the
/// paper.
///
/// Threads: one caller at a time.
class Forward {
 public:
  virtual ~Forward() = default;
  /// x = the embeddings of `tokens`. x: [tokens.size(), hidden_size].
  virtual void embed(std::span<const model::Token> tokens, float* x) = 0;
  /// Runs layer `index` (counted from the stage's first) over the residual x: [step.count, hidden_size], in
  /// place.
  virtual void layer(std::uint32_t index, const StepRows& step, const KvLayer& kv, float* x) = 0;
  /// Logits of at most kHeadRows rows. x: [rows, hidden_size]; out: [rows, vocab_size].
  virtual void logits(const float* x, std::uint32_t rows, float* out) = 0;
};

/// Rows that the head takes at a time: [rows, vocab_size] of more is never in memory.
inline constexpr std::uint32_t kHeadRows = 64;

/// The weights of a range of layers in the form the op set reads. Immutable, shared by restarts.
///
/// Threads: any.
class StageWeights {
 public:
  StageWeights(model::ModelConfig config, LayerRange layers, std::shared_ptr<const OpSet> op_set)
      : config_(std::move(config)), layers_(layers), op_set_(std::move(op_set)) {}
  virtual ~StageWeights() = default;
  StageWeights(const StageWeights&) = delete;
  StageWeights& operator=(const StageWeights&) = delete;

  const model::ModelConfig& config() const { return config_; }
  LayerRange layers() const { return layers_; }
  const OpSet& op_set() const { return *op_set_; }
  bool is_first() const { return layers_.first == 0; }
  bool is_last() const { return layers_.last == config_.num_hidden_layers; }
  /// What a KvStore for these layers must hold per token.
  model::KvLayout kv_layout() const { return model::kv_layout(config_, op_set_->kv_type()); }

  /// `team` and these weights outlive the result.
  virtual std::unique_ptr<Forward> make_forward(std::uint32_t max_rows, std::uint32_t max_positions,
                                                Team& team) const = 0;

 private:
  model::ModelConfig config_;
  LayerRange layers_;
  std::shared_ptr<const OpSet> op_set_;
};

/// The op set that the options choose: the reference for float32, else the fast path.
/// Errors: bad_config for an isa that is unknown or that this machine lacks.
model::Result<std::shared_ptr<const OpSet>> choose_op_set(const NumericsOptions& numerics);

/// Reads (and packs, on the fast path) the weights of some layers. `layers`: {0, num_hidden_layers} for a
/// single stage. Errors: bad_file naming key or tensor; bad_config for a layer range outside the model or an
/// unusable isa.
model::Result<std::shared_ptr<const StageWeights>> load_weights(
    const std::shared_ptr<const model::ModelFile>& file, const NumericsOptions& numerics, LayerRange layers);
/// The same with a given op set; `threads` help to pack.
model::Result<std::shared_ptr<const StageWeights>> load_weights(
    const std::shared_ptr<const model::ModelFile>& file, std::shared_ptr<const OpSet> op_set,
    std::uint32_t threads, LayerRange layers);

}  // namespace troupe::gpu
