// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace troupe::config {

/// When a part that died is started again. Supervision is data.
struct RestartPolicy {
  std::chrono::milliseconds pause_min{
      10};  ///< before the first restart; doubles with each death in the window
  std::chrono::milliseconds pause_max{2'000};
  std::uint32_t attempts = 5;  ///< deaths within `window` before it is given up and escalated
  std::chrono::milliseconds window{30'000};
};

/// Every option of a server, validated. The one list behind it (names, units, bounds, meaning, restart scope,
/// secrecy) is config/schema.cpp; defaults here and there are the same by test.
struct Config {
  struct Server {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8080;
    std::string admin_host = "127.0.0.1";
    std::uint16_t admin_port = 8081;
    std::string data_dir = "troupe-data";  ///< audit log, generation counter, crash evidence
    std::uint32_t io_threads = 1;
    std::uint64_t max_body_bytes = 16U << 20U;
    std::uint32_t max_header_bytes = 16U << 10U;
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds body_timeout{60'000};
    std::chrono::milliseconds keep_alive_timeout{75'000};
    std::chrono::milliseconds write_timeout{30'000};
    std::uint32_t max_connections = 4096;
    std::chrono::milliseconds drain_timeout{60'000};  ///< SIGTERM: running answers may finish within it
    std::uint32_t json_depth = 64;
  } server;

  struct Model {
    std::string path;                 ///< --model
    std::string served_name;          ///< --served-model-name; empty: the file's name without its ending
    std::string dtype = "auto";       ///< auto | float32
    std::string cpu_isa = "auto";     ///< auto | amx | avx512 | avx2 | portable
    std::uint32_t threads = 0;        ///< 0: one per physical core
    std::uint32_t max_model_len = 0;  ///< 0: the model's own context, capped by the KV pool
  } model;

  struct Scheduler {
    std::uint32_t max_num_seqs = 64;                  ///< sequences in a step
    std::uint32_t max_num_batched_tokens = 512;       ///< rows in a step: the prefill chunk
    std::uint32_t max_waiting = 1024;                 ///< sequences that wait; one more is refused with 429
    std::uint32_t max_choices = 128;                  ///< prompts x n of one request
    std::chrono::milliseconds step_deadline{30'000};  ///< a step that takes longer is treated as a death
  } scheduler;

  struct KvCache {
    std::uint64_t bytes = 1ULL << 30U;  ///< KV pool of a replica's stage
    bool prefix_caching = true;
  } kv_cache;

  struct Audit {
    std::chrono::milliseconds group_commit{2};  ///< records that arrive within it share one fsync
    bool record_prompts = false;                ///< prompt text is never recorded unless asked for
  } audit;

  struct Log {
    std::string level = "info";   ///< trace | debug | info | warn | error
    std::string format = "text";  ///< text | json
  } log;

  struct Supervision {
    RestartPolicy worker;  ///< the process, restarted by the launcher
    RestartPolicy actor;   ///< every actor in it, restarted by the supervisor
  } supervision;
};

}  // namespace troupe::config
