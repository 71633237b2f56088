// SPDX-License-Identifier: Apache-2.0
// write_tiny_gguf TYPE tied|untied PATH: the file of tiny_gguf.hpp, for tests that are not C++. TYPE: as in
// Q4_1.

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "tests/support/tiny_gguf.hpp"

namespace {

using troupe::model::TensorType;

constexpr TensorType kTypes[] = {TensorType::f32,  TensorType::f16,  TensorType::bf16, TensorType::q4_0,
                                 TensorType::q4_1, TensorType::q8_0, TensorType::q4_k, TensorType::q6_k};

int run(const std::vector<std::string>& arguments) {
  for (const TensorType type : kTypes) {
    if (arguments.size() != 3 || arguments[0] != troupe::model::to_string(type)) continue;
    auto tiny = troupe::tests::tiny_gguf_of(type);
    tiny.tied = arguments[1] == "tied";
    troupe::tests::write_tiny_gguf(tiny, arguments[2]);
    return 0;
  }
  std::cerr << "usage: write_tiny_gguf TYPE tied|untied PATH\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "write_tiny_gguf: " << error.what() << "\n";
    return 1;
  }
}
