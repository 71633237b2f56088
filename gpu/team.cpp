// SPDX-License-Identifier: Apache-2.0
#include "gpu/team.hpp"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <string>

namespace troupe::gpu {
namespace {

constexpr std::uint64_t kItemMask = 0xffffffffULL;
constexpr auto kSpin = std::chrono::microseconds(50);

/// The CPUs of the process's affinity mask, one per physical core first, then their siblings.
std::vector<int> allowed_cpus(std::uint32_t* cores) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  std::vector<int> first;
  std::vector<int> siblings;
  std::set<std::string> seen;
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &mask)) continue;
      std::ifstream topology("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                             "/topology/thread_siblings_list");
      std::string core;
      if (!std::getline(topology, core)) core = std::to_string(cpu);
      (seen.insert(core).second ? first : siblings).push_back(cpu);
    }
  }
  *cores = std::max<std::uint32_t>(1, static_cast<std::uint32_t>(first.size()));
  first.insert(first.end(), siblings.begin(), siblings.end());
  return first;
}

/// Runs `ready` until it is true or the spin is over; tells which.
template <class Ready>
bool spin_until(Ready ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (ready()) return true;
      _mm_pause();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

}  // namespace

FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) {
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero);
}

FlushDenormals::~FlushDenormals() {
  _mm_setcsr(saved_);
}

std::uint32_t physical_cores() {
  std::uint32_t cores = 1;
  allowed_cpus(&cores);
  return cores;
}

Team::Team(std::uint32_t threads) {
  std::uint32_t cores = 1;
  const std::vector<int> cpus = allowed_cpus(&cores);
  if (threads == 0) threads = cores;
  workers_.reserve(threads - 1);
  for (std::uint32_t worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { serve(worker); });
    // More threads than CPUs are left to the kernel. A refused pin costs speed, nothing else.
    if (threads <= cpus.size()) {
      cpu_set_t mask;
      CPU_ZERO(&mask);
      CPU_SET(cpus[worker], &mask);
      pthread_setaffinity_np(workers_.back().native_handle(), sizeof mask, &mask);
    }
  }
}

Team::~Team() {
  stopping_.store(true);
  bell_.fetch_add(1);
  bell_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void Team::run_erased(std::uint32_t items, Function function, void* context) {
  if (items == 0) return;
  const FlushDenormals flush;
  if (workers_.empty() || items == 1) {
    for (std::uint32_t item = 0; item < items; ++item) function(context, item, 0);
    return;
  }
  const std::uint64_t epoch = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(epoch << 32, std::memory_order_relaxed);
  function_.store(function, std::memory_order_release);
  context_.store(context, std::memory_order_release);
  items_.store(items, std::memory_order_release);
  done_.store(0, std::memory_order_relaxed);
  ticket_.store((epoch + 1) << 32, std::memory_order_release);
  bell_.fetch_add(1, std::memory_order_release);
  bell_.notify_all();

  work(0);
  const auto finished = [&] { return done_.load(std::memory_order_acquire) == items; };
  if (spin_until(finished)) return;
  while (!finished()) std::this_thread::yield();
}

void Team::work(std::uint32_t worker) {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  const std::uint64_t epoch = ticket >> 32;
  if (epoch % 2 != 0) return;
  const std::uint32_t items = items_.load(std::memory_order_acquire);
  void* context = context_.load(std::memory_order_acquire);
  const Function function = function_.load(std::memory_order_acquire);
  while (ticket >> 32 == epoch && (ticket & kItemMask) < items) {
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      continue;
    }
    function(context, static_cast<std::uint32_t>(ticket & kItemMask), worker);
    done_.fetch_add(1, std::memory_order_release);
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

void Team::serve(std::uint32_t worker) {
  const FlushDenormals flush;
  std::int32_t seen = 0;
  while (!stopping_.load(std::memory_order_acquire)) {
    const auto rung = [&] { return bell_.load(std::memory_order_acquire) != seen; };
    if (!spin_until(rung)) bell_.wait(seen, std::memory_order_acquire);
    seen = bell_.load(std::memory_order_acquire);
    work(worker);
  }
}

}  // namespace troupe::gpu
