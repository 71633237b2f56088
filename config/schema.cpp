// SPDX-License-Identifier: Apache-2.0
#include "config/schema.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace troupe::config {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;
constexpr std::uint64_t kTiB = 1024 * kGiB;
constexpr std::uint64_t kSecond = 1000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

Domain integer(std::uint64_t min, std::uint64_t max, std::string_view unit) {
  return {.kind = Kind::integer, .min = min, .max = max, .unit = unit, .choices = {}};
}
Domain bytes(std::uint64_t min, std::uint64_t max) {
  return {.kind = Kind::bytes, .min = min, .max = max, .unit = "bytes", .choices = {}};
}
Domain duration(std::uint64_t min, std::uint64_t max) {
  return {.kind = Kind::duration, .min = min, .max = max, .unit = "milliseconds", .choices = {}};
}
Domain text(std::uint64_t min, std::uint64_t max) {
  return {.kind = Kind::text, .min = min, .max = max, .unit = "bytes", .choices = {}};
}
Domain choice(std::vector<std::string_view> choices) {
  return {.kind = Kind::choice, .min = 0, .max = 0, .unit = "", .choices = std::move(choices)};
}
Domain boolean() {
  return {.kind = Kind::boolean, .min = 0, .max = 1, .unit = "", .choices = {}};
}

template <auto Member, auto... Rest>
auto& field_of(auto& object) {
  if constexpr (sizeof...(Rest) == 0) {
    return object.*Member;
  } else {
    return field_of<Rest...>(object.*Member);
  }
}

template <auto... Members>
Value get_field(const Config& config) {
  const auto& field = field_of<Members...>(config);
  using Field = std::remove_cvref_t<decltype(field)>;
  if constexpr (std::is_same_v<Field, milliseconds>) {
    return static_cast<std::uint64_t>(field.count());
  } else if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
    return std::uint64_t{field};
  } else {
    return field;
  }
}

template <auto... Members>
void set_field(Config& config, const Value& value) {
  auto& field = field_of<Members...>(config);
  using Field = std::remove_cvref_t<decltype(field)>;
  if constexpr (std::is_same_v<Field, milliseconds>) {
    field = milliseconds(std::get<std::uint64_t>(value));
  } else if constexpr (std::is_integral_v<Field> && !std::is_same_v<Field, bool>) {
    field = static_cast<Field>(std::get<std::uint64_t>(value));
  } else {
    field = std::get<Field>(value);
  }
}

/// One option, bound to the field that the member pointers lead to.
template <auto... Members>
Option option(std::string_view name, std::string_view flag, const Domain& domain,
              const std::vector<Part>& restarts, std::string_view meaning) {
  return {.name = name,
          .flag = flag,
          .domain = domain,
          .meaning = meaning,
          .restarts = restarts,
          .secret = false,
          .get = &get_field<Members...>,
          .set = &set_field<Members...>};
}

void append(std::vector<Option>& list, std::vector<Option> section) {
  std::move(section.begin(), section.end(), std::back_inserter(list));
}

std::vector<Option> server_options() {
  using C = Config;
  using S = Config::Server;
  using enum Part;
  return {
      option<&C::server, &S::host>(
          "server.host", "--host", text(1, 253), {server},
          "Address that clients connect to; 0.0.0.0 listens on every IPv4 interface."),
      option<&C::server, &S::port>("server.port", "--port", integer(0, 65'535, ""), {server},
                                   "TCP port of the OpenAI-compatible API; 0 takes any free one."),
      option<&C::server, &S::admin_host>(
          "server.admin_host", "--admin-host", text(1, 253), {server},
          "Address of the admin listener; keep it on a network that only operators reach."),
      option<&C::server, &S::admin_port>(
          "server.admin_port", "--admin-port", integer(0, 65'535, ""), {server},
          "TCP port of the admin listener (ps, restart, drain); 0 takes any free one."),
      option<&C::server, &S::data_dir>("server.data_dir", "--data-dir", text(1, 4096), {server},
                                       "Directory of the audit log, the generation counter and crash "
                                       "evidence; made if absent. Two servers "
                                       "must not share one."),
      option<&C::server, &S::io_threads>(
          "server.io_threads", "--io-threads", integer(1, 64, "threads"), {ingress},
          "Threads that read and write client connections; one serves thousands of streams."),
      option<&C::server, &S::max_body_bytes>("server.max_body_bytes", "--max-body-bytes", bytes(kKiB, kGiB),
                                             {ingress},
                                             "Largest request body; a larger one is refused with 413."),
      option<&C::server, &S::max_header_bytes>(
          "server.max_header_bytes", "--max-header-bytes", bytes(kKiB, kMiB), {ingress},
          "Largest request line and header together; a larger one is refused with 431."),
      option<&C::server, &S::header_timeout>(
          "server.header_timeout", "--header-timeout", duration(100, kHour), {ingress},
          "How long a client may take to send a whole header; then it is refused with 408."),
      option<&C::server, &S::body_timeout>(
          "server.body_timeout", "--body-timeout", duration(100, kHour), {ingress},
          "How long a client may take to send a whole body; then it is refused with 408."),
      option<&C::server, &S::keep_alive_timeout>("server.keep_alive_timeout", "--keep-alive-timeout",
                                                 duration(100, kHour), {ingress},
                                                 "How long a connection may stay idle between two requests. "
                                                 "Keep it longer than your load balancer's."),
      option<&C::server, &S::write_timeout>(
          "server.write_timeout", "--write-timeout", duration(100, kHour), {ingress},
          "How long a client may leave its stream unread before it is cut and its request cancelled."),
      option<&C::server, &S::max_connections>(
          "server.max_connections", "--max-connections", integer(1, 1'000'000, "connections"), {ingress},
          "Client connections open at one time; further ones wait in the kernel's queue."),
      option<&C::server, &S::drain_timeout>(
          "server.drain_timeout", "--drain-timeout", duration(0, 24 * kHour), {server},
          "How long running answers may take to finish after SIGTERM; what is left then is ended."),
      option<&C::server, &S::json_depth>(
          "server.json_depth", "--json-depth", integer(4, 256, "levels"), {ingress},
          "How deep a request's JSON may nest; a deeper one is refused with 400."),
  };
}

std::vector<Option> model_options() {
  using C = Config;
  using M = Config::Model;
  using enum Part;
  return {
      option<&C::model, &M::path>("model.path", "--model", text(0, 4096), {ingress, scheduler, stage},
                                  "GGUF file of the model to serve. The server cannot start without one."),
      option<&C::model, &M::served_name>(
          "model.served_name", "--served-model-name", text(0, 256), {ingress},
          "Name that clients put into a request's \"model\"; when empty, the file's name without .gguf."),
      option<&C::model, &M::dtype>("model.dtype", "--dtype", choice({"auto", "float32"}), {stage},
                                   "Arithmetic of the forward pass: auto is the fast path of the file's own "
                                   "weight format, float32 the "
                                   "slower reference."),
      option<&C::model, &M::cpu_isa>("model.cpu_isa", "--cpu-isa",
                                     choice({"auto", "amx", "avx512", "avx2", "portable"}), {stage},
                                     "Instruction set of the kernels: auto takes the best one this CPU has; "
                                     "one that it lacks is refused."),
      option<&C::model, &M::threads>(
          "model.threads", "--threads", integer(0, 1024, "threads"), {stage},
          "Threads that compute a step; 0 takes one per physical core. The tokens do not depend on it."),
      option<&C::model, &M::max_model_len>(
          "model.max_model_len", "--max-model-len", integer(0, 16'777'216, "tokens"), {ingress, scheduler},
          "Longest sequence, prompt and answer together; 0 takes the model's own context, capped by the KV "
          "cache."),
  };
}

std::vector<Option> scheduler_options() {
  using C = Config;
  using S = Config::Scheduler;
  using enum Part;
  return {
      option<&C::scheduler, &S::max_num_seqs>(
          "scheduler.max_num_seqs", "--max-num-seqs", integer(1, 4096, "sequences"), {scheduler, stage},
          "Sequences that generate in one step; more raises throughput and the time between two tokens."),
      option<&C::scheduler, &S::max_num_batched_tokens>(
          "scheduler.max_num_batched_tokens", "--max-num-batched-tokens", integer(1, 65'536, "tokens"),
          {scheduler, stage},
          "Tokens computed in one step; longer prompts are prefilled in chunks of at most this many."),
      option<&C::scheduler, &S::max_waiting>(
          "scheduler.max_waiting", "--max-waiting", integer(0, 1'000'000, "sequences"), {scheduler},
          "Sequences that may wait for a place in a step; one more is refused with 429."),
      option<&C::scheduler, &S::max_choices>(
          "scheduler.max_choices", "--max-choices", integer(1, 4096, "choices"), {ingress},
          "Answers that one request may ask for: its prompts times its n."),
      option<&C::scheduler, &S::step_deadline>(
          "scheduler.step_deadline", "--step-deadline", duration(100, kHour), {scheduler},
          "Longest time a step may take; then its stage is taken for dead, and restarted."),
  };
}

std::vector<Option> kv_cache_options() {
  using C = Config;
  using K = Config::KvCache;
  using enum Part;
  return {
      option<&C::kv_cache, &K::bytes>(
          "kv_cache.bytes", "--kv-cache-memory-bytes", bytes(kMiB, 16 * kTiB), {kv_cache, stage},
          "Memory for the keys and values of all sequences; it bounds how much context is held at one time."),
      option<&C::kv_cache, &K::prefix_caching>(
          "kv_cache.prefix_caching", "--enable-prefix-caching", boolean(), {kv_cache},
          "Keep the blocks of finished sequences, so that a prompt that starts alike skips their prefill."),
  };
}

std::vector<Option> audit_options() {
  using C = Config;
  using A = Config::Audit;
  using enum Part;
  return {
      option<&C::audit, &A::group_commit>("audit.group_commit", "--audit-group-commit", duration(0, kSecond),
                                          {audit},
                                          "Audit records that arrive within this time share one fsync; it "
                                          "adds up to as much to the first token."),
      option<&C::audit, &A::record_prompts>(
          "audit.record_prompts", "--audit-record-prompts", boolean(), {audit},
          "Write the text of prompts into the audit log. Off: only hashes and counts are kept."),
  };
}

std::vector<Option> log_options() {
  using C = Config;
  using L = Config::Log;
  using enum Part;
  return {
      option<&C::log, &L::level>("log.level", "--log-level",
                                 choice({"trace", "debug", "info", "warn", "error"}), {server},
                                 "Least severe event that is logged."),
      option<&C::log, &L::format>(
          "log.format", "--log-format", choice({"text", "json"}), {server},
          "How an event is written, always one a line: text for people, json for collectors."),
  };
}

/// The same four options for each kind of part that is restarted.
template <auto Policy>
std::vector<Option> restart_options(std::vector<std::string_view> names, std::vector<std::string_view> flags,
                                    Part part) {
  using C = Config;
  using R = RestartPolicy;
  return {
      option<&C::supervision, Policy, &R::pause_min>(
          names[0], flags[0], duration(0, 10 * kMinute), {part},
          "Pause before the first restart after a death; it doubles with every further death in the window."),
      option<&C::supervision, Policy, &R::pause_max>(names[1], flags[1], duration(0, 10 * kMinute), {part},
                                                     "Longest pause before a restart."),
      option<&C::supervision, Policy, &R::attempts>(
          names[2], flags[2], integer(0, 1000, "deaths"), {part},
          "Deaths within the window that are answered with a restart; one more is given up and escalated."),
      option<&C::supervision, Policy, &R::window>(names[3], flags[3], duration(kSecond, 24 * kHour), {part},
                                                  "Time over which deaths are counted."),
  };
}

std::vector<Option> all_options() {
  using S = Config::Supervision;
  std::vector<Option> list;
  append(list, server_options());
  append(list, model_options());
  append(list, scheduler_options());
  append(list, kv_cache_options());
  append(list, audit_options());
  append(list, log_options());
  append(list, restart_options<&S::worker>({"supervision.worker.pause_min", "supervision.worker.pause_max",
                                            "supervision.worker.attempts", "supervision.worker.window"},
                                           {"--worker-restart-pause-min", "--worker-restart-pause-max",
                                            "--worker-restart-attempts", "--worker-restart-window"},
                                           Part::server));
  append(list, restart_options<&S::actor>({"supervision.actor.pause_min", "supervision.actor.pause_max",
                                           "supervision.actor.attempts", "supervision.actor.window"},
                                          {"--actor-restart-pause-min", "--actor-restart-pause-max",
                                           "--actor-restart-attempts", "--actor-restart-window"},
                                          Part::supervisor));
  return list;
}

}  // namespace

std::span<const Option> options() {
  static const std::vector<Option> list = all_options();
  return list;
}

std::string_view section_title(std::string_view section) {
  static constexpr std::pair<std::string_view, std::string_view> titles[] = {
      {"server", "Listeners, the limits of a connection, and where data is kept"},
      {"model", "What is served, and the arithmetic it is served with"},
      {"scheduler", "How requests are batched, and how many may wait"},
      {"kv_cache", "Memory for keys and values"},
      {"audit", "The record of every request"},
      {"log", "What the server writes to standard error"},
      {"supervision.worker", "When a process that died is started again"},
      {"supervision.actor", "When an actor that died is started again"},
  };
  const auto* found = std::find_if(std::begin(titles), std::end(titles),
                                   [&](const auto& title) { return title.first == section; });
  return found == std::end(titles) ? section : found->second;
}

const Option* find_option(std::span<const Option> list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Option& o) { return o.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace troupe::config
