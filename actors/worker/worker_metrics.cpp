// SPDX-License-Identifier: Apache-2.0
#include "actors/worker/worker_metrics.hpp"

#include <array>
#include <chrono>
#include <string>
#include <utility>

namespace troupe::actors {
namespace {

double seconds(std::chrono::nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

/// vLLM's words.
const char* finished_reason(model::FinishReason reason) {
  switch (reason) {
    case model::FinishReason::stop:
      return "stop";
    case model::FinishReason::length:
      return "length";
    case model::FinishReason::cancelled:
      return "abort";
    case model::FinishReason::error:
      return "error";
  }
  return "error";
}

/// The route as a pattern of ours: a label must never be what a client sent.
std::string route_of(const std::string& path) {
  static constexpr std::array kRoutes = {"/v1/chat/completions",
                                         "/v1/completions",
                                         "/v1/models",
                                         "/health",
                                         "/health/live",
                                         "/health/ready",
                                         "/metrics",
                                         "/version",
                                         "/tokenize",
                                         "/detokenize",
                                         "/ps"};
  for (const char* route : kRoutes) {
    if (path == route) return route;
  }
  return path.rfind("/v1/models/", 0) == 0 ? "/v1/models/{id}" : "other";
}

class CountingResponder : public net::HttpResponder {
 public:
  CountingResponder(telemetry::ServerMetrics& metrics, std::string route,
                    std::shared_ptr<net::HttpResponder> inner)
      : metrics_(metrics), route_(std::move(route)), inner_(std::move(inner)) {}
  void respond(int status, std::string_view content_type, std::string body,
               std::vector<net::HttpHeader> extra) override {
    count(status);
    inner_->respond(status, content_type, std::move(body), std::move(extra));
  }
  void begin_stream(int status, std::string_view content_type, std::vector<net::HttpHeader> extra) override {
    count(status);
    inner_->begin_stream(status, content_type, std::move(extra));
  }
  void write(std::string bytes) override { inner_->write(std::move(bytes)); }
  void finish() override { inner_->finish(); }
  void on_disconnect(std::function<void()> callback) override { inner_->on_disconnect(std::move(callback)); }

 private:
  void count(int status) { metrics_.http_responses.with({route_, std::to_string(status)}).add(); }
  telemetry::ServerMetrics& metrics_;
  std::string route_;
  std::shared_ptr<net::HttpResponder> inner_;
};

}  // namespace

IngressObserver observe_ingress(telemetry::ServerMetrics& m) {
  IngressObserver observer;
  observer.tokens = [&m](std::uint32_t n) { m.generation_tokens.add(n); };
  observer.first_token = [&m](std::chrono::nanoseconds t) { m.time_to_first_token.observe(seconds(t)); };
  observer.token_gap = [&m](std::chrono::nanoseconds t) { m.observe_inter_token(seconds(t)); };
  observer.ended = [&m](const RequestOutcome& outcome) {
    for (const auto reason : outcome.reasons) m.request_success.with({finished_reason(reason)}).add();
    m.prompt_tokens.add(outcome.prompt_tokens);
    m.request_prompt_tokens.observe(outcome.prompt_tokens);
    m.request_generation_tokens.observe(outcome.answer_tokens);
    m.request_latency.observe(seconds(outcome.duration));
  };
  return observer;
}

ReplicaObserver observe_replica(telemetry::ServerMetrics& m) {
  ReplicaObserver observer;
  observer.load = [&m, last = std::uint64_t{0}](const SchedulerLoad& load) mutable {
    m.requests_running.set(load.running);
    m.requests_waiting.set(load.waiting);
    if (load.preemptions > last) m.preemptions.add(load.preemptions - last);
    last = load.preemptions;
  };
  observer.admitted = [&m](std::chrono::nanoseconds waited) { m.queue_time.observe(seconds(waited)); };
  observer.plan = [&m](std::uint32_t rows) { m.rows_per_step.observe(rows); };
  observer.step = [&m](std::uint64_t microseconds) {
    m.steps.add();
    m.step_seconds.observe(static_cast<double>(microseconds) * 1e-6);
  };
  observer.kv = [&m, queries = std::uint64_t{0}, hits = std::uint64_t{0}](const KvCacheStats& kv) mutable {
    m.kv_blocks.with({"free"}).set(kv.free);
    m.kv_blocks.with({"leased"}).set(kv.leased);
    m.kv_blocks.with({"idle"}).set(kv.idle);
    m.kv_blocks.with({"quarantined"}).set(kv.quarantined);
    m.kv_cache_usage.set(kv.total == 0 ? 0.0 : static_cast<double>(kv.leased) / kv.total);
    if (kv.query_tokens > queries) m.prefix_cache_queries.add(kv.query_tokens - queries);
    if (kv.hit_tokens > hits) m.prefix_cache_hits.add(kv.hit_tokens - hits);
    queries = kv.query_tokens;
    hits = kv.hit_tokens;
  };
  observer.audit = [&m](std::uint64_t records, std::chrono::nanoseconds fsync) {
    m.audit_records.add(records);
    m.audit_fsync_seconds.observe(seconds(fsync));
  };
  observer.restart = [&m](const std::string& actor, Generation generation) {
    m.actor_restarts.with({actor}).add();
    m.generation.set(static_cast<double>(generation));
  };
  return observer;
}

net::HttpHandler count_responses(telemetry::ServerMetrics& metrics, net::HttpHandler handler) {
  return [&metrics, handler = std::move(handler)](net::HttpRequest request,
                                                  std::shared_ptr<net::HttpResponder> responder) {
    auto counting =
        std::make_shared<CountingResponder>(metrics, route_of(request.path), std::move(responder));
    handler(std::move(request), std::move(counting));
  };
}

}  // namespace troupe::actors
