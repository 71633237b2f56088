// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "actors/audit/audit_actor.hpp"
#include "actors/ingress/ingress_actor.hpp"
#include "actors/kv_cache/kv_cache_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/stage/stage_actor.hpp"
#include "actors/supervisor/supervisor_actor.hpp"
#include "tests/support/hash_model.hpp"

/// A whole replica of real actors on CAF's test coordinator: virtual time, seeded job order, links that lose
/// and delay.
namespace troupe::flow {

/// What a client saw of its request.
struct ClientView : actors::AnswerSink {
  struct Choice {
    std::vector<model::Token> tokens;
    std::string text;
    std::uint32_t finishes = 0;
    model::FinishReason reason = model::FinishReason::error;
  };
  std::map<std::uint32_t, Choice> choices;
  std::uint32_t terminals = 0;
  std::uint32_t after_terminal = 0;  ///< events that came too late: always a defect
  std::string error;
  void deliver(actors::AnswerEvent event) override;
};

/// The audit log's disk, shared by all incarnations of its actor.
struct MemoryDisk {
  std::string log;
  std::string head;
};

struct ReplicaOptions {
  std::uint64_t seed = 1;
  bool in_order = false;  ///< jobs first come, first served, instead of in seeded order
  std::uint32_t stages = 1;
  std::uint32_t blocks = 256;
  std::uint32_t max_num_seqs = 8;
  std::uint32_t max_rows = 40;
  double drop = 0;                         ///< probability that a link loses a message
  std::chrono::microseconds delay_max{0};  ///< links deliver in order, this late at most
  bool keep_store = true;                  ///< a restarted stage finds its KV bytes
  support::StepHook step_hook;
  std::function<void(const std::string& from_to, const caf::message&)> tap;  ///< sees every message on a link
};

class Replica {
 public:
  explicit Replica(ReplicaOptions options);
  ~Replica();
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  std::shared_ptr<ClientView> open(std::vector<model::Token> prompt, std::uint32_t max_tokens,
                                   model::SamplingParams sampling = greedy(),
                                   std::vector<std::string> stop = {});
  void cancel(std::uint32_t request) { gate_->cancel(id_of(request)); }
  static model::SamplingParams greedy();
  static model::RequestId id_of(std::uint32_t request) { return {0, request + 1}; }

  /// Runs one job or, when there is none, moves time to the next timeout. Returns false after `limit` virtual
  /// time.
  bool step();
  /// Runs until every client has its terminal, at most `limit` of virtual time.
  bool run_until_done(std::chrono::seconds limit = std::chrono::seconds(600));
  /// Lets messages settle (releases, acknowledgements) for some virtual time.
  void settle(std::chrono::milliseconds time = std::chrono::milliseconds(3000));
  /// "scheduler", "kv_cache", "stage/1", "compute/1", "ingress/0", "audit".
  void kill(const std::string& actor);
  std::uint64_t jobs_run() const { return jobs_run_; }
  const actors::KvCacheStats& kv() const { return kv_; }
  const std::string& audit_log() const { return disk_->log; }
  const std::vector<std::string>& escalations() const { return escalations_; }
  bool ready() const { return gate_->status().ready; }
  std::uint64_t preemptions() const { return preemptions_; }

  std::vector<std::shared_ptr<ClientView>> clients;

 private:
  template <class Handle>
  Handle linked(const Handle& target, const std::string& from, const std::string& to);
  actors::View link(actors::View view, const std::string& recipient);
  std::chrono::nanoseconds now() { return coordinator_->clock().now().time_since_epoch(); }

  ReplicaOptions options_;
  std::mt19937_64 random_;
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* coordinator_ = nullptr;
  std::shared_ptr<model::ServedModel> model_;
  std::shared_ptr<actors::OpenRequests> requests_;
  std::shared_ptr<actors::IngressGate> gate_;
  std::vector<std::shared_ptr<support::HashStore>> stores_;
  std::map<std::string, caf::strong_actor_ptr> cast_;
  std::vector<caf::actor> links_;
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  caf::strong_actor_ptr supervisor_;
  actors::KvCacheStats kv_;
  std::vector<std::string> escalations_;
  std::uint64_t jobs_run_ = 0;
  std::uint64_t preemptions_ = 0;
};

}  // namespace troupe::flow
