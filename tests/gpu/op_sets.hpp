// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gpu/cpu/cpu_op_set.hpp"
#include "gpu/reference/reference_op_set.hpp"
#include "gpu/stage_weights.hpp"
#include "model/weights/model_file.hpp"

namespace troupe::gpu {

/// "reference", or "cpu" with an instruction set: "cpu/auto", "cpu/avx2". Null when this machine lacks it.
inline std::shared_ptr<const OpSet> op_set_named(const std::string& name) {
  if (name == "reference") return make_reference_op_set();
  auto cpu = make_cpu_op_set(name.substr(name.find('/') + 1));
  return cpu ? *std::move(cpu) : nullptr;
}

/// The op sets that every law is tested on.
inline std::vector<std::string> op_set_names() {
  return {"reference", "cpu/auto"};
}

/// All layers of a file. Throws, so that the test fails, on an error.
inline std::shared_ptr<const StageWeights> weights_of(const std::shared_ptr<const model::ModelFile>& file,
                                                      const std::string& op_set) {
  const auto config = model::read_model_config(*file);
  if (!config) throw std::runtime_error(config.error().message);
  auto weights = load_weights(file, op_set_named(op_set), 1, {0, config->num_hidden_layers});
  if (!weights) throw std::runtime_error(weights.error().message);
  return *std::move(weights);
}

/// The demo model. Throws when it is not there.
inline std::shared_ptr<const model::ModelFile> demo_model_file() {
  const char* path = std::getenv("TROUPE_TEST_MODEL");
  auto opened = model::open_gguf(path != nullptr ? path : ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
  if (!opened) throw std::runtime_error(opened.error().message + "; set TROUPE_TEST_MODEL");
  return *std::move(opened);
}

/// A test's parameter as a test's name.
inline std::string as_test_name(std::string text) {
  for (char& c : text) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return text;
}

}  // namespace troupe::gpu
