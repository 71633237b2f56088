// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "actors/ingress/open_requests.hpp"
#include "actors/supervisor/replica_actor.hpp"
#include "net/http/server.hpp"
#include "telemetry/server_metrics.hpp"

/// Where what the actors see becomes what operators see.
namespace troupe::actors {

IngressObserver observe_ingress(telemetry::ServerMetrics& metrics);
ReplicaObserver observe_replica(telemetry::ServerMetrics& metrics);
/// A handler that counts every answer by route and status.
net::HttpHandler count_responses(telemetry::ServerMetrics& metrics, net::HttpHandler handler);

}  // namespace troupe::actors
