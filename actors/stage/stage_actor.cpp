// SPDX-License-Identifier: Apache-2.0
#include "actors/stage/stage_actor.hpp"

#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <map>
#include <utility>

#include "actors/common_actor.hpp"
#include "actors/stage/step_queue.hpp"

namespace troupe::actors {
namespace {

/// Shared by the two sides: how the front stops a step that runs.
struct StageControl {
  std::atomic<bool> cancel{false};
  std::atomic<Generation> newest{0};
};

struct ComputeState;
using ComputeSelf = ComputeActor::stateful_pointer<ComputeState>;

struct ComputeState {
  ComputeState() = default;
  static constexpr const char* name = "compute";

  ComputeSelf self = nullptr;
  StageContext context;
  std::shared_ptr<StageControl> control;
  OpenedStage opened;
  View view;
  StepQueue queue;

  bool last() const { return view.index + 1 == view.stages.size(); }

  void on_view(View& v) {
    if (v.generation < control->newest.load()) return;  // a newer one is behind it in the mailbox
    if (!opened.executor) {
      auto result = context.open();
      if (!result) {
        log_actor_event("stage", "cannot open its executor", result.error().message);
        self->quit(caf::sec::runtime_error);
        return;
      }
      opened = std::move(*result);
    }
    view = std::move(v);
    opened.executor->reset();
    queue.reset(view.generation, view.index, static_cast<std::uint32_t>(view.stages.size()));
    control->cancel = false;
    const Fenced fenced{view.generation, view.index, opened.store};
    self->send(view.scheduler, fenced);
    self->send(view.kv_cache, fenced);
    self->send(view.supervisor, fenced);
  }

  void run_ready_steps() {
    while (view.generation == control->newest.load()) {
      auto ready = queue.next();
      if (!ready || !run(*ready)) return;
    }
  }

  bool run(const ReadyStep& ready) {
    auto out = last() ? nullptr : std::make_shared<gpu::HiddenStates>();
    auto result = opened.executor->execute(ready.plan, ready.hidden.get(), out.get(), control->cancel);
    if (!result) {
      if (result.error().code == model::ErrorCode::cancelled)
        return false;  // the next View resets the executor
      log_actor_event("stage", "step failed", result.error().message);
      self->quit(caf::sec::runtime_error);
      return false;
    }
    if (out) {
      self->send(view.stages.at(view.index + 1).compute, Activations{view.generation, ready.plan.step, out});
    } else {
      send_results(std::move(*result));
    }
    return true;
  }

  void send_results(model::StepResult&& result) {
    result.generation = view.generation;
    if (view.stages.size() > 1) {
      TokenFeed feed{view.generation, result.step, {}};
      for (const auto& row : result.sampled) feed.tokens.push_back({row.slot, row.position, row.token.token});
      self->send(view.stages.front().compute, std::move(feed));
    }
    std::map<std::uint32_t, TokenBatch> batches;
    const auto batch_of = [&](std::uint32_t ingress) -> TokenBatch& {
      TokenBatch& batch = batches[ingress];
      batch.generation = view.generation;
      batch.step = result.step;
      return batch;
    };
    for (const auto& row : result.sampled) batch_of(row.ingress).sampled.push_back(row);
    for (auto& scores : result.prompt_scores)
      batch_of(scores.ingress).prompt_scores.push_back(std::move(scores));
    // The scheduler needs to know which token came, not how likely it was.
    result.prompt_scores.clear();
    for (auto& row : result.sampled) row.token.top.clear();
    self->send(view.scheduler, std::move(result));
    for (auto& [ingress, batch] : batches) {
      if (ingress < view.ingresses.size()) self->send(view.ingresses[ingress], std::move(batch));
    }
  }
};

ComputeActor::behavior_type compute(ComputeSelf self, StageContext context,
                                    std::shared_ptr<StageControl> control) {
  install_handlers(self, "stage");
  auto& s = self->state;
  s.self = self;
  s.context = std::move(context);
  s.control = std::move(control);
  return {
      [&s](View& m) { s.on_view(m); },
      [&s](model::StepPlan& m) {
        s.queue.add(std::move(m));
        s.run_ready_steps();
      },
      [&s](const Activations& m) {
        s.queue.add(m.generation, m.step, m.hidden);
        s.run_ready_steps();
      },
      [&s](const TokenFeed& m) {
        for (const FedToken& t : s.queue.add(m)) s.opened.executor->append(t.slot, t.position, t.token);
        s.run_ready_steps();
      },
      [self](const Probe&) { return mailbox_of(self); },
  };
}

struct FrontState {
  FrontState() = default;
  /// However the front ends, its compute side stops within a layer.
  ~FrontState() {
    if (control) control->cancel = true;
  }
  FrontState(const FrontState&) = delete;
  FrontState& operator=(const FrontState&) = delete;
  static constexpr const char* name = "stage";
  std::shared_ptr<StageControl> control;
  ComputeActor compute;
};

StageActor::behavior_type front(StageActor::stateful_pointer<FrontState> self, ComputeActor compute_side,
                                std::shared_ptr<StageControl> control) {
  install_handlers(self, "stage");
  auto& s = self->state;
  s.control = std::move(control);
  s.compute = std::move(compute_side);
  self->link_to(s.compute);
  return {
      [&s, self](View& m) {
        s.control->newest = m.generation;
        s.control->cancel = true;  // the step that runs belongs to an older generation
        self->send(s.compute, std::move(m));
      },
  };
}

}  // namespace

StageHandle spawn_stage(caf::actor_system& system, StageContext context) {
  auto control = std::make_shared<StageControl>();
  const bool detached = context.detached;
  ComputeActor compute_side = detached ? system.spawn<caf::detached>(compute, std::move(context), control)
                                       : system.spawn(compute, std::move(context), control);
  return {system.spawn(front, compute_side, control), compute_side};
}

}  // namespace troupe::actors
