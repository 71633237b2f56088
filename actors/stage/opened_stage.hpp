// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "gpu/stage_executor.hpp"
#include "model/error.hpp"

namespace troupe::actors {

/// What a stage's executor works on; a restarted stage opens it again and finds the weights, and maybe the KV
/// bytes, where they were.
struct OpenedStage {
  std::unique_ptr<gpu::StageExecutor> executor;
  std::uint64_t store = 0;  ///< names the KV bytes
};

/// Called on the compute side; may take long.
using OpenStage = std::function<model::Result<OpenedStage>()>;

}  // namespace troupe::actors
