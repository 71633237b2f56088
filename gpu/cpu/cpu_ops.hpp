// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "gpu/cpu/attention_job.hpp"
#include "gpu/cpu/kernels.hpp"
#include "gpu/cpu/memory.hpp"
#include "gpu/cpu/packed_rows.hpp"
#include "gpu/op_set.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu::cpu {

/// The operations on one set of kernels.
class CpuOps final : public Ops {
 public:
  CpuOps(const Kernels& kernels, const OpLimits& limits, Team& team);

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
  float* row_scratch(std::uint32_t worker) const { return scratch_.as<float>() + worker * scratch_stride_; }

  const Kernels& kernels_;
  Team& team_;
  std::size_t scratch_stride_;
  Memory scratch_;          // [threads][max_width]
  Memory attention_out_;    // [max_rows][heads * head_dim]
  Memory sequence_of_row_;  // [max_rows]
  AttentionJob attention_;
};

}  // namespace troupe::gpu::cpu
