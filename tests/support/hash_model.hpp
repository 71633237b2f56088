// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "gpu/stage_executor.hpp"
#include "model/tokenizer.hpp"

/// A model whose every token is a hash of everything before it, computed through paged KV blocks over several
/// stages: a wrong block, a stale write, a lost or repeated row changes the answer. No arithmetic, so that
/// thousands of disturbed runs take seconds.
namespace troupe::support {

inline constexpr std::uint32_t kHashVocabulary = 1000;
inline constexpr model::Token kHashEnd = 999;

/// The answer that an undisturbed model gives: tokens until kHashEnd or `max_tokens`.
std::vector<model::Token> hash_answer(const std::vector<model::Token>& prompt, std::uint32_t max_tokens,
                                      const model::SamplingParams& sampling, std::uint32_t stages,
                                      bool ignore_eos);

/// KV bytes of one stage; outlives executors.
struct HashStore {
  explicit HashStore(std::uint32_t blocks);
  std::uint64_t id;
  std::vector<std::vector<std::uint32_t>> blocks;
};

/// What a test does in the middle of steps: throw to crash the stage, or set the cancel flag.
using StepHook = std::function<void(const model::StepPlan& plan, std::uint32_t stage)>;

class HashExecutor : public gpu::StageExecutor {
 public:
  HashExecutor(std::uint32_t stage, std::uint32_t stages, std::shared_ptr<HashStore> store,
               StepHook hook = {});
  model::Result<model::StepResult> execute(const model::StepPlan& plan, const gpu::HiddenStates* in,
                                           gpu::HiddenStates* out, const std::atomic<bool>& cancel) override;
  void append(model::Slot slot, std::uint32_t position, model::Token token) override;
  void reset() override { slots_.clear(); }
  void poison_block(model::BlockId block) override;

 private:
  struct SlotState {
    model::SequenceStart start;
    std::vector<model::Token> history;
    std::vector<model::BlockId> blocks;
  };
  model::Result<std::uint32_t> run_row(SlotState& slot, std::uint32_t position, std::uint32_t input);

  std::uint32_t stage_;
  std::uint32_t stages_;
  std::shared_ptr<HashStore> store_;
  StepHook hook_;
  std::map<model::Slot, SlotState> slots_;
};

/// Token t reads "t<number> ".
class HashTokenizer : public model::Tokenizer {
 public:
  HashTokenizer();
  std::vector<model::Token> encode(std::string_view utf8, bool control) const override;
  std::string_view bytes(model::Token token) const override;
  bool is_special(model::Token token) const override { return token == kHashEnd; }
  std::uint32_t vocabulary_size() const override { return kHashVocabulary; }
  std::optional<model::Token> bos() const override { return std::nullopt; }
  const std::vector<model::Token>& end_tokens() const override { return ends_; }

 private:
  std::vector<std::string> texts_;
  std::vector<model::Token> ends_{kHashEnd};
};

}  // namespace troupe::support
