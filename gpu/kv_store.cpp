// SPDX-License-Identifier: Apache-2.0
#include "gpu/kv_store.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace troupe::gpu {

model::Result<std::shared_ptr<KvStore>> KvStore::create(const model::KvLayout& layout, std::uint32_t layers,
                                                        std::uint32_t blocks) {
  const std::uint64_t block = layout.block_bytes(layers);
  if (block == 0 || blocks == 0) {
    return model::Error{model::ErrorCode::bad_config, "the KV store needs at least one layer and one block",
                        ""};
  }
  const std::uint64_t bytes = block * blocks;
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return model::Error{model::ErrorCode::io,
                        "no memory for the KV cache: " + std::to_string(blocks) + " blocks of " +
                            std::to_string(block) + " bytes (" + std::to_string(layers) +
                            " layers): " + std::strerror(errno) + "; ask for fewer blocks",
                        ""};
  }
  // Advice only: huge pages save translations, and a kernel without them serves small ones.
  madvise(memory, bytes, MADV_HUGEPAGE);
  return std::shared_ptr<KvStore>(new KvStore(layout, layers, blocks, static_cast<std::byte*>(memory)));
}

KvStore::KvStore(const model::KvLayout& layout, std::uint32_t layers, std::uint32_t blocks, std::byte* memory)
    : layout_(layout), layers_(layers), blocks_(blocks), memory_(memory) {}

KvStore::~KvStore() {
  munmap(memory_, layout_.block_bytes(layers_) * blocks_);
}

KvLayer KvStore::layer(std::uint32_t layer) const {
  return {.base = memory_ + block_bytes() * blocks_ * layer, .block_stride = block_bytes()};
}

void KvStore::zero(model::BlockId block) {
  fill(block, 0);
}

void KvStore::poison(model::BlockId block) {
  fill(block, 0xff);
}

void KvStore::fill(model::BlockId block, int byte) {
  for (std::uint32_t i = 0; i < layers_; ++i) std::memset(layer(i).block(block), byte, block_bytes());
}

}  // namespace troupe::gpu
