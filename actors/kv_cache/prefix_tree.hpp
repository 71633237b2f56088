// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/ids.hpp"

namespace troupe::actors {

/// Remembers which blocks hold the KV of which token prefixes. A node is a full block; its path from the root
/// is the exact token sequence before and in it (tokens are compared, not hashes of them: a collision would
/// hand one client another's context). Block and node are one to one.
///
/// Knows nothing of reference counts: the caller says which nodes are in use.
/// Threads: one caller at a time.
class PrefixTree {
 public:
  PrefixTree(std::uint32_t total_blocks, std::uint32_t tokens_per_block);

  /// The node after `parent` (nothing: the root) with exactly these tokens_per_block tokens.
  std::optional<model::BlockId> child(std::optional<model::BlockId> parent,
                                      std::span<const model::Token> tokens) const;
  /// The longest chain of nodes that is a prefix of `tokens`, at most `max_blocks` long.
  std::vector<model::BlockId> match(std::span<const model::Token> tokens, std::uint32_t max_blocks) const;
  /// Adds `block`, in use, after `parent`. The caller has seen that neither the block nor those tokens are
  /// there.
  void insert(std::optional<model::BlockId> parent, std::span<const model::Token> tokens,
              model::BlockId block);
  /// A sequence uses the node (it is no candidate for eviction), or none does any more.
  void set_in_use(model::BlockId block, bool in_use);
  /// The node that was idle longest among those without children, if `may_evict` allows it.
  std::optional<model::BlockId> oldest_idle_leaf(const std::function<bool(model::BlockId)>& may_evict) const;
  /// Removes a node without children.
  void remove(model::BlockId leaf);

  bool contains(model::BlockId block) const { return block < nodes_.size() && nodes_[block].present; }
  bool in_use(model::BlockId block) const { return nodes_[block].in_use; }
  bool is_leaf(model::BlockId block) const { return nodes_[block].children.empty(); }
  std::optional<model::BlockId> parent(model::BlockId block) const { return nodes_[block].parent; }
  std::uint32_t size() const { return size_; }
  std::vector<std::string> check() const;

 private:
  struct TokensLess {
    using is_transparent = void;
    bool operator()(std::span<const model::Token> a, std::span<const model::Token> b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };
  using Children = std::map<std::vector<model::Token>, model::BlockId, TokensLess>;
  struct Node {
    bool present = false;
    bool in_use = false;
    std::optional<model::BlockId> parent;
    Children children;
    Children::const_iterator self;  ///< its entry in the parent's children
    std::uint64_t last_used = 0;
  };
  const Children& children_of(std::optional<model::BlockId> parent) const;
  Children& children_of(std::optional<model::BlockId> parent);
  void update_candidate(model::BlockId block, bool was_candidate);
  bool is_candidate(const Node& node) const { return node.present && !node.in_use && node.children.empty(); }

  std::uint32_t tokens_per_block_;
  std::vector<Node> nodes_;  ///< by block id
  Children roots_;
  std::set<std::pair<std::uint64_t, model::BlockId>> candidates_;  ///< idle leaves by last use
  std::uint64_t clock_ = 0;                                        ///< counts uses; no wall clock
  std::uint32_t size_ = 0;
};

}  // namespace troupe::actors
