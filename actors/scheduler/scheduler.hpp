// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/payloads.hpp"
#include "actors/scheduler/batch_planner.hpp"
#include "actors/scheduler/sequence.hpp"

namespace troupe::actors {

/// What the scheduler sends. The actor behind it fills in nothing: payloads are complete.
class SchedulerPort {
 public:
  virtual ~SchedulerPort() = default;
  virtual void execute(const model::StepPlan& plan) = 0;  ///< to every stage
  virtual void reserve(ReserveBlocks message) = 0;
  virtual void extend(ExtendLeases message) = 0;
  virtual void release(ReleaseBlocks message) = 0;
  virtual void refuse(std::uint32_t ingress, Refused message) = 0;
  virtual void serving(Serving message) = 0;  ///< to every ingress
  virtual void credit(std::uint32_t ingress, OpenSetCredit message) = 0;
  virtual void suspect(Suspect message) = 0;
  virtual void admitted(std::chrono::nanoseconds waited) = 0;  ///< a sequence has its blocks, after that time
};

struct SchedulerLimits {
  BatchLimits batch;
  std::uint32_t waiting = 1024;  ///< sequences that wait; one more is refused
  std::chrono::nanoseconds step_deadline = std::chrono::seconds(30);
  std::chrono::nanoseconds repeat_after = std::chrono::seconds(1);  ///< kv_cache is asked again
  std::chrono::nanoseconds gather_deadline =
      std::chrono::seconds(5);  ///< a generation that does not come to serve
};

/// How full the scheduler is, for metrics.
struct SchedulerLoad {
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint64_t preemptions = 0;
};

/// Continuous batching over leased KV blocks: admits waiting sequences, plans steps one ahead of what has
/// returned, preempts the youngest when blocks run out. Plain logic; time comes in with each call that needs
/// it.
///
/// Loses on restart: everything. Open sequences are submitted again by the ingresses (OpenSet); what kv_cache
/// kept of them is found in its prefix tree, the rest is computed again to the same bits.
class Scheduler {
 public:
  using Now = std::chrono::nanoseconds;

  Scheduler(SchedulerLimits limits, SchedulerPort& port) : limits_(limits), port_(port) {}

  /// A new generation: forgets everything and gathers open sets, fences and the pool.
  void on_view(Generation generation, std::uint32_t ingresses, std::uint32_t stages, Now now);
  void on_open_set(OpenSetPart&& part, Now now);
  void on_submit(Submit&& submit, Now now);
  void on_cancel(const CancelSequence& cancel, Now now);
  void on_fenced(const Fenced& fenced, Now now);
  void on_kv_ready(const KvReady& ready, Now now);
  void on_lease(BlockLease&& lease, Now now);
  void on_extensions(LeaseExtensions&& extensions, Now now);
  void on_released(const BlocksReleased& released, Now now);
  void on_step_result(const model::StepResult& result, Now now);
  /// Repeats what was not answered and suspects what is late. Call a few times a second.
  void on_tick(Now now);

  bool serving() const { return serving_; }
  SchedulerLoad load() const;
  /// Violated invariants, for tests: empty when all is well.
  std::vector<std::string> check() const;

 private:
  struct StepInFlight {
    StepNumber step = 0;
    Now sent{0};
    struct Rows {
      SequenceId id;
      std::uint64_t lease = 0;
      std::uint32_t end = 0;
      bool sample = false;
    };
    std::vector<Rows> rows;
  };

  void start_serving(Now now);
  void add(std::uint32_t ingress, SequenceSubmit&& submit, bool bounded, Now now);
  bool never_fits(const Sequence& s);
  /// Everything that may have become possible: admit, grow, plan.
  void advance(Now now);
  void admit(Now now);
  void grow(Now now);
  void plan(Now now);
  model::StepPlan make_plan(const std::vector<PlannedRows>& rows, Now now);
  void preempt_youngest(Now now);
  void end(Sequence& s, bool wanted, Now now);
  void release_if_drained(Sequence& s, Now now);
  void send_release(Sequence& s, Now now);
  void send_reserve(Sequence& s, Now now);
  std::vector<Sequence*> in_phase(Phase phase);  ///< in order of arrival
  Sequence* find(const SequenceId& id);
  bool stops(const Sequence& s, Token token) const;

  SchedulerLimits limits_;
  SchedulerPort& port_;
  Generation generation_ = 0;
  bool serving_ = false;
  Now view_at_{0};
  std::uint32_t total_blocks_ = 0;
  bool kv_ready_ = false;
  std::set<std::uint32_t> unfenced_;
  std::vector<std::optional<std::uint32_t>>
      open_set_next_;  ///< per ingress: next part; nothing when complete

  std::map<SequenceId, Sequence> sequences_;
  std::deque<StepInFlight> in_flight_;
  StepNumber next_step_ = 1;
  std::uint64_t next_lease_ = 1;
  std::vector<model::Slot> free_slots_;
  std::vector<model::Slot> to_forget_;

  std::optional<ExtendLeases> extension_;  ///< the one in flight
  Now extension_at_{0};
  bool pressure_ = false;  ///< an extension was denied: nobody is admitted until a sequence ends
  bool admission_blocked_ =
      false;  ///< the oldest waiting sequence was denied: try again when blocks come back
  std::uint64_t preemptions_ = 0;
};

}  // namespace troupe::actors
