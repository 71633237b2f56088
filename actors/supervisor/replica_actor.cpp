// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor/replica_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <utility>

#include "actors/audit/audit_actor.hpp"
#include "actors/ingress/ingress_actor.hpp"
#include "actors/kv_cache/kv_cache_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/stage/stage_actor.hpp"
#include "actors/supervisor/supervisor_actor.hpp"

namespace troupe::actors {
namespace {

struct CafConfig : caf::actor_system_config {
  CafConfig() {
    add_message_types<caf::id_block::troupe>();
    // Measured (research): sharing has far better tails than stealing here, and without a bound on throughput
    // two busy actors starve a third.
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("scheduler.max-throughput", std::size_t{50});
  }
};

Cast make_cast(caf::actor_system& system, const ReplicaContext& c) {
  Cast cast;
  cast.stages = c.stages;
  cast.ingress = [&system, c](std::uint32_t) { return spawn_ingress(system, {c.requests, c.gate}); };
  cast.scheduler = [&system, c] {
    SchedulerContext context;
    context.limits.batch = {c.config.scheduler.max_num_batched_tokens, c.config.scheduler.max_num_seqs,
                            c.stages};
    context.limits.waiting = c.config.scheduler.max_waiting;
    context.limits.step_deadline = c.config.scheduler.step_deadline;
    context.observe_load = c.observer.load;
    context.observe_admitted = c.observer.admitted;
    context.observe_plan = c.observer.plan;
    context.observe_step = c.observer.step;
    return spawn_scheduler(system, std::move(context));
  };
  cast.kv_cache = [&system, c] {
    return spawn_kv_cache(system, {c.kv_blocks, c.config.kv_cache.prefix_caching, c.observer.kv});
  };
  cast.stage = [&system, c](std::uint32_t index) { return spawn_stage(system, {c.stage(index), true}); };
  cast.audit = [&system, c] {
    AuditContext context;
    context.storage = [directory = c.config.server.data_dir] { return open_audit_storage(directory); };
    context.group_commit = c.config.audit.group_commit;
    context.observe = c.observer.audit;
    return spawn_audit(system, std::move(context));
  };
  return cast;
}

class RunningReplica : public Replica {
 public:
  explicit RunningReplica(ReplicaContext context) : context_(std::move(context)), system_(config_) {
    SupervisorContext supervisor;
    supervisor.cast = make_cast(system_, context_);
    supervisor.policy = context_.config.supervision.actor;
    supervisor.first_generation = context_.first_generation;
    supervisor.node = context_.node;
    supervisor.escalate = context_.escalate;
    supervisor.observe_restart = context_.observer.restart;
    supervisor_ = spawn_supervisor(system_, std::move(supervisor));
  }
  ~RunningReplica() override {
    context_.gate->set_waker({});
    caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  }
  RunningReplica(const RunningReplica&) = delete;
  RunningReplica& operator=(const RunningReplica&) = delete;

  MemberList list() override {
    MemberList members;
    caf::scoped_actor self(system_);
    self->request(supervisor_, std::chrono::seconds(2), ListMembers{})
        .receive([&](MemberList& answer) { members = std::move(answer); }, [](const caf::error&) {});
    return members;
  }
  void restart(const std::string& actor) override { caf::anon_send(supervisor_, RestartMember{actor}); }
  void drain() override { caf::anon_send(supervisor_, Drain{}); }

 private:
  ReplicaContext context_;
  CafConfig config_;
  caf::actor_system system_;
  SupervisorActor supervisor_;
};

}  // namespace

std::unique_ptr<Replica> start_replica(ReplicaContext context) {
  return std::make_unique<RunningReplica>(std::move(context));
}

}  // namespace troupe::actors
