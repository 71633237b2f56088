// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gpu/executor.hpp"

namespace troupe::gpu {

/// One sequence that a test asks for.
struct TestRequest {
  std::vector<model::Token> prompt;
  std::vector<model::Token> known;  ///< answer tokens of an earlier life, replayed with the prompt
  std::uint32_t new_tokens = 8;
  model::SamplingParams sampling;
  std::uint32_t arrival = 0;        ///< step in which it starts
  std::uint32_t cached_tokens = 0;  ///< positions whose KV lies in `cached_blocks`
  std::vector<model::BlockId> cached_blocks = {};
};

/// Everything that came back for a sequence, to the bit.
struct TestAnswer {
  std::vector<model::ScoredToken> tokens;
  std::vector<model::ScoredToken> prompt_scores;  ///< from position 1
  std::vector<model::BlockId> blocks;             ///< its block table at the end
  std::vector<model::Token> ids() const;
};

/// How the steps are made.
struct DriverOptions {
  std::uint32_t chunk = 512;  ///< rows of a prompt in one step
  std::uint32_t threads = 1;
  std::uint32_t blocks = 1024;
  bool poison = true;  ///< all free blocks hold NaN before they are leased
};

/// A scheduler in miniature over one or more stages in a row: grants blocks as sequences grow, in scattered
/// order; prefills in chunks while others decode. Throws, so that the test fails, on any Error.
class StepDriver {
 public:
  StepDriver(const std::vector<std::shared_ptr<const StageWeights>>& stages, const DriverOptions& options);

  /// Runs all requests to their end in shared steps. Blocks stay leased: later runs may name them as cached.
  std::vector<TestAnswer> run(const std::vector<TestRequest>& requests);

 private:
  struct Running;
  model::StepResult step(const model::StepPlan& plan);
  void plan_rows(Running& sequence, std::uint32_t slot, model::StepPlan& plan);
  void lease(Running& sequence, std::uint32_t positions, std::vector<model::BlockId>& out);

  DriverOptions options_;
  std::vector<std::unique_ptr<StageExecutor>> stages_;
  std::vector<model::BlockId> free_;
  model::StepNumber step_ = 0;
};

}  // namespace troupe::gpu
