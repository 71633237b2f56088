// SPDX-License-Identifier: Apache-2.0
#include "actors/scheduler/scheduler_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "actors/common_actor.hpp"

namespace troupe::actors {
namespace {

constexpr auto kTick = std::chrono::milliseconds(250);

/// Sends what the scheduler says to whom the View names.
class ToView : public SchedulerPort {
 public:
  ToView(SchedulerActor::pointer self, SchedulerContext& context) : self_(self), context_(context) {}
  void execute(const model::StepPlan& plan) override;
  void reserve(ReserveBlocks m) override { to(view.kv_cache, std::move(m)); }
  void extend(ExtendLeases m) override { to(view.kv_cache, std::move(m)); }
  void release(ReleaseBlocks m) override { to(view.kv_cache, std::move(m)); }
  void refuse(std::uint32_t ingress, Refused m) override { to(view.ingresses.at(ingress), std::move(m)); }
  void serving(Serving m) override {
    for (const auto& ingress : view.ingresses) to(ingress, m);
  }
  void credit(std::uint32_t ingress, OpenSetCredit m) override { to(view.ingresses.at(ingress), m); }
  void suspect(Suspect m) override { to(view.supervisor, std::move(m)); }
  void admitted(std::chrono::nanoseconds waited) override { context_.observe_admitted(waited); }

  View view;

 private:
  template <class Handle, class Message>
  void to(const Handle& handle, Message&& message) {
    self_->send(handle, std::forward<Message>(message));
  }
  SchedulerActor::pointer self_;
  SchedulerContext& context_;
};

struct SchedulerState {
  SchedulerState() = default;
  static constexpr const char* name = "scheduler";
  SchedulerContext context;
  std::optional<ToView> port;
  std::optional<Scheduler> scheduler;
};

void ToView::execute(const model::StepPlan& plan) {
  std::uint32_t rows = 0;
  for (const auto& r : plan.rows) rows += r.count;
  context_.observe_plan(rows);
  for (const auto& stage : view.stages) to(stage.compute, plan);
}

SchedulerActor::behavior_type scheduler(SchedulerActor::stateful_pointer<SchedulerState> self,
                                        SchedulerContext context) {
  install_handlers(self, "scheduler");
  auto& s = self->state;
  s.context = std::move(context);
  s.port.emplace(self, s.context);
  s.scheduler.emplace(s.context.limits, *s.port);
  self->delayed_send(self, kTick, Tick{});
  return {
      [&s, self](View& m) {
        s.port->view = std::move(m);
        const View& v = s.port->view;
        s.scheduler->on_view(v.generation, static_cast<std::uint32_t>(v.ingresses.size()),
                             static_cast<std::uint32_t>(v.stages.size()), now_of(self));
      },
      [&s, self](OpenSetPart& m) { s.scheduler->on_open_set(std::move(m), now_of(self)); },
      [&s, self](Submit& m) { s.scheduler->on_submit(std::move(m), now_of(self)); },
      [&s, self](const CancelSequence& m) { s.scheduler->on_cancel(m, now_of(self)); },
      [&s, self](const Fenced& m) { s.scheduler->on_fenced(m, now_of(self)); },
      [&s, self](const KvReady& m) { s.scheduler->on_kv_ready(m, now_of(self)); },
      [&s, self](BlockLease& m) { s.scheduler->on_lease(std::move(m), now_of(self)); },
      [&s, self](LeaseExtensions& m) { s.scheduler->on_extensions(std::move(m), now_of(self)); },
      [&s, self](const BlocksReleased& m) { s.scheduler->on_released(m, now_of(self)); },
      [&s, self](const model::StepResult& m) {
        s.scheduler->on_step_result(m, now_of(self));
        s.context.observe_step(m.compute_microseconds);
        s.context.observe_load(s.scheduler->load());
      },
      [self](const Probe&) { return mailbox_of(self); },
      [&s, self](const Tick&) {
        self->delayed_send(self, kTick, Tick{});
        s.scheduler->on_tick(now_of(self));
        s.context.observe_load(s.scheduler->load());
      },
  };
}

}  // namespace

SchedulerActor spawn_scheduler(caf::actor_system& system, SchedulerContext context) {
  return system.spawn(scheduler, std::move(context));
}

}  // namespace troupe::actors
