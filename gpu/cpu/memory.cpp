// SPDX-License-Identifier: Apache-2.0
#include "gpu/cpu/memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace troupe::gpu::cpu {

Memory::Memory(std::size_t bytes) {
  if (bytes == 0) return;
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  const std::size_t align = bytes < kHugePage ? kPage : kHugePage;
  const std::size_t wanted = (bytes + kPage - 1) / kPage * kPage;
  // Mapped with room to align; the surplus on both sides is given back.
  void* mapping = mmap(nullptr, wanted + align, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  auto* begin = static_cast<std::byte*>(mapping);
  const std::size_t skip = (align - reinterpret_cast<std::uintptr_t>(begin) % align) % align;
  if (skip != 0) munmap(begin, skip);
  if (skip != align) munmap(begin + skip + wanted, align - skip);
  data_ = begin + skip;
  mapped_ = wanted;
  if (align == kHugePage) madvise(data_, mapped_, MADV_HUGEPAGE);
}

Memory::~Memory() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

std::shared_ptr<std::byte> Arena::take(std::size_t bytes) {
  constexpr std::size_t kChunk = std::size_t{32} << 20;
  if (bytes > kChunk / 2) {
    const auto own = std::make_shared<Memory>(bytes);
    return {own, own->data()};
  }
  const std::lock_guard lock(mutex_);
  if (chunk_ == nullptr || used_ + bytes > kChunk) {
    chunk_ = std::make_shared<Memory>(kChunk);
    used_ = 0;
  }
  std::byte* piece = chunk_->data() + used_;
  used_ += (bytes + 63) / 64 * 64;
  return {chunk_, piece};
}

}  // namespace troupe::gpu::cpu
