// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "model/weights/model_file.hpp"

namespace troupe::model {

/// The demo model, opened once. Throws, so that the test fails, when it is not there.
inline const ModelFile& demo_model() {
  static const std::shared_ptr<const ModelFile> file = [] {
    const char* path = std::getenv("TROUPE_TEST_MODEL");
    auto opened = open_gguf(path != nullptr ? path : ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
    if (!opened) {
      throw std::runtime_error(opened.error().message + " (" + opened.error().param +
                               "); set TROUPE_TEST_MODEL");
    }
    return *std::move(opened);
  }();
  return *file;
}

}  // namespace troupe::model
