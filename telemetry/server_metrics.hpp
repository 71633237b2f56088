// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "telemetry/metrics.hpp"

namespace troupe::telemetry {

/// What a server says of itself: names, labels and bucket edges.
struct ServerIdentity {
  std::string version;              ///< of Troupe
  std::string model_name;           ///< as clients name it
  std::uint32_t engine = 0;         ///< the replica's index
  std::uint64_t max_model_len = 0;  ///< tokens; the largest edge of token counts
};

/// The metrics of a server, made once and shared by reference. The first group has vLLM's names, labels and
/// bucket edges exactly, so that routers, autoscalers and dashboards made for it work unchanged; the second
/// is our own. All series exist from the start, at zero. Threads: any. Source: vLLM,
/// vllm/v1/metrics/loggers.py.
struct ServerMetrics {
  /// `registry` must outlive it.
  ServerMetrics(Registry& registry, const ServerIdentity& identity);

  Gauge& requests_running;  ///< sequences in the batch
  Gauge& requests_waiting;
  Gauge& kv_cache_usage;  ///< share of the KV blocks in use, 0 to 1
  Counter& prompt_tokens;
  Counter& generation_tokens;
  Counter& preemptions;
  Counter& prefix_cache_queries;    ///< tokens looked up
  Counter& prefix_cache_hits;       ///< tokens found
  Family<Counter> request_success;  ///< {finished_reason}: stop, length, abort, error
  Histogram& time_to_first_token;   ///< seconds
  Histogram& request_latency;       ///< seconds, from arrival to the last event
  Histogram& queue_time;            ///< seconds in the waiting queue
  Histogram& request_prompt_tokens;
  Histogram& request_generation_tokens;

  /// Seconds between two tokens of a sequence, `times` over: one step gives one to each running sequence. It
  /// goes by two names, the one that dashboards were made for and the one that followed it.
  void observe_inter_token(double seconds, std::uint64_t times = 1) noexcept;

  Family<Counter> actor_restarts;  ///< {actor}: "scheduler", "stage/0"
  Gauge& generation;
  Histogram& step_seconds;
  Counter& steps;
  Histogram& rows_per_step;  ///< tokens computed in a step
  Family<Gauge> kv_blocks;   ///< {state}: free, leased, idle, quarantined
  Counter& audit_records;
  Histogram& audit_fsync_seconds;
  Family<Counter>
      http_responses;  ///< {route, code}; a route is a pattern of ours, never what the client sent

 private:
  Histogram& time_per_output_token_;
  Histogram& inter_token_latency_;
};

}  // namespace troupe::telemetry
