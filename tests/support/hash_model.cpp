// SPDX-License-Identifier: Apache-2.0
#include "tests/support/hash_model.hpp"

#include <string>

namespace troupe::support {
namespace {

constexpr std::uint32_t kPoison = 0xdeadbeef;

/// 24 bits: a float carries it exactly.
std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
  std::uint32_t x = a * 0x9e3779b1U + b * 0x85ebca6bU + 0x1234567U;
  x ^= x >> 15U;
  x *= 0x2c1b3c6dU;
  x ^= x >> 12U;
  return x & 0xffffffU;
}

model::Token choose(std::uint32_t digest, const model::SamplingParams& sampling, std::uint32_t position) {
  if (sampling.temperature > 0)
    digest = mix(digest, mix(static_cast<std::uint32_t>(sampling.seed), position));
  return static_cast<model::Token>(mix(digest, 77) % kHashVocabulary);
}

std::uint64_t next_store_id() {
  static std::uint64_t id = 0;
  return ++id;
}

}  // namespace

std::vector<model::Token> hash_answer(const std::vector<model::Token>& prompt, std::uint32_t max_tokens,
                                      const model::SamplingParams& sampling, std::uint32_t stages,
                                      bool ignore_eos) {
  std::vector<model::Token> tokens = prompt;
  std::vector<std::uint32_t> digests(stages, 0);
  std::vector<model::Token> answer;
  for (std::size_t p = 0; answer.size() < max_tokens; ++p) {
    auto value = static_cast<std::uint32_t>(tokens[p]);
    for (auto& digest : digests) value = digest = mix(digest, value);
    if (p + 1 < tokens.size()) continue;
    const auto position = static_cast<std::uint32_t>(p + 1);
    answer.push_back(choose(value, sampling, position));
    tokens.push_back(answer.back());
    if (answer.back() == kHashEnd && !ignore_eos) break;
  }
  return answer;
}

HashStore::HashStore(std::uint32_t count)
    : id(next_store_id()), blocks(count, std::vector<std::uint32_t>(model::kTokensPerBlock, kPoison)) {}

HashExecutor::HashExecutor(std::uint32_t stage, std::uint32_t stages, std::shared_ptr<HashStore> store,
                           StepHook hook)
    : stage_(stage), stages_(stages), store_(std::move(store)), hook_(std::move(hook)) {}

void HashExecutor::append(model::Slot slot, std::uint32_t position, model::Token token) {
  SlotState& state = slots_.at(slot);
  if (state.history.size() == position) state.history.push_back(token);
}

void HashExecutor::poison_block(model::BlockId block) {
  store_->blocks.at(block).assign(model::kTokensPerBlock, kPoison);
}

model::Result<std::uint32_t> HashExecutor::run_row(SlotState& slot, std::uint32_t position,
                                                   std::uint32_t input) {
  const auto wrong = [&](const char* what) {
    return model::Error{model::ErrorCode::internal,
                        to_string(slot.start.id) + " at " + std::to_string(position) + ": " + what, ""};
  };
  if (position / model::kTokensPerBlock >= slot.blocks.size()) return wrong("no block for the position");
  const auto cell = [&](std::uint32_t p) -> std::uint32_t& {
    return store_->blocks.at(slot.blocks[p / model::kTokensPerBlock])[p % model::kTokensPerBlock];
  };
  cell(position) = input;
  std::uint32_t digest = 0;
  for (std::uint32_t p = 0; p <= position; ++p) digest = mix(digest, cell(p));
  return digest;
}

model::Result<model::StepResult> HashExecutor::execute(const model::StepPlan& plan,
                                                       const gpu::HiddenStates* in, gpu::HiddenStates* out,
                                                       const std::atomic<bool>& cancel) {
  const auto wrong = [](std::string what) {
    return model::Error{model::ErrorCode::internal, std::move(what), ""};
  };
  for (const auto slot : plan.forget) slots_.erase(slot);
  for (const auto& start : plan.start) {
    if (slots_.count(start.slot) > 0) return wrong("slot " + std::to_string(start.slot) + " is taken");
    slots_[start.slot] = {start, start.tokens, start.blocks};
    for (std::size_t b = start.cached_tokens / model::kTokensPerBlock; b < start.blocks.size(); ++b) {
      poison_block(start.blocks[b]);
    }
  }
  for (const auto& grant : plan.grants) {
    auto& blocks = slots_.at(grant.slot).blocks;
    blocks.insert(blocks.end(), grant.blocks.begin(), grant.blocks.end());
    for (const auto block : grant.blocks) poison_block(block);
  }
  if (hook_) hook_(plan, stage_);
  model::StepResult result;
  result.step = plan.step;
  std::size_t index = 0;
  for (const auto& row : plan.rows) {
    if (cancel) return model::Error{model::ErrorCode::cancelled, "cancelled", ""};
    const auto found = slots_.find(row.slot);
    if (found == slots_.end()) return wrong("unknown slot " + std::to_string(row.slot));
    SlotState& slot = found->second;
    std::uint32_t digest = 0;
    for (std::uint32_t p = row.start; p < row.start + row.count; ++p) {
      if (in == nullptr && p >= slot.history.size()) return wrong("missing token");
      const auto input = in == nullptr ? static_cast<std::uint32_t>(slot.history[p])
                                       : static_cast<std::uint32_t>(in->values.at(index++));
      auto value = run_row(slot, p, input);
      if (!value) return value.error();
      digest = *value;
      if (out != nullptr) out->values.push_back(static_cast<float>(digest));
    }
    if (out != nullptr || !row.sample) continue;
    const std::uint32_t position = row.start + row.count;
    const model::Token token = choose(digest, slot.start.sampling, position);
    if (slot.history.size() == position) slot.history.push_back(token);
    result.sampled.push_back({slot.start.id, row.slot, slot.start.ingress, position, {token, 0.0F, {}}});
  }
  return result;
}

HashTokenizer::HashTokenizer() {
  for (std::uint32_t t = 0; t < kHashVocabulary; ++t) texts_.push_back("t" + std::to_string(t) + " ");
}
std::vector<model::Token> HashTokenizer::encode(std::string_view utf8, bool) const {
  std::vector<model::Token> tokens;
  for (const char c : utf8) tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}
std::string_view HashTokenizer::bytes(model::Token token) const {
  if (token < 0 || static_cast<std::uint32_t>(token) >= kHashVocabulary) return {};
  return texts_[static_cast<std::size_t>(token)];
}

}  // namespace troupe::support
