// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tests/tidy/source_tree.hpp"

namespace troupe::tidy {

/// Where sources break the rules of who may include whom:
///   config <- telemetry <- model <- {net, gpu} <- actors, and tests may include all of them;
///   CAF is named only in actors/: *_actor.*, protocol.hpp, messages.hpp, main.cpp;
///   Boost, UCX and gRPC only in net/, CUDA and NCCL only in gpu/, toml++ only in config/load.cpp;
///   none of these in a header (or what it includes) that another folder includes;
///   our own headers are included by their path from the repository root.
std::vector<Violation> check_includes(const std::vector<SourceFile>& files);

}  // namespace troupe::tidy
