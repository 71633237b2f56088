// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "actors/stage/opened_stage.hpp"
#include "config/config.hpp"
#include "gpu/kv_store.hpp"
#include "gpu/stage_weights.hpp"
#include "model/served_model.hpp"

namespace troupe::actors {

/// A model file, opened and checked, before its weights are packed: what the ingress needs, and what the
/// stages will.
struct LoadedModel {
  std::shared_ptr<const model::ModelFile> file;
  std::shared_ptr<model::ServedModel> served;
  gpu::NumericsOptions numerics;
  std::shared_ptr<const gpu::OpSet> op_set;
  std::uint32_t kv_blocks = 0;
};

/// Opens the model that the configuration names. Errors: io, bad_file or bad_config with the remedy: nothing
/// is served.
model::Result<LoadedModel> open_model(const config::Config& config, std::int64_t now_unix_seconds);

/// The weights and KV bytes of one stage. Outlives the stage's actors: a restarted stage finds both where
/// they were.
class StageMemory {
 public:
  StageMemory(LoadedModel model, const config::Config& config, gpu::LayerRange layers)
      : model_(std::move(model)), config_(config), layers_(layers) {}
  /// Packs the weights and reserves the KV bytes, the first time. Errors: as load_weights and
  /// KvStore::create.
  model::Result<void> load();
  /// An executor on them. Errors: as load and make_executor. Threads: any.
  model::Result<OpenedStage> open();

 private:
  LoadedModel model_;
  config::Config config_;
  gpu::LayerRange layers_;
  std::mutex mutex_;
  std::shared_ptr<const gpu::StageWeights> weights_;
  std::shared_ptr<gpu::KvStore> store_;
};

}  // namespace troupe::actors
