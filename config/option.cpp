// SPDX-License-Identifier: Apache-2.0
#include "config/option.hpp"

namespace troupe::config {

std::string_view to_string(Part part) {
  switch (part) {
    case Part::server:
      return "server";
    case Part::supervisor:
      return "supervisor";
    case Part::ingress:
      return "ingress";
    case Part::scheduler:
      return "scheduler";
    case Part::kv_cache:
      return "kv_cache";
    case Part::stage:
      return "stage";
    case Part::audit:
      return "audit";
  }
  return "server";
}

std::string Option::environment() const {
  std::string variable(kEnvironmentPrefix);
  for (const char letter : name) {
    const bool lower = letter >= 'a' && letter <= 'z';
    variable += letter == '.' ? '_' : lower ? static_cast<char>(letter - 'a' + 'A') : letter;
  }
  return variable;
}

}  // namespace troupe::config
