// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "gpu/op_set.hpp"

namespace troupe::gpu {

/// Tensors of the mapped file, stacked by output row.
class ReferenceLinear final : public Linear {
 public:
  ReferenceLinear(std::shared_ptr<const model::ModelFile> file, std::vector<model::TensorView> tensors,
                  std::uint32_t outputs);
  /// Writes the weights of output `row`, [inputs()].
  void expand_row(std::uint32_t row, float* out) const;

 private:
  std::shared_ptr<const model::ModelFile> file_;  // keeps the mapping alive
  std::vector<model::TensorView> tensors_;
};

struct ReferenceRows final : Rows {
  std::uint32_t count = 0;
  std::vector<float> values;  // [count][width of the consumer]
};

/// Scratch memory is one part per worker.
class ReferenceOps final : public Ops {
 public:
  ReferenceOps(const OpLimits& limits, Team& team);

  std::unique_ptr<Rows> make_rows(std::uint32_t max_rows, std::uint32_t max_width) const override;
  void rms_norm(const float* x, std::uint32_t rows, const float* gain, float eps, const Linear& consumer,
                Rows& out) override;
  void linear(const Linear& weight, const Rows& in, float* out, Epilogue epilogue) override;
  void rope_and_write_kv(const AttentionShape& shape, const RopeTable& rope, const StepRows& step, float* qkv,
                         const KvLayer& kv) override;
  void attention(const AttentionShape& shape, const StepRows& step, const float* qkv, const KvLayer& kv,
                 const Linear& consumer, Rows& out) override;
  void silu_multiply(const float* gate_up, std::uint32_t rows, const Linear& consumer, Rows& out) override;

 private:
  Team& team_;
  std::vector<std::vector<float>> scratch_;  // [worker]
  struct RowPlace {
    const SequenceRows* sequence = nullptr;
    std::uint32_t position = 0;
  };
  void place_rows(const StepRows& step);
  std::vector<RowPlace> places_;  // [row of the step]
};

/// Where a block keeps K and V of one head: [kv_head][K, V][token][head_dim].
inline float* kv_head(const KvLayer& kv, model::BlockId block, const AttentionShape& shape,
                      std::uint32_t head) {
  return static_cast<float*>(static_cast<void*>(kv.block(block))) +
         std::size_t{head} * 2 * model::kTokensPerBlock * shape.head_dim;
}

}  // namespace troupe::gpu
