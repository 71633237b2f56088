// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace troupe::gpu::cpu {

/// Zeroed memory from the operating system, aligned to huge pages, which it asks for. Pages that nobody
/// touches cost nothing.
///
/// Errors: std::bad_alloc.
class Memory {
 public:
  Memory() = default;
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), mapped_(std::exchange(other.mapped_, 0)) {}
  Memory& operator=(Memory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t mapped_ = 0;
};

/// Hands out pieces of huge pages: a weight of one megabyte alone would lie on 256 small pages, and streaming
/// it would wait for the page tables. A chunk lives as long as one of its pieces.
///
/// Threads: any.
class Arena {
 public:
  /// Zeroed, aligned to 64 bytes.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  std::mutex mutex_;
  std::shared_ptr<Memory> chunk_;
  std::size_t used_ = 0;
};

}  // namespace troupe::gpu::cpu
