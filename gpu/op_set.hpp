// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/error.hpp"
#include "model/ids.hpp"
#include "model/kv_layout.hpp"
#include "model/weights/model_file.hpp"

/// The operations that an architecture is written on. Two sets exist: `reference` (gpu/reference, float32,
/// reads like the paper) and `cpu` (gpu/cpu, packed weights, AMX / AVX-512 / AVX2 / portable, all with the
/// same bits).
///
/// The law of every operation: the bits of an output row depend on that row alone (and on the KV of its
/// sequence): never on the other rows of the step, on how the prompt was cut into steps, or on the number of
/// threads.
namespace troupe::gpu {

class Team;
class RopeTable;

/// A weight [outputs, inputs] in the form that the op set reads. Immutable, shared by executors.
class Linear {
 public:
  Linear(std::uint32_t outputs, std::uint32_t inputs) : outputs_(outputs), inputs_(inputs) {}
  virtual ~Linear() = default;
  Linear(const Linear&) = delete;
  Linear& operator=(const Linear&) = delete;
  std::uint32_t outputs() const { return outputs_; }
  std::uint32_t inputs() const { return inputs_; }

 private:
  std::uint32_t outputs_;
  std::uint32_t inputs_;
};

/// The rows that a Linear reads: float32 in the reference, integers with a scale per row in the fast path. A
/// buffer: each producer (rms_norm, attention, silu_multiply) fills it in the form that the named consumer
/// wants.
class Rows {
 public:
  Rows() = default;
  virtual ~Rows() = default;
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
};

/// How the tensors of one Linear are stacked by output row.
enum class Stacking : std::uint8_t {
  concatenate,  ///< output columns in the order given: q, then k, then v; or a single tensor
  gate_and_up,  ///< two tensors of equal shape; the order of the output columns is the op set's own secret,
                ///< which only its silu_multiply reads
};

/// What becomes of the product.
enum class Epilogue : std::uint8_t {
  store,
  add
};  ///< out = product, or out += product (the float32 residual)

struct AttentionShape {
  std::uint32_t heads = 0;  ///< query heads; head h reads KV head h / (heads / kv_heads)
  std::uint32_t kv_heads = 0;
  std::uint32_t head_dim = 0;  ///< even
  float scale = 1.0F;          ///< multiplies q . k before the softmax
  std::uint32_t qkv_width() const { return (heads + 2 * kv_heads) * head_dim; }
};

/// Consecutive positions of one sequence: rows [first, first + count) of the step are its positions
/// [start, start + count). Block i of `blocks` holds positions [32 i, 32 i + 32).
struct SequenceRows {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t start = 0;
  std::span<const model::BlockId> blocks;
};

/// The rows of a step: the sequences partition [0, count) in ascending order.
struct StepRows {
  std::uint32_t count = 0;
  std::span<const SequenceRows> sequences;
};

/// One layer of a KvStore. A block's bytes (KvLayout::block_bytes(1), 64-byte aligned) hold K and V of 32
/// tokens of all KV heads in an order that is the op set's own; all zero bits must mean zeros, all one bits
/// must mean NaN.
struct KvLayer {
  std::byte* base = nullptr;
  std::size_t block_stride = 0;  ///< bytes
  std::byte* block(model::BlockId id) const { return base + block_stride * id; }
};

/// The largest step and shapes that an Ops must serve: what its scratch memory is sized by, once.
struct OpLimits {
  std::uint32_t max_rows = 0;       ///< rows of a step, at least 64 (a group of the head)
  std::uint32_t max_positions = 0;  ///< tokens of a sequence
  std::uint32_t max_width = 0;      ///< the widest `inputs` of any Linear
  AttentionShape attention;
};

/// The operations of one executor: they own scratch memory, allocate nothing after construction, and spread
/// each operation over a Team.
///
/// Shapes: all float arrays are row-major and dense. Threads: one caller at a time.
class Ops {
 public:
  virtual ~Ops() = default;

  /// A buffer for `max_rows` rows of any consumer up to `max_width` wide.
  virtual std::unique_ptr<Rows> make_rows(std::uint32_t max_rows, std::uint32_t max_width) const = 0;

  /// out = x / sqrt(mean(x^2) + eps) * gain, for each row. x: [rows, consumer.inputs()], gain:
  /// [consumer.inputs()]. Source: Zhang and Sennrich 2019, Root Mean Square Layer Normalization.
  virtual void rms_norm(const float* x, std::uint32_t rows, const float* gain, float eps,
                        const Linear& consumer, Rows& out) = 0;

  /// out = in W^T, or out += in W^T. in: as many rows as its producer wrote; out: [rows, weight.outputs()].
  virtual void linear(const Linear& weight, const Rows& in, float* out, Epilogue epilogue) = 0;

  /// Rotates the pairs (2i, 2i+1) of each q and k head by the row's position, in place; then writes k and v
  /// into the row's block. qkv: [step.count, shape.qkv_width()], q first, then k, then v. Source: Su et al.
  /// 2021, RoFormer, equation 34, in the row order of GGUF's llama files.
  virtual void rope_and_write_kv(const AttentionShape& shape, const RopeTable& rope, const StepRows& step,
                                 float* qkv, const KvLayer& kv) = 0;

  /// Causal attention of each row's q over positions [0, its own] of its sequence.
  /// Order of the sums, the same in prefill and decode: tiles of 32 positions anchored at 0 with a running
  /// maximum and rescale per row, masked probabilities exactly 0, fully masked tiles skipped; a partial
  /// result every 512 positions, always formed, merged ascending. qkv: as rope_and_write_kv left it. out:
  /// [step.count, heads * head_dim].
  virtual void attention(const AttentionShape& shape, const StepRows& step, const float* qkv,
                         const KvLayer& kv, const Linear& consumer, Rows& out) = 0;

  /// out = silu(gate) * up. gate_up: [rows, 2 * consumer.inputs()], the result of a gate_and_up Linear.
  /// Source: Shazeer 2020, GLU Variants Improve Transformer.
  virtual void silu_multiply(const float* gate_up, std::uint32_t rows, const Linear& consumer, Rows& out) = 0;
};

/// How weights become Linears, and Linears are multiplied. Immutable.
///
/// Threads: any.
class OpSet {
 public:
  virtual ~OpSet() = default;
  /// "reference" or "cpu".
  virtual std::string_view name() const = 0;
  /// Every choice that decides bits, in words: part of the numerics fingerprint. Never the instruction set,
  /// as long as all instruction sets give the same bits.
  virtual std::string contracts() const = 0;
  virtual model::KvType kv_type() const = 0;

  /// Makes one Linear of tensors [rows, columns] with equal columns (their types may differ). `file` outlives
  /// it. An op set that copies gives the source pages back (ModelFile::drop_pages). Errors: bad_file naming
  /// the tensor for a shape or type that the op set cannot read.
  virtual model::Result<std::shared_ptr<const Linear>> pack(std::shared_ptr<const model::ModelFile> file,
                                                            std::span<const model::TensorView* const> tensors,
                                                            Stacking stacking, Team& team) const = 0;

  /// The operations for one executor. `team` outlives them.
  virtual std::unique_ptr<Ops> make_ops(const OpLimits& limits, Team& team) const = 0;
};

}  // namespace troupe::gpu
