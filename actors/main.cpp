// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "actors/commands/commands.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  return troupe::actors::run_command(arguments, std::cout, std::cerr);
}
