// SPDX-License-Identifier: Apache-2.0
#include "model/weights/model_file.hpp"

namespace troupe::model {

const char* to_string(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return "F32";
    case TensorType::f16:
      return "F16";
    case TensorType::bf16:
      return "BF16";
    case TensorType::q4_0:
      return "Q4_0";
    case TensorType::q4_1:
      return "Q4_1";
    case TensorType::q8_0:
      return "Q8_0";
    case TensorType::q4_k:
      return "Q4_K";
    case TensorType::q6_k:
      return "Q6_K";
  }
  return "unknown";
}

std::uint32_t block_weights(TensorType type) {
  switch (type) {
    case TensorType::f32:
    case TensorType::f16:
    case TensorType::bf16:
      return 1;
    case TensorType::q4_0:
    case TensorType::q4_1:
    case TensorType::q8_0:
      return 32;
    case TensorType::q4_k:
    case TensorType::q6_k:
      return 256;
  }
  return 1;
}

std::uint32_t block_bytes(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return 4;
    case TensorType::f16:
      return 2;
    case TensorType::bf16:
      return 2;
    case TensorType::q4_0:
      return 2 + 16;
    case TensorType::q4_1:
      return 2 + 2 + 16;
    case TensorType::q8_0:
      return 2 + 32;
    case TensorType::q4_k:
      return 2 + 2 + 12 + 128;
    case TensorType::q6_k:
      return 128 + 64 + 16 + 2;
  }
  return 4;
}

}  // namespace troupe::model
