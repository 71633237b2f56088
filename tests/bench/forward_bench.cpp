// SPDX-License-Identifier: Apache-2.0
// forward_bench MODEL [THREADS [SECONDS]]: tokens per second of the executor alone, one JSON line for each
// precision and shape of a step: decoding 1, 16 and 64 sequences that hold 128 tokens, and prefilling one
// prompt of 512.

#include <algorithm>
#include <chrono>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include "gpu/executor.hpp"

namespace troupe::gpu {
namespace {

using Clock = std::chrono::steady_clock;

template <class T>
T must(model::Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << "forward_bench: " << result.error().message << " " << result.error().param << "\n";
  std::exit(1);
}

constexpr std::uint32_t kBlocks = 64 * 16;
constexpr std::uint32_t kContext = 128;
constexpr std::uint32_t kPrompt = 512;

class Bench {
 public:
  Bench(std::shared_ptr<const StageWeights> weights, std::uint32_t threads, double seconds)
      : weights_(std::move(weights)), threads_(threads), seconds_(seconds) {
    auto store = must(KvStore::create(weights_->kv_layout(), weights_->layers().count(), kBlocks));
    executor_ =
        must(make_executor(weights_, store, {.threads = threads, .max_rows = 2048, .max_positions = 0}));
  }

  void decode(std::uint32_t batch) {
    executor_->reset();
    model::StepPlan plan;
    // The context is taken as cached: attention over zeros costs what attention over anything costs.
    for (std::uint32_t slot = 0; slot < batch; ++slot)
      plan.start.push_back(start(slot, kContext + 1, kContext));
    step(plan);
    plan.start.clear();
    // As many steps as the blocks of a sequence have room for.
    std::uint32_t position = kContext;
    run("decode", batch, batch, [&] {
      if (position == kBlocks / 64 * model::kTokensPerBlock) return false;
      plan.rows.clear();
      for (std::uint32_t slot = 0; slot < batch; ++slot) {
        plan.rows.push_back({.slot = slot, .start = position, .count = 1, .sample = true});
      }
      step(plan);
      ++position;
      return true;
    });
  }

  void prefill() {
    run("prefill", 1, kPrompt, [&] {
      executor_->reset();
      model::StepPlan plan;
      plan.start.push_back(start(0, kPrompt, 0));
      plan.rows.push_back({.slot = 0, .start = 0, .count = kPrompt, .sample = true});
      step(plan);
      return true;
    });
  }

 private:
  static model::SequenceStart start(std::uint32_t slot, std::uint32_t tokens, std::uint32_t cached) {
    model::SequenceStart sequence;
    sequence.slot = slot;
    for (std::uint32_t t = 0; t < tokens; ++t) {
      sequence.tokens.push_back(static_cast<model::Token>((t * 31 + slot) % 256));
    }
    sequence.prompt_tokens = tokens;
    sequence.cached_tokens = cached;
    sequence.sampling.temperature = 0;
    for (std::uint32_t b = 0; b < kBlocks / 64; ++b) sequence.blocks.push_back(slot * (kBlocks / 64) + b);
    return sequence;
  }

  void step(const model::StepPlan& plan) { must(executor_->execute(plan, nullptr, nullptr, go_on_)); }

  /// Repeats `one` until the time is over; reports the median and the best, since the machine may be shared.
  template <class Step>
  void run(const char* phase, std::uint32_t batch, std::uint32_t tokens, Step one) {
    std::vector<double> times;
    const std::clock_t cpu_began = std::clock();
    const auto end = Clock::now() + std::chrono::duration<double>(seconds_);
    while (Clock::now() < end || times.size() < 3) {
      const auto began = Clock::now();
      if (!one()) break;
      times.push_back(std::chrono::duration<double>(Clock::now() - began).count());
    }
    const double cpu_seconds = static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC;
    std::sort(times.begin(), times.end());
    std::cout << "{\"bench\":\"forward\",\"op_set\":\"" << weights_->op_set().name() << "\",\"phase\":\""
              << phase << "\",\"batch\":" << batch << ",\"threads\":" << threads_
              << ",\"steps\":" << times.size()
              << ",\"tokens_per_second\":" << tokens / times[times.size() / 2]
              << ",\"best_tokens_per_second\":" << tokens / times.front()
              << ",\"tokens_per_cpu_second\":" << tokens * static_cast<double>(times.size()) / cpu_seconds
              << "}" << std::endl;
  }

  std::shared_ptr<const StageWeights> weights_;
  std::uint32_t threads_;
  double seconds_;
  std::unique_ptr<StageExecutor> executor_;
  const std::atomic<bool> go_on_{false};
};

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.size() > 3) {
    std::cerr << "usage: forward_bench MODEL [THREADS [SECONDS]]\n";
    return 2;
  }
  const auto threads = static_cast<std::uint32_t>(arguments.size() > 1 ? std::stoul(arguments[1]) : 0);
  const double seconds = arguments.size() > 2 ? std::stod(arguments[2]) : 3.0;
  const auto file = must(model::open_gguf(arguments[0]));
  const auto config = must(model::read_model_config(*file));
  for (const bool float32 : {false, true}) {
    const NumericsOptions numerics{.float32 = float32, .isa = "auto", .threads = threads};
    Bench bench(must(load_weights(file, numerics, {0, config.num_hidden_layers})), threads, seconds);
    for (const std::uint32_t batch : {1U, 16U, 64U}) bench.decode(batch);
    bench.prefill();
  }
  return 0;
}

}  // namespace
}  // namespace troupe::gpu

int main(int argc, char** argv) {
  return troupe::gpu::run({argv + 1, argv + argc});
}
