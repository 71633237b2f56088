// SPDX-License-Identifier: Apache-2.0
// What the oracle test measures: greedy answers through the executor, and the logits of given sequences.
//
//   dump_logits generate MODEL DTYPE THREADS PROMPTS NEW_TOKENS   sequences as text on stdout
//   dump_logits logits MODEL DTYPE THREADS SEQUENCES OUT          float32 [positions, vocab_size] of each, in
//   OUT
//
// PROMPTS and SEQUENCES: one sequence a line, tokens separated by spaces. DTYPE: auto or float32.

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "gpu/executor.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {
namespace {

using Tokens = std::vector<model::Token>;

template <class T>
T must(model::Result<T> result) {
  if (result) return *std::move(result);
  std::cerr << "dump_logits: " << result.error().message << " " << result.error().param << "\n";
  std::exit(1);
}

std::vector<Tokens> read_sequences(const std::string& path) {
  std::ifstream file(path);
  std::vector<Tokens> sequences;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    Tokens tokens;
    for (model::Token token = 0; words >> token;) tokens.push_back(token);
    if (!tokens.empty()) sequences.push_back(std::move(tokens));
  }
  return sequences;
}

std::uint32_t blocks_for(std::size_t tokens) {
  return static_cast<std::uint32_t>((tokens + model::kTokensPerBlock - 1) / model::kTokensPerBlock);
}

/// All prompts prefill in one step, then decode together.
void generate(const std::shared_ptr<const StageWeights>& weights, std::uint32_t threads,
              std::vector<Tokens> sequences, std::uint32_t new_tokens) {
  model::StepPlan plan;
  std::uint32_t blocks = 0;
  for (std::uint32_t slot = 0; slot < sequences.size(); ++slot) {
    const auto length = static_cast<std::uint32_t>(sequences[slot].size());
    model::SequenceStart start;
    start.slot = slot;
    start.tokens = sequences[slot];
    start.prompt_tokens = length;
    start.sampling.temperature = 0;
    for (std::uint32_t i = blocks_for(length + new_tokens); i > 0; --i) start.blocks.push_back(blocks++);
    plan.start.push_back(std::move(start));
    plan.rows.push_back({.slot = slot, .start = 0, .count = length, .sample = true});
  }
  auto store = must(KvStore::create(weights->kv_layout(), weights->layers().count(), blocks));
  auto executor =
      must(make_executor(weights, store, {.threads = threads, .max_rows = 8192, .max_positions = 0}));
  const std::atomic<bool> cancel{false};
  for (std::uint32_t step = 0; step < new_tokens; ++step) {
    const model::StepResult result = must(executor->execute(plan, nullptr, nullptr, cancel));
    plan.start.clear();
    plan.rows.clear();
    for (const model::SampledRow& row : result.sampled) {
      sequences[row.slot].push_back(row.token.token);
      plan.rows.push_back({.slot = row.slot, .start = row.position, .count = 1, .sample = true});
    }
  }
  for (const Tokens& tokens : sequences) {
    for (const model::Token token : tokens) std::cout << token << ' ';
    std::cout << '\n';
  }
}

/// The logits after every position of a sequence, each sequence prefilled in one step.
void write_logits(const StageWeights& weights, std::uint32_t threads, const std::vector<Tokens>& sequences,
                  const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  std::size_t longest = 1;
  for (const Tokens& tokens : sequences) longest = std::max(longest, tokens.size());
  Team team(threads);
  const FlushDenormals flush;
  const auto forward =
      weights.make_forward(static_cast<std::uint32_t>(longest), static_cast<std::uint32_t>(longest), team);
  std::vector<model::BlockId> blocks(blocks_for(longest));
  for (std::uint32_t i = 0; i < blocks.size(); ++i) blocks[i] = i;
  auto store = must(KvStore::create(weights.kv_layout(), weights.layers().count(),
                                    static_cast<std::uint32_t>(blocks.size())));
  const std::size_t hidden = weights.config().hidden_size;
  std::vector<float> x(longest * hidden);
  std::vector<float> logits(std::size_t{kHeadRows} * weights.config().vocab_size);
  for (const Tokens& tokens : sequences) {
    const auto rows = static_cast<std::uint32_t>(tokens.size());
    const SequenceRows sequence{.first = 0, .count = rows, .start = 0, .blocks = blocks};
    forward->embed(tokens, x.data());
    for (std::uint32_t i = 0; i < weights.layers().count(); ++i) {
      forward->layer(i, {.count = rows, .sequences = {&sequence, 1}}, store->layer(i), x.data());
    }
    for (std::uint32_t first = 0; first < rows; first += kHeadRows) {
      const std::uint32_t count = std::min(kHeadRows, rows - first);
      forward->logits(x.data() + first * hidden, count, logits.data());
      out.write(
          reinterpret_cast<const char*>(logits.data()),
          static_cast<std::streamsize>(std::size_t{count} * weights.config().vocab_size * sizeof(float)));
    }
  }
  if (!out.flush()) {
    std::cerr << "dump_logits: cannot write " << path << "\n";
    std::exit(1);
  }
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() != 6 || (arguments[0] != "generate" && arguments[0] != "logits") ||
      (arguments[2] != "auto" && arguments[2] != "float32")) {
    std::cerr << "usage: dump_logits generate MODEL auto|float32 THREADS PROMPTS NEW_TOKENS\n"
                 "       dump_logits logits MODEL auto|float32 THREADS SEQUENCES OUT\n";
    return 2;
  }
  const auto threads = static_cast<std::uint32_t>(std::stoul(arguments[3]));
  const auto file = must(model::open_gguf(arguments[1]));
  const auto config = must(model::read_model_config(*file));
  const NumericsOptions numerics{.float32 = arguments[2] == "float32", .isa = "auto", .threads = threads};
  const auto weights = must(load_weights(file, numerics, {0, config.num_hidden_layers}));
  const auto sequences = read_sequences(arguments[4]);
  if (arguments[0] == "generate") {
    generate(weights, threads, sequences, static_cast<std::uint32_t>(std::stoul(arguments[5])));
  } else {
    write_logits(*weights, threads, sequences, arguments[5]);
  }
  return 0;
}

}  // namespace
}  // namespace troupe::gpu

int main(int argc, char** argv) {
  return troupe::gpu::run({argv + 1, argv + argc});
}
