// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gpu/op_set.hpp"
#include "model/error.hpp"
#include "model/kv_layout.hpp"

namespace troupe::gpu {

/// The KV bytes of one stage: [layer][block][one layer's KvLayout]. Outlives the executors that use it, so
/// that a restarted stage finds its bytes where they were. A block's order inside is the op set's.
///
/// Threads: none of its own; the executor that holds it is the only one that touches it.
class KvStore {
 public:
  /// Reserves address space for all blocks; the kernel gives memory (zeroed) when a block is first written.
  /// Errors: bad_config for no layers or blocks; io with the arithmetic when the system refuses the memory.
  static model::Result<std::shared_ptr<KvStore>> create(const model::KvLayout& layout, std::uint32_t layers,
                                                        std::uint32_t blocks);
  ~KvStore();
  KvStore(const KvStore&) = delete;
  KvStore& operator=(const KvStore&) = delete;

  const model::KvLayout& layout() const { return layout_; }
  std::uint32_t layers() const { return layers_; }
  std::uint32_t blocks() const { return blocks_; }
  /// `layer` counts from the stage's first.
  KvLayer layer(std::uint32_t layer) const;

  /// Zeroes a block in every layer: a fresh lease must hold no NaN, since 0 * NaN is NaN.
  void zero(model::BlockId block);
  /// Fills a block with NaN in every layer.
  void poison(model::BlockId block);

 private:
  KvStore(const model::KvLayout& layout, std::uint32_t layers, std::uint32_t blocks, std::byte* memory);
  void fill(model::BlockId block, int byte);
  std::size_t block_bytes() const { return layout_.block_bytes(1); }

  model::KvLayout layout_;
  std::uint32_t layers_;
  std::uint32_t blocks_;
  std::byte* memory_;
};

}  // namespace troupe::gpu
