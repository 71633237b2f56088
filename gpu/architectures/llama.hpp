// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "gpu/stage_weights.hpp"

namespace troupe::gpu {

/// Llama: pre-norm decoder layers of grouped-query attention with rotary positions, and a SwiGLU
/// feed-forward. Source: Touvron et al. 2023, LLaMA; Llama 3's grouped queries. Errors: bad_file naming a
/// tensor that is missing or whose shape is not the config's.
model::Result<std::shared_ptr<const StageWeights>> load_llama(
    const std::shared_ptr<const model::ModelFile>& file, model::ModelConfig config, LayerRange layers,
    std::shared_ptr<const OpSet> op_set, Team& team);

}  // namespace troupe::gpu
