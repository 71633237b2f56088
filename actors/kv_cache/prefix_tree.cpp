// SPDX-License-Identifier: Apache-2.0
#include "actors/kv_cache/prefix_tree.hpp"

namespace troupe::actors {

using model::BlockId;
using model::Token;

PrefixTree::PrefixTree(std::uint32_t total_blocks, std::uint32_t tokens_per_block)
    : tokens_per_block_(tokens_per_block), nodes_(total_blocks) {}

const PrefixTree::Children& PrefixTree::children_of(std::optional<BlockId> parent) const {
  return parent ? nodes_[*parent].children : roots_;
}

PrefixTree::Children& PrefixTree::children_of(std::optional<BlockId> parent) {
  return parent ? nodes_[*parent].children : roots_;
}

std::optional<BlockId> PrefixTree::child(std::optional<BlockId> parent, std::span<const Token> tokens) const {
  const Children& children = children_of(parent);
  const auto found = children.find(tokens);
  if (found == children.end()) return std::nullopt;
  return found->second;
}

std::vector<BlockId> PrefixTree::match(std::span<const Token> tokens, std::uint32_t max_blocks) const {
  std::vector<BlockId> chain;
  std::optional<BlockId> at;
  while (chain.size() < max_blocks && tokens.size() >= tokens_per_block_) {
    at = child(at, tokens.first(tokens_per_block_));
    if (!at) break;
    chain.push_back(*at);
    tokens = tokens.subspan(tokens_per_block_);
  }
  return chain;
}

void PrefixTree::insert(std::optional<BlockId> parent, std::span<const Token> tokens, BlockId block) {
  const bool parent_was_candidate = parent && is_candidate(nodes_[*parent]);
  Node& node = nodes_[block];
  node.present = true;
  node.in_use = true;
  node.parent = parent;
  node.last_used = ++clock_;
  node.self = children_of(parent).emplace(std::vector<Token>(tokens.begin(), tokens.end()), block).first;
  ++size_;
  if (parent) update_candidate(*parent, parent_was_candidate);
}

void PrefixTree::set_in_use(BlockId block, bool in_use) {
  Node& node = nodes_[block];
  const bool was_candidate = is_candidate(node);
  if (was_candidate) candidates_.erase({node.last_used, block});
  node.in_use = in_use;
  node.last_used = ++clock_;
  update_candidate(block, false);
}

void PrefixTree::update_candidate(BlockId block, bool was_candidate) {
  const Node& node = nodes_[block];
  const bool is_now = is_candidate(node);
  if (was_candidate && !is_now) candidates_.erase({node.last_used, block});
  if (!was_candidate && is_now) candidates_.insert({node.last_used, block});
}

std::optional<BlockId> PrefixTree::oldest_idle_leaf(const std::function<bool(BlockId)>& may_evict) const {
  for (const auto& [last_used, block] : candidates_) {
    if (may_evict(block)) return block;
  }
  return std::nullopt;
}

void PrefixTree::remove(BlockId leaf) {
  Node& node = nodes_[leaf];
  const std::optional<BlockId> parent = node.parent;
  const bool parent_was_candidate = parent && is_candidate(nodes_[*parent]);
  if (is_candidate(node)) candidates_.erase({node.last_used, leaf});
  children_of(parent).erase(node.self);
  node = Node{};
  --size_;
  if (parent) update_candidate(*parent, parent_was_candidate);
}

std::vector<std::string> PrefixTree::check() const {
  std::vector<std::string> wrong;
  std::uint32_t present = 0;
  std::size_t candidates = 0;
  for (BlockId block = 0; block < nodes_.size(); ++block) {
    const Node& node = nodes_[block];
    if (!node.present) continue;
    ++present;
    const std::string name = "prefix node " + std::to_string(block);
    if (node.self->second != block) wrong.push_back(name + ": its parent leads to another block");
    if (node.self->first.size() != tokens_per_block_) wrong.push_back(name + ": is not a full block");
    if (node.parent && !nodes_[*node.parent].present) wrong.push_back(name + ": its parent is gone");
    if (is_candidate(node)) {
      ++candidates;
      if (!candidates_.contains({node.last_used, block})) wrong.push_back(name + ": cannot be evicted");
    }
  }
  if (present != size_ || candidates != candidates_.size()) {
    wrong.push_back("the prefix tree's counters disagree with its nodes");
  }
  return wrong;
}

}  // namespace troupe::actors
