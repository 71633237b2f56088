// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "actors/ingress/answer.hpp"
#include "actors/supervisor/replica_actor.hpp"
#include "net/http/server.hpp"

namespace troupe::actors {

/// What an operator asks a running server, on its own listener: GET /ps, /health, /health/live,
/// /health/ready, /metrics. Threads: any.
class AdminApi {
 public:
  /// `replica` gives null while the process is starting.
  AdminApi(std::shared_ptr<IngressPort> port, std::function<Replica*()> replica,
           std::function<std::string()> metrics)
      : port_(std::move(port)), replica_(std::move(replica)), metrics_(std::move(metrics)) {}
  void handle(const net::HttpRequest& request, net::HttpResponder& responder);

 private:
  std::string list() const;
  std::shared_ptr<IngressPort> port_;
  std::function<Replica*()> replica_;
  std::function<std::string()> metrics_;
};

}  // namespace troupe::actors
