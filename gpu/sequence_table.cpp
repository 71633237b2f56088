// SPDX-License-Identifier: Apache-2.0
#include "gpu/sequence_table.hpp"

#include <algorithm>
#include <string>

namespace troupe::gpu {

model::Error plan_error(model::Slot slot, const std::string& what) {
  return {model::ErrorCode::internal, "plan: slot " + std::to_string(slot) + ": " + what, ""};
}

StageSequence* SequenceTable::find(model::Slot slot) {
  return slot < sequences_.size() && sequences_[slot] ? &*sequences_[slot] : nullptr;
}

model::Result<void> SequenceTable::forget(model::Slot slot) {
  if (find(slot) == nullptr) return plan_error(slot, "asked to forget a sequence that was never started");
  sequences_[slot].reset();
  return {};
}

model::Result<void> SequenceTable::start(const model::SequenceStart& start) {
  if (start.slot >= limits_.max_slots) {
    return plan_error(start.slot, "beyond the " + std::to_string(limits_.max_slots) + " slots of a stage");
  }
  if (find(start.slot) != nullptr) return plan_error(start.slot, "started while it holds another sequence");
  if (start.prompt_tokens > start.tokens.size() || start.tokens.size() > limits_.max_positions) {
    return plan_error(start.slot, std::to_string(start.tokens.size()) + " tokens with " +
                                      std::to_string(start.prompt_tokens) +
                                      " of the prompt; a sequence holds " +
                                      std::to_string(limits_.max_positions));
  }
  const auto foreign = std::find_if(start.tokens.begin(), start.tokens.end(), [&](model::Token token) {
    return token < 0 || static_cast<std::uint32_t>(token) >= limits_.vocab_size;
  });
  if (foreign != start.tokens.end()) {
    return plan_error(start.slot, "token " + std::to_string(*foreign) + " is not of the vocabulary");
  }
  if (auto ok = check_blocks(start.slot, start.blocks); !ok) return ok.error();
  if (start.cached_tokens > start.blocks.size() * model::kTokensPerBlock ||
      start.cached_tokens > start.tokens.size()) {
    return plan_error(start.slot,
                      std::to_string(start.cached_tokens) + " cached tokens exceed its tokens or blocks");
  }
  if (sequences_.size() <= start.slot) sequences_.resize(start.slot + 1);
  sequences_[start.slot] = StageSequence{.start = start, .filled = start.cached_tokens};
  return {};
}

model::Result<void> SequenceTable::grant(const model::BlockGrant& grant) {
  StageSequence* sequence = find(grant.slot);
  if (sequence == nullptr) return plan_error(grant.slot, "granted blocks, but never started");
  if (auto ok = check_blocks(grant.slot, grant.blocks); !ok) return ok.error();
  auto& blocks = sequence->start.blocks;
  blocks.insert(blocks.end(), grant.blocks.begin(), grant.blocks.end());
  return {};
}

model::Result<StageSequence*> SequenceTable::check(const model::RowRange& rows) {
  StageSequence* sequence = find(rows.slot);
  if (sequence == nullptr) return plan_error(rows.slot, "has rows, but was never started");
  const std::uint64_t end = std::uint64_t{rows.start} + rows.count;
  const std::string place = "positions [" + std::to_string(rows.start) + ", " + std::to_string(end) + ") ";
  if (rows.count == 0) return plan_error(rows.slot, place + "are none");
  if (end > limits_.max_positions) {
    return plan_error(
        rows.slot, place + "exceed the " + std::to_string(limits_.max_positions) + " that a sequence holds");
  }
  if (end > sequence->start.blocks.size() * model::kTokensPerBlock) {
    return plan_error(rows.slot, place + "reach beyond its " + std::to_string(sequence->start.blocks.size()) +
                                     " blocks of " + std::to_string(model::kTokensPerBlock));
  }
  if (rows.start > sequence->filled) {
    return plan_error(rows.slot, place + "leave a gap: KV ends at " + std::to_string(sequence->filled));
  }
  return sequence;
}

model::Result<void> SequenceTable::check_blocks(model::Slot slot,
                                                std::span<const model::BlockId> blocks) const {
  for (const model::BlockId block : blocks) {
    if (block >= limits_.blocks) {
      return plan_error(slot, "block " + std::to_string(block) + " is not one of the store's " +
                                  std::to_string(limits_.blocks));
    }
  }
  return {};
}

}  // namespace troupe::gpu
