// SPDX-License-Identifier: Apache-2.0
#include "actors/supervisor/supervisor_actor.hpp"

#include <unistd.h>

#include <algorithm>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "actors/common_actor.hpp"
#include "actors/supervisor/restart_policy.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

using telemetry::Level;
constexpr auto kTick = std::chrono::milliseconds(250);

enum class Role : std::uint8_t { ingress, scheduler, kv_cache, stage, audit };

/// A part of the replica, over all its incarnations.
struct Member {
  std::string name;
  Role role = Role::ingress;
  std::uint32_t index = 0;
  std::set<caf::actor_addr> alive;  ///< a stage has two
  std::string state = "starting";
  std::uint64_t incarnation = 0;
  std::uint32_t restarts = 0;
  RestartTracker tracker;
  std::chrono::nanoseconds killed_at{0};  ///< told to end; 0: not
};

struct SupervisorState {
  SupervisorState() = default;
  /// The cast ends with its supervisor.
  ~SupervisorState() {
    draining = true;
    for (Member& member : members) end(member, caf::exit_reason::user_shutdown);
  }
  SupervisorState(const SupervisorState&) = delete;
  SupervisorState& operator=(const SupervisorState&) = delete;
  static constexpr const char* name = "supervisor";

  SupervisorActor::pointer self = nullptr;
  SupervisorContext context;
  std::vector<Member> members;
  View view;
  std::set<std::uint32_t> unfenced;
  std::chrono::nanoseconds view_at{0};
  bool draining = false;  ///< ends itself: nobody is started again

  void start_cast() {
    const auto add = [&](Role role, std::uint32_t index, std::string member_name) {
      Member member;
      member.name = std::move(member_name);
      member.role = role;
      member.index = index;
      member.tracker = RestartTracker(context.policy);
      members.push_back(std::move(member));
    };
    for (std::uint32_t i = 0; i < context.cast.ingresses; ++i)
      add(Role::ingress, i, "ingress/" + std::to_string(i));
    add(Role::scheduler, 0, "scheduler");
    add(Role::kv_cache, 0, "kv_cache");
    for (std::uint32_t i = 0; i < context.cast.stages; ++i) add(Role::stage, i, "stage/" + std::to_string(i));
    add(Role::audit, 0, "audit");
    view.generation = context.first_generation - 1;
    view.supervisor = self;
    view.ingresses.resize(context.cast.ingresses);
    view.stages.resize(context.cast.stages);
    for (Member& member : members) start(member);
    announce();
  }

  template <class Handle>
  void watch(Member& member, const Handle& handle) {
    self->monitor(handle);
    member.alive.insert(handle.address());
  }

  void start(Member& member) {
    ++member.incarnation;
    member.killed_at = {};
    switch (member.role) {
      case Role::ingress:
        watch(member, view.ingresses[member.index] = context.cast.ingress(member.index));
        break;
      case Role::scheduler:
        watch(member, view.scheduler = context.cast.scheduler());
        break;
      case Role::kv_cache:
        watch(member, view.kv_cache = context.cast.kv_cache());
        break;
      case Role::audit:
        watch(member, view.audit = context.cast.audit());
        break;
      case Role::stage: {
        const StageHandle handle = view.stages[member.index] = context.cast.stage(member.index);
        watch(member, handle.front);
        watch(member, handle.compute);
        break;
      }
    }
    member.state = "running";
  }

  bool complete() const {
    return std::all_of(members.begin(), members.end(), [](const Member& m) { return m.state == "running"; });
  }

  /// A new generation with who is there now. Only when everybody is: a further death makes the next one.
  void announce() {
    if (!complete()) return;
    ++view.generation;
    view_at = now_of(self);
    view.incarnations.clear();
    unfenced.clear();
    for (const Member& member : members) {
      view.incarnations.push_back(member.incarnation);
      if (member.role == Role::stage) unfenced.insert(member.index);
    }
    telemetry::log(Level::info, "supervisor", "new generation", {{"generation", view.generation}});
    for (const Member& member : members) tell(member);
  }

  void tell(const Member& member) {
    View v = context.cast.link(view, member.name);
    v.index = member.index;
    switch (member.role) {
      case Role::ingress:
        self->send(view.ingresses[member.index], std::move(v));
        break;
      case Role::scheduler:
        self->send(view.scheduler, std::move(v));
        break;
      case Role::kv_cache:
        self->send(view.kv_cache, std::move(v));
        break;
      case Role::stage:
        self->send(view.stages[member.index].front, std::move(v));
        break;
      case Role::audit:
        self->send(view.audit, std::move(v));
        break;
    }
  }

  void on_down(const caf::down_msg& down) {
    const auto member = std::find_if(members.begin(), members.end(),
                                     [&](const Member& m) { return m.alive.count(down.source) > 0; });
    if (member == members.end()) return;
    member->alive.erase(down.source);
    if (member->state == "running") {
      const bool asked = member->killed_at.count() != 0 && down.reason == caf::exit_reason::user_shutdown;
      telemetry::log(asked ? Level::info : Level::error, "supervisor", "actor ended",
                     {{"actor", member->name},
                      {"generation", view.generation},
                      {"incarnation", member->incarnation},
                      {"reason", caf::to_string(down.reason)}});
      member->state = "restarting";
      if (member->killed_at.count() == 0) member->killed_at = now_of(self);
    }
    // A stage's two sides end together: its store must be nobody's before it is used again.
    if (!member->alive.empty() || draining) return;
    const bool asked = down.reason == caf::exit_reason::user_shutdown;
    std::chrono::milliseconds pause{0};
    if (!asked) {
      const auto verdict = member->tracker.on_death(now_of(self));
      if (const auto* escalate = std::get_if<Escalate>(&verdict)) {
        member->state = "failed";
        context.escalate(member->name + ": " + escalate->reason);
        return;
      }
      pause = std::get<RestartAfter>(verdict).pause;
    }
    self->delayed_send(self, pause, Tick{static_cast<std::uint64_t>(member - members.begin()) + 1});
  }

  void on_restart_due(Member& member) {
    if (member.state != "restarting" || !member.alive.empty()) return;
    ++member.restarts;
    start(member);
    context.observe_restart(member.name, view.generation + 1);
    announce();
  }

  void end(Member& member, caf::exit_reason reason) {
    member.killed_at = now_of(self);
    switch (member.role) {
      case Role::ingress:
        caf::anon_send_exit(view.ingresses[member.index], reason);
        break;
      case Role::scheduler:
        caf::anon_send_exit(view.scheduler, reason);
        break;
      case Role::kv_cache:
        caf::anon_send_exit(view.kv_cache, reason);
        break;
      case Role::stage:
        caf::anon_send_exit(view.stages[member.index].front, reason);
        break;
      case Role::audit:
        caf::anon_send_exit(view.audit, reason);
        break;
    }
  }

  void on_restart(const RestartMember& m) {
    for (Member& member : members) {
      if (member.name == m.actor && member.state == "running") end(member, caf::exit_reason::user_shutdown);
    }
  }

  void on_suspect(const Suspect& s) {
    if (s.generation != view.generation) return;
    telemetry::log(Level::warn, "supervisor", "suspicion",
                   {{"generation", s.generation}, {"actor", s.actor}, {"reason", s.reason}});
    announce();
  }

  void on_fenced(const Fenced& f) {
    if (f.generation == view.generation) unfenced.erase(f.stage);
  }

  void on_tick() {
    const auto now = now_of(self);
    for (Member& member : members) {
      const bool silent = member.role == Role::stage && member.state == "running" &&
                          unfenced.count(member.index) > 0 && now - view_at > context.fence_deadline;
      if (silent && member.killed_at.count() == 0) end(member, caf::exit_reason::kill);
      // A thread cannot be killed: an actor that was told to end and does not takes its process with it.
      if (member.killed_at.count() != 0 && !member.alive.empty() &&
          now - member.killed_at > context.fence_deadline) {
        member.killed_at = now;
        context.escalate(member.name + " was told to end and did not");
      }
    }
  }

  void on_drain(const Drain& m) {
    for (const auto& ingress : view.ingresses) self->send(ingress, m);
  }

  /// The list goes out when every probe came back or ran out of time.
  struct Listing {
    Listing() = default;
    MemberList list;
    std::size_t open = 0;
    caf::typed_response_promise<MemberList> promise;
  };

  caf::typed_response_promise<MemberList> list() {
    auto listing = std::make_shared<Listing>();
    listing->promise = self->make_response_promise<MemberList>();
    const auto pid = static_cast<std::uint32_t>(::getpid());
    for (const Member& m : members) {
      listing->list.actors.push_back(
          {m.name, context.node, pid, view.generation, m.incarnation, m.state, m.restarts, -1});
    }
    listing->open = members.size();
    for (std::size_t i = 0; i < members.size(); ++i) {
      switch (members[i].role) {
        case Role::ingress:
          probe(view.ingresses[members[i].index], listing, i);
          break;
        case Role::scheduler:
          probe(view.scheduler, listing, i);
          break;
        case Role::kv_cache:
          probe(view.kv_cache, listing, i);
          break;
        case Role::stage:
          probe(view.stages[members[i].index].compute, listing, i);
          break;
        case Role::audit:
          probe(view.audit, listing, i);
          break;
      }
    }
    return listing->promise;
  }

  template <class Handle>
  void probe(const Handle& handle, const std::shared_ptr<Listing>& listing, std::size_t index) {
    const auto done = [listing] {
      if (--listing->open == 0) listing->promise.deliver(listing->list);
    };
    self->request(handle, kTick, Probe{})
        .then(
            [listing, index, done](const MailboxSize& size) {
              listing->list.actors[index].mailbox = static_cast<std::int32_t>(size.waiting);
              done();
            },
            [done](const caf::error&) { done(); });
  }
};

SupervisorActor::behavior_type supervisor(SupervisorActor::stateful_pointer<SupervisorState> self,
                                          SupervisorContext context) {
  install_handlers(self, "supervisor");
  auto& s = self->state;
  s.self = self;
  s.context = std::move(context);
  self->set_down_handler([&s](caf::scheduled_actor*, caf::down_msg& down) { s.on_down(down); });
  s.start_cast();
  self->delayed_send(self, kTick, Tick{});
  return {
      [&s](const Suspect& m) { s.on_suspect(m); },
      [&s](const Fenced& m) { s.on_fenced(m); },
      [&s](const RestartMember& m) { s.on_restart(m); },
      [&s](const Drain& m) { s.on_drain(m); },
      [&s](const ListMembers&) { return s.list(); },
      [&s, self](const Tick& m) {
        if (m.number > 0) return s.on_restart_due(s.members.at(m.number - 1));
        self->delayed_send(self, kTick, Tick{});
        s.on_tick();
      },
  };
}

}  // namespace

SupervisorActor spawn_supervisor(caf::actor_system& system, SupervisorContext context) {
  return system.spawn(supervisor, std::move(context));
}

}  // namespace troupe::actors
