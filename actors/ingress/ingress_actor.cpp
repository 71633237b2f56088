// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/ingress_actor.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <optional>
#include <utility>
#include <variant>

#include "actors/common_actor.hpp"

namespace troupe::actors {
namespace {

constexpr auto kTick = std::chrono::milliseconds(250);

/// Sends what the open requests say to whom the View names.
class ToView : public IngressOut {
 public:
  explicit ToView(IngressActor::pointer self) : self_(self) {}
  void submit(Submit m) override { self_->send(view.scheduler, std::move(m)); }
  void open_set(OpenSetPart m) override { self_->send(view.scheduler, std::move(m)); }
  void cancel(CancelSequence m) override { self_->send(view.scheduler, m); }
  void opened(RequestOpened m) override { self_->send(view.audit, std::move(m)); }
  void closed(RequestClosed m) override { self_->send(view.audit, std::move(m)); }
  View view;

 private:
  IngressActor::pointer self_;
};

struct IngressState {
  IngressState() = default;
  ~IngressState() {
    if (context.requests) context.requests->attach(nullptr);
  }
  IngressState(const IngressState&) = delete;
  IngressState& operator=(const IngressState&) = delete;
  static constexpr const char* name = "ingress";
  IngressContext context;
  std::optional<ToView> out;

  void take_waiting(OpenRequests::Now now) {
    if (out->view.generation == 0) return;  // the View that follows takes them
    for (auto& entry : context.gate->take()) {
      if (auto* open = std::get_if<PendingOpen>(&entry)) {
        context.requests->open(std::move(open->request), std::move(open->sink), now);
      } else {
        context.requests->cancel(std::get<PendingCancel>(entry).id, now);
      }
    }
  }
  void publish() { context.gate->set_status(context.requests->status()); }
};

IngressActor::behavior_type ingress(IngressActor::stateful_pointer<IngressState> self,
                                    IngressContext context) {
  install_handlers(self, "ingress");
  auto& s = self->state;
  s.context = std::move(context);
  s.out.emplace(self);
  OpenRequests& requests = *s.context.requests;
  requests.attach(&*s.out);
  s.context.gate->set_waker([handle = IngressActor{self}] { caf::anon_send(handle, RequestsWaiting{}); });
  self->delayed_send(self, kTick, Tick{});
  return {
      [&s, &requests, self](View& m) {
        s.out->view = std::move(m);
        requests.on_view(s.out->view.generation, s.out->view.index, now_of(self));
        s.take_waiting(now_of(self));
        s.publish();
      },
      [&s, self](const RequestsWaiting&) { s.take_waiting(now_of(self)); },
      [&requests, self](const OpenSetCredit& m) { requests.on_credit(m, now_of(self)); },
      [&requests, self](const Refused& m) { requests.on_refused(m, now_of(self)); },
      [&s, &requests](const Serving& m) {
        requests.on_serving(m);
        s.publish();
      },
      [&requests, self](TokenBatch& m) { requests.on_batch(std::move(m), now_of(self)); },
      [&s, &requests, self](const AuditAck& m) {
        requests.on_audit_ack(m, now_of(self));
        s.publish();
      },
      [&s, &requests](const Drain&) {
        requests.drain();
        s.publish();
      },
      [self](const Probe&) { return mailbox_of(self); },
      [&s, &requests, self](const Tick&) {
        self->delayed_send(self, kTick, Tick{});
        requests.on_tick(now_of(self));
        s.publish();
      },
  };
}

}  // namespace

IngressActor spawn_ingress(caf::actor_system& system, IngressContext context) {
  return system.spawn(ingress, std::move(context));
}

}  // namespace troupe::actors
