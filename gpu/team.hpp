// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace troupe::gpu {

/// Denormal operands cost ten times a normal one: for its lifetime the calling thread reads and writes them
/// as zero. Part of every arithmetic contract, so that a result does not depend on which thread computed it.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_;
};

/// Physical cores that this process may run on, at least 1.
std::uint32_t physical_cores();

/// Plain pinned threads that share the items of one job at a time; the caller works along. One thread runs
/// inline. Allocates only when constructed. All threads run with FlushDenormals.
///
/// Threads: one caller of run at a time.
class Team {
 public:
  /// `threads`: all of them, with the caller; 0 means physical_cores().
  explicit Team(std::uint32_t threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::uint32_t size() const { return static_cast<std::uint32_t>(workers_.size()) + 1; }

  /// Calls task(item, worker) once for every item in [0, items), worker in [0, size()); returns when all are
  /// done. The task must not throw, nor call run.
  template <class Task>
  void run(std::uint32_t items, Task&& task) {
    using Plain = std::remove_reference_t<Task>;
    run_erased(
        items,
        [](void* context, std::uint32_t item, std::uint32_t worker) {
          (*static_cast<Plain*>(context))(item, worker);
        },
        const_cast<std::remove_const_t<Plain>*>(&task));
  }

 private:
  using Function = void (*)(void* context, std::uint32_t item, std::uint32_t worker);

  void run_erased(std::uint32_t items, Function function, void* context);
  void work(std::uint32_t worker);
  void serve(std::uint32_t worker);

  // A job is open while `ticket_` carries its (even) epoch; the low half counts the items handed out. Its
  // description is written between an odd epoch and the next even one, so a worker that holds an old
  // description cannot take an item of a new job.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  std::atomic<Function> function_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<std::uint32_t> items_{0};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  alignas(64) std::atomic<std::int32_t> bell_{
      0};  // rings once per job; workers that gave up spinning sleep on it
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace troupe::gpu
