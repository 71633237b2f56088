// SPDX-License-Identifier: Apache-2.0
#include "config/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "config/value.hpp"

namespace troupe::config {
namespace {

using Problem = std::optional<std::string>;

/// Options that depend on each other. The first is the one to blame.
struct Relation {
  std::vector<std::string_view> options;
  Problem (*broken)(const Config& config);
};

std::string shown(std::chrono::milliseconds time) {
  return format_value({.kind = Kind::duration, .min = 0, .max = 0, .unit = "", .choices = {}},
                      static_cast<std::uint64_t>(time.count()));
}

bool takes_every_address(const std::string& host) {
  return host == "0.0.0.0" || host == "::";
}

Problem ports_differ(const Config& config) {
  const Config::Server& s = config.server;
  const bool same_port = s.port == s.admin_port && s.port != 0;
  const bool same_host =
      s.host == s.admin_host || takes_every_address(s.host) || takes_every_address(s.admin_host);
  if (!same_port || !same_host) return std::nullopt;
  return "the admin listener and the API cannot share port " + std::to_string(s.port) +
         "; choose another --admin-port, or another server.port";
}

Problem step_holds_every_sequence(const Config& config) {
  const Config::Scheduler& s = config.scheduler;
  if (s.max_num_batched_tokens >= s.max_num_seqs) return std::nullopt;
  return std::to_string(s.max_num_batched_tokens) + " is less than scheduler.max_num_seqs (" +
         std::to_string(s.max_num_seqs) +
         "): every sequence needs one token in each step; raise it, or lower max_num_seqs";
}

Problem choices_can_be_admitted(const Config& config) {
  const Config::Scheduler& s = config.scheduler;
  const std::uint64_t places = std::uint64_t{s.max_num_seqs} + s.max_waiting;
  if (s.max_choices <= places) return std::nullopt;
  return std::to_string(s.max_choices) + " is more than max_num_seqs + max_waiting (" +
         std::to_string(places) +
         "): a request that large would always be refused; lower it, or raise max_waiting";
}

Problem pauses_ordered(const RestartPolicy& policy) {
  if (policy.pause_min <= policy.pause_max) return std::nullopt;
  return shown(policy.pause_min) + " is longer than pause_max (" + shown(policy.pause_max) +
         "); lower it, or raise pause_max";
}

/// Pauses longer than the window let every death fall out of it: the part would be restarted for ever.
Problem window_holds_attempts(const RestartPolicy& policy) {
  const std::int64_t longest = std::max(policy.pause_min.count(), policy.pause_max.count());
  std::int64_t pause = policy.pause_min.count();
  std::int64_t total = 0;
  for (std::uint32_t attempt = 0; attempt < policy.attempts && total < policy.window.count(); ++attempt) {
    total += std::min(pause, longest);
    pause = std::min(2 * pause, longest);
  }
  if (total < policy.window.count()) return std::nullopt;
  return shown(policy.window) + " is shorter than the pauses of " + std::to_string(policy.attempts) +
         " restarts: a part that dies at once would be restarted for ever; raise it, or lower attempts or "
         "pause_max";
}

const std::array<Relation, 7>& relations() {
  static const std::array<Relation, 7> list = {{
      {{"server.admin_port", "server.port", "server.host", "server.admin_host"}, ports_differ},
      {{"scheduler.max_num_batched_tokens", "scheduler.max_num_seqs"}, step_holds_every_sequence},
      {{"scheduler.max_choices", "scheduler.max_num_seqs", "scheduler.max_waiting"}, choices_can_be_admitted},
      {{"supervision.worker.pause_min", "supervision.worker.pause_max"},
       [](const Config& c) { return pauses_ordered(c.supervision.worker); }},
      {{"supervision.actor.pause_min", "supervision.actor.pause_max"},
       [](const Config& c) { return pauses_ordered(c.supervision.actor); }},
      {{"supervision.worker.window", "supervision.worker.attempts", "supervision.worker.pause_min",
        "supervision.worker.pause_max"},
       [](const Config& c) { return window_holds_attempts(c.supervision.worker); }},
      {{"supervision.actor.window", "supervision.actor.attempts", "supervision.actor.pause_min",
        "supervision.actor.pause_max"},
       [](const Config& c) { return window_holds_attempts(c.supervision.actor); }},
  }};
  return list;
}

}  // namespace

std::vector<BrokenRelation> check(const Config& config, const std::set<std::string_view>& already_wrong) {
  std::vector<BrokenRelation> broken;
  for (const Relation& relation : relations()) {
    const bool meaningless = std::any_of(relation.options.begin(), relation.options.end(),
                                         [&](std::string_view name) { return already_wrong.contains(name); });
    if (meaningless) continue;
    if (auto problem = relation.broken(config)) broken.push_back({relation.options, std::move(*problem)});
  }
  return broken;
}

std::vector<BrokenRelation> check_serve(const Config& config) {
  if (!config.model.path.empty()) return {};
  return {{{"model.path"},
           "no model is named; give --model FILE.gguf, or set path in the [model] table of the file that "
           "--config "
           "names"}};
}

}  // namespace troupe::config
