// SPDX-License-Identifier: Apache-2.0
#include "actors/worker/loaded_model.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "gpu/executor.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

using model::Error;
using model::ErrorCode;

/// FNV-1a over the shape of the file and the beginning of every tensor: tells models and numerics apart in
/// system_fingerprint. Not a checksum.
std::string fingerprint_of(const model::ModelFile& file, const config::Config& config) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&hash](const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      hash = (hash ^ static_cast<const unsigned char*>(data)[i]) * 0x100000001b3ULL;
    }
  };
  for (const auto& tensor : file.tensors()) {
    add(tensor.name.data(), tensor.name.size());
    add(&tensor.bytes, sizeof tensor.bytes);
    add(tensor.data, std::min<std::uint64_t>(tensor.bytes, 256));
  }
  add(config.model.dtype.data(), config.model.dtype.size());
  char text[20];
  std::snprintf(text, sizeof text, "fp_%012llx", static_cast<unsigned long long>(hash & 0xffffffffffffULL));
  return text;
}

/// How long a sequence may be: what was asked for, if the model and the pool allow it.
model::Result<std::uint32_t> model_length(const config::Config& config, const model::ModelConfig& shape,
                                          std::uint32_t blocks) {
  const std::uint64_t pool = std::uint64_t{blocks} * model::kTokensPerBlock;
  const std::uint32_t wanted = config.model.max_model_len;
  if (wanted > shape.max_position_embeddings) {
    return Error{ErrorCode::bad_config,
                 "model.max_model_len is " + std::to_string(wanted) + ", the model was made for " +
                     std::to_string(shape.max_position_embeddings) + " tokens",
                 "model.max_model_len"};
  }
  if (wanted > pool) {
    return Error{ErrorCode::bad_config,
                 "model.max_model_len is " + std::to_string(wanted) + " tokens, the KV pool holds " +
                     std::to_string(pool) + " (" + std::to_string(blocks) + " blocks of " +
                     std::to_string(model::kTokensPerBlock) + "); raise kv_cache.bytes or lower it",
                 "model.max_model_len"};
  }
  if (wanted > 0) return wanted;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(shape.max_position_embeddings, pool));
}

}  // namespace

model::Result<LoadedModel> open_model(const config::Config& config, std::int64_t now_unix_seconds) {
  LoadedModel loaded;
  auto file = model::open_gguf(config.model.path);
  if (!file) return file.error();
  loaded.file = *file;
  auto shape = model::read_model_config(*loaded.file);
  if (!shape) return shape.error();
  auto tokenizer = model::make_tokenizer(*loaded.file);
  if (!tokenizer) return tokenizer.error();
  auto chat_template = model::make_chat_template(*loaded.file);
  if (!chat_template) return chat_template.error();
  loaded.numerics = {config.model.dtype == "float32", config.model.cpu_isa, config.model.threads};
  auto op_set = gpu::choose_op_set(loaded.numerics);
  if (!op_set) return op_set.error();
  loaded.op_set = *op_set;
  const auto layout = model::kv_layout(*shape, loaded.op_set->kv_type());
  const std::uint64_t block_bytes = layout.block_bytes(shape->num_hidden_layers);
  loaded.kv_blocks =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(config.kv_cache.bytes / block_bytes, 1U << 24U));
  if (loaded.kv_blocks == 0) {
    return Error{ErrorCode::bad_config,
                 "kv_cache.bytes is " + std::to_string(config.kv_cache.bytes) + ", one block of " +
                     std::to_string(model::kTokensPerBlock) + " tokens takes " + std::to_string(block_bytes) +
                     " bytes",
                 "kv_cache.bytes"};
  }
  auto length = model_length(config, *shape, loaded.kv_blocks);
  if (!length) return length.error();
  auto served = std::make_shared<model::ServedModel>();
  served->config = std::move(*shape);
  served->name = !config.model.served_name.empty() ? config.model.served_name
                                                   : std::filesystem::path(config.model.path).stem().string();
  served->created = now_unix_seconds;
  served->max_model_len = *length;
  served->fingerprint = fingerprint_of(*loaded.file, config);
  served->tokenizer = std::move(*tokenizer);
  served->chat_template = std::move(*chat_template);
  loaded.served = std::move(served);
  return loaded;
}

model::Result<void> StageMemory::load() {
  const std::lock_guard lock(mutex_);
  if (!weights_) {
    const auto started = std::chrono::steady_clock::now();
    auto weights = gpu::load_weights(model_.file, model_.op_set, config_.model.threads, layers_);
    if (!weights) return weights.error();
    weights_ = std::move(*weights);
    telemetry::log(telemetry::Level::info, "stage", "weights are ready",
                   {{"layers", layers_.count()}, {"seconds", std::chrono::steady_clock::now() - started}});
  }
  if (!store_) {
    auto store = gpu::KvStore::create(weights_->kv_layout(), layers_.count(), model_.kv_blocks);
    if (!store) return store.error();
    store_ = std::move(*store);
  }
  return {};
}

model::Result<OpenedStage> StageMemory::open() {
  if (auto loaded = load(); !loaded) return loaded.error();
  gpu::ExecutorOptions options;
  options.threads = config_.model.threads;
  options.max_rows = config_.scheduler.max_num_batched_tokens;
  options.max_positions = model_.served->max_model_len;
  auto executor = gpu::make_executor(weights_, store_, options);
  if (!executor) return executor.error();
  // The store lives as long as this object: its address names its bytes.
  return OpenedStage{std::move(*executor), reinterpret_cast<std::uintptr_t>(store_.get())};
}

}  // namespace troupe::actors
