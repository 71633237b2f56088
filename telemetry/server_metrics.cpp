// SPDX-License-Identifier: Apache-2.0
#include "telemetry/server_metrics.hpp"

#include <vector>

namespace troupe::telemetry {
namespace {

using Edges = std::vector<double>;

Edges first_token_edges() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,  0.25, 0.5,   0.75,
          1.0,   2.5,   5.0,  7.5,  10.0, 20.0, 40.0, 80.0, 160., 640.0, 2560.0};
}

Edges inter_token_edges() {
  return {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2,  0.3,  0.4, 0.5,
          0.75, 1.0,   2.5,  5.0,   7.5, 10.0, 20.0, 40.0, 80.0};
}

Edges request_edges() {
  return {0.3,  0.5,  0.8,  1.0,  1.5,   2.0,   2.5,   5.0,   10.0,   15.0,  20.0,
          30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0};
}

/// A small model's step takes 2 to 10 ms, a large one's prefill a second.
Edges step_edges() {
  return {0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03,
          0.05,   0.075, 0.1,   0.15,  0.2,   0.3,   0.5,    1.0,  2.0,   5.0,  30.0};
}

Edges fsync_edges() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0};
}

Labels vllm_labels(const ServerIdentity& identity) {
  return {{"engine", std::to_string(identity.engine)}, {"model_name", identity.model_name}};
}

}  // namespace

ServerMetrics::ServerMetrics(Registry& registry, const ServerIdentity& identity)
    : requests_running(registry.gauge("vllm:num_requests_running",
                                      "Sequences in the batch of the current step.", vllm_labels(identity))),
      requests_waiting(registry.gauge("vllm:num_requests_waiting",
                                      "Sequences that wait for a place in a step.", vllm_labels(identity))),
      kv_cache_usage(registry.gauge("vllm:kv_cache_usage_perc", "Share of the KV blocks in use; 1 means all.",
                                    vllm_labels(identity))),
      prompt_tokens(
          registry.counter("vllm:prompt_tokens_total", "Prompt tokens processed.", vllm_labels(identity))),
      generation_tokens(
          registry.counter("vllm:generation_tokens_total", "Tokens generated.", vllm_labels(identity))),
      preemptions(registry.counter("vllm:num_preemptions_total",
                                   "Times a running sequence gave up its KV blocks to an older one.",
                                   vllm_labels(identity))),
      prefix_cache_queries(registry.counter("vllm:prefix_cache_queries_total",
                                            "Prompt tokens looked up in the prefix cache.",
                                            vllm_labels(identity))),
      prefix_cache_hits(registry.counter("vllm:prefix_cache_hits_total",
                                         "Prompt tokens found in the prefix cache.", vllm_labels(identity))),
      request_success(registry.counters("vllm:request_success_total",
                                        "Sequences that ended, by what ended them.", {"finished_reason"},
                                        vllm_labels(identity))),
      time_to_first_token(registry.histogram("vllm:time_to_first_token_seconds",
                                             "Time from a request's arrival to its first token.",
                                             first_token_edges(), vllm_labels(identity))),
      request_latency(registry.histogram("vllm:e2e_request_latency_seconds",
                                         "Time from a request's arrival to its end.", request_edges(),
                                         vllm_labels(identity))),
      queue_time(registry.histogram("vllm:request_queue_time_seconds",
                                    "Time a request spent waiting for a place.", request_edges(),
                                    vllm_labels(identity))),
      request_prompt_tokens(registry.histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.",
                                               edges_1_2_5(identity.max_model_len), vllm_labels(identity))),
      request_generation_tokens(
          registry.histogram("vllm:request_generation_tokens", "Tokens generated for a request.",
                             edges_1_2_5(identity.max_model_len), vllm_labels(identity))),
      actor_restarts(registry.counters("troupe_actor_restarts_total", "Restarts of an actor.", {"actor"})),
      generation(
          registry.gauge("troupe_generation", "The replica's generation: one more with each change of it.")),
      step_seconds(
          registry.histogram("troupe_step_seconds", "Time from a step's plan to its tokens.", step_edges())),
      steps(registry.counter("troupe_steps_total", "Steps executed.")),
      rows_per_step(
          registry.histogram("troupe_rows_per_step", "Tokens computed in a step.", edges_1_2_5(65'536))),
      kv_blocks(registry.gauges("troupe_kv_blocks", "KV blocks by state.", {"state"})),
      audit_records(registry.counter("troupe_audit_records_total", "Audit records written.")),
      audit_fsync_seconds(registry.histogram(
          "troupe_audit_fsync_seconds", "Time until a group of audit records was on disk.", fsync_edges())),
      http_responses(
          registry.counters("troupe_http_responses_total", "HTTP responses sent.", {"route", "code"})),
      time_per_output_token_(registry.histogram("vllm:time_per_output_token_seconds",
                                                "Time between two tokens of a sequence.", inter_token_edges(),
                                                vllm_labels(identity))),
      inter_token_latency_(registry.histogram("vllm:inter_token_latency_seconds",
                                              "Time between two tokens of a sequence.", inter_token_edges(),
                                              vllm_labels(identity))) {
  for (const char* reason : {"stop", "length", "abort", "error"}) request_success.with({reason});
  for (const char* state : {"free", "leased", "idle", "quarantined"}) kv_blocks.with({state});
  registry.gauges("troupe_build_info", "1, with the version as a label.", {"version"})
      .with({identity.version})
      .set(1);
}

void ServerMetrics::observe_inter_token(double seconds, std::uint64_t times) noexcept {
  time_per_output_token_.observe(seconds, times);
  inter_token_latency_.observe(seconds, times);
}

}  // namespace troupe::telemetry
