// SPDX-License-Identifier: Apache-2.0
#include "gpu/stage_weights.hpp"

#include "gpu/architectures/llama.hpp"
#include "gpu/cpu/cpu_op_set.hpp"
#include "gpu/reference/reference_op_set.hpp"
#include "gpu/team.hpp"

namespace troupe::gpu {

model::Result<std::shared_ptr<const OpSet>> choose_op_set(const NumericsOptions& numerics) {
  if (numerics.float32) return make_reference_op_set();
  return make_cpu_op_set(numerics.isa);
}

model::Result<std::shared_ptr<const StageWeights>> load_weights(
    const std::shared_ptr<const model::ModelFile>& file, const NumericsOptions& numerics, LayerRange layers) {
  auto op_set = choose_op_set(numerics);
  if (!op_set) return op_set.error();
  return load_weights(file, *std::move(op_set), numerics.threads, layers);
}

model::Result<std::shared_ptr<const StageWeights>> load_weights(
    const std::shared_ptr<const model::ModelFile>& file, std::shared_ptr<const OpSet> op_set,
    std::uint32_t threads, LayerRange layers) {
  auto config = model::read_model_config(*file);
  if (!config) return config.error();
  if (layers.first >= layers.last || layers.last > config->num_hidden_layers) {
    return model::Error{model::ErrorCode::bad_config,
                        "layers [" + std::to_string(layers.first) + ", " + std::to_string(layers.last) +
                            ") are not a part of a model of " + std::to_string(config->num_hidden_layers),
                        ""};
  }
  Team team(threads);
  // read_model_config accepts no other architecture.
  return load_llama(file, *std::move(config), layers, std::move(op_set), team);
}

}  // namespace troupe::gpu
