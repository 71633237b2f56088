// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.hpp"
#include "model/sampling.hpp"

namespace troupe::model {

/// One prompt to continue, as tokens. A client's request is a list of these (several prompts, or n > 1).
struct Prompt {
  std::vector<Token> tokens;
  bool operator==(const Prompt&) const = default;
};

/// A request as the ingress remembers it: everything that decides its answer. Choice c continues
/// prompts[c / n] with seed `sampling.seed + c % n`.
struct Request {
  RequestId id;
  std::string client_request_id;  ///< X-Request-Id: the client's, or ours in hex
  std::string tenant;             ///< empty until tenants exist
  std::vector<Prompt> prompts;
  std::uint32_t n = 1;
  SamplingParams sampling;
  StopParams stop;
  std::uint32_t choices() const { return static_cast<std::uint32_t>(prompts.size()) * n; }
  bool operator==(const Request&) const = default;
};

}  // namespace troupe::model
