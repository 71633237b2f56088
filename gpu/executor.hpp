// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "gpu/kv_store.hpp"
#include "gpu/stage_executor.hpp"
#include "gpu/stage_weights.hpp"

namespace troupe::gpu {

/// What one executor's memory and threads are sized by.
struct ExecutorOptions {
  std::uint32_t threads = 0;        ///< 0: one per physical core
  std::uint32_t max_rows = 2048;    ///< rows of a step; a larger step is an Error
  std::uint32_t max_positions = 0;  ///< tokens of a sequence; 0: what the model can hold
};

/// An executor of the weights' layers over a store that was made for them (StageWeights::kv_layout,
/// LayerRange). Errors: bad_config when the store is of another shape, or max_positions exceeds the model's.
model::Result<std::unique_ptr<StageExecutor>> make_executor(std::shared_ptr<const StageWeights> weights,
                                                            std::shared_ptr<KvStore> store,
                                                            const ExecutorOptions& options);

}  // namespace troupe::gpu
