// SPDX-License-Identifier: Apache-2.0
#include "telemetry/server_metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe::telemetry {
namespace {

using testing::HasSubstr;

const ServerIdentity kServer = {.version = "0.1.0", .model_name = "tiny", .engine = 0, .max_model_len = 2048};

TEST(ServerMetrics, UseTheNamesAndLabelsOfVllmFromTheStart) {
  Registry registry;
  const ServerMetrics metrics(registry, kServer);
  const std::string text = registry.prometheus_text();
  const std::string labels = "{engine=\"0\",model_name=\"tiny\"} 0\n";
  for (const char* name :
       {"num_requests_running", "num_requests_waiting", "kv_cache_usage_perc", "prompt_tokens_total",
        "generation_tokens_total", "num_preemptions_total", "prefix_cache_queries_total",
        "prefix_cache_hits_total", "time_to_first_token_seconds_count", "time_per_output_token_seconds_count",
        "inter_token_latency_seconds_count", "e2e_request_latency_seconds_count",
        "request_queue_time_seconds_count", "request_prompt_tokens_count",
        "request_generation_tokens_count"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\nvllm:") + name + labels));
  }
  for (const char* reason : {"stop", "length", "abort", "error"}) {
    EXPECT_THAT(text,
                HasSubstr("vllm:request_success_total{engine=\"0\",model_name=\"tiny\",finished_reason=\"" +
                          std::string(reason) + "\"} 0\n"));
  }
}

TEST(ServerMetrics, DeclareTheTypesOfVllm) {
  Registry registry;
  const ServerMetrics metrics(registry, kServer);
  const std::string text = registry.prometheus_text();
  for (const char* type : {"num_requests_running gauge", "num_requests_waiting gauge",
                           "kv_cache_usage_perc gauge", "prompt_tokens_total counter",
                           "request_success_total counter", "time_to_first_token_seconds histogram"}) {
    EXPECT_THAT(text, HasSubstr(std::string("# TYPE vllm:") + type + "\n"));
  }
}

TEST(ServerMetrics, UseTheBucketEdgesOfVllm) {
  Registry registry;
  const ServerMetrics metrics(registry, kServer);
  const std::string text = registry.prometheus_text();
  const auto edges = [&](const std::string& name) {
    std::string found;
    const std::string start = "vllm:" + name + "_bucket{engine=\"0\",model_name=\"tiny\",le=\"";
    for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
      const std::size_t from = at + start.size();
      found += text.substr(from, text.find('"', from) - from) + ' ';
    }
    return found;
  };
  EXPECT_EQ(
      edges("time_to_first_token_seconds"),
      "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560 +Inf ");
  EXPECT_EQ(edges("time_per_output_token_seconds"),
            "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80 +Inf ");
  EXPECT_EQ(edges("inter_token_latency_seconds"), edges("time_per_output_token_seconds"));
  EXPECT_EQ(edges("e2e_request_latency_seconds"),
            "0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680 +Inf ");
  EXPECT_EQ(edges("request_prompt_tokens"), "1 2 5 10 20 50 100 200 500 1000 2000 +Inf ");
}

TEST(ServerMetrics, CountWhereTheyAreTold) {
  Registry registry;
  ServerMetrics metrics(registry, kServer);
  metrics.requests_running.set(3);
  metrics.request_success.with({"stop"}).add();
  metrics.observe_inter_token(0.02, 64);
  metrics.actor_restarts.with({"stage/0"}).add();
  metrics.http_responses.with({"/v1/chat/completions", "200"}).add();
  metrics.kv_blocks.with({"free"}).set(7);
  const std::string text = registry.prometheus_text();
  EXPECT_THAT(text, HasSubstr("vllm:num_requests_running{engine=\"0\",model_name=\"tiny\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("finished_reason=\"stop\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:inter_token_latency_seconds_count{engine=\"0\",model_name=\"tiny\"} 64\n"));
  EXPECT_THAT(text,
              HasSubstr("vllm:time_per_output_token_seconds_sum{engine=\"0\",model_name=\"tiny\"} 1.28\n"));
  EXPECT_THAT(text, HasSubstr("troupe_actor_restarts_total{actor=\"stage/0\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("troupe_http_responses_total{route=\"/v1/chat/completions\",code=\"200\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("troupe_kv_blocks{state=\"free\"} 7\n"));
}

TEST(ServerMetrics, SayWhichVersionRuns) {
  Registry registry;
  const ServerMetrics metrics(registry, kServer);
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("troupe_build_info{version=\"0.1.0\"} 1\n"));
}

TEST(ServerMetrics, KeepTwoEnginesApart) {
  Registry registry;
  ServerIdentity second = kServer;
  second.engine = 1;
  ServerMetrics first(registry, kServer);
  ServerMetrics other(registry, second);
  other.prompt_tokens.add(5);
  EXPECT_EQ(first.prompt_tokens.value(), 0U);
  EXPECT_THAT(registry.prometheus_text(),
              HasSubstr("vllm:prompt_tokens_total{engine=\"1\",model_name=\"tiny\"} 5\n"));
}

}  // namespace
}  // namespace troupe::telemetry
