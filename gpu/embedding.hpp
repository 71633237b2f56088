// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>

#include "gpu/team.hpp"
#include "model/ids.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::gpu {

/// The token embedding, expanded from the mapped file row by row: the same float32 values on every op set.
///
/// Threads: any; immutable.
class Embedding {
 public:
  /// table: [vocab_size, hidden_size]
  Embedding(std::shared_ptr<const model::ModelFile> file, model::TensorView table)
      : file_(std::move(file)), table_(std::move(table)) {}

  /// x: [tokens.size(), hidden_size]. Tokens are within the vocabulary.
  void look_up(std::span<const model::Token> tokens, float* x, Team& team) const {
    team.run(static_cast<std::uint32_t>(tokens.size()), [&](std::uint32_t row, std::uint32_t) {
      const auto token = static_cast<std::uint64_t>(tokens[row]);
      model::dequantize(table_.type, table_.data + token * table_.row_bytes(), table_.columns(),
                        x + row * table_.columns());
    });
  }

 private:
  std::shared_ptr<const model::ModelFile> file_;  // keeps the mapping alive
  model::TensorView table_;
};

}  // namespace troupe::gpu
