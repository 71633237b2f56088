// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "actors/ingress/answer.hpp"

namespace troupe::actors {

/// A request on its way from a session to the ingress actor.
struct PendingOpen {
  std::shared_ptr<const model::Request> request;
  std::shared_ptr<AnswerSink> sink;
};
struct PendingCancel {
  model::RequestId id;
};
using PendingRequest = std::variant<PendingOpen, PendingCancel>;

/// The IngressPort that sessions hold. Requests wait here, in order, until the actor takes them: a mailbox
/// would lose them with the actor. Outlives every incarnation of the actor.
///
/// Bound: `limit` waiting entries; one more open is refused at once. Threads: any.
class IngressGate : public IngressPort {
 public:
  explicit IngressGate(std::size_t limit) : limit_(limit) {}

  void open(model::Request request, std::shared_ptr<AnswerSink> sink) override;
  void cancel(const model::RequestId& id) override;
  IngressStatus status() const override;

  /// What wakes the actor that serves this gate; called outside the lock, from any thread. Empty: nobody
  /// serves it.
  void set_waker(std::function<void()> waker);
  void set_status(IngressStatus status);
  /// Everything that waits, for the actor.
  std::deque<PendingRequest> take();

 private:
  void wake(std::unique_lock<std::mutex> lock);

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::deque<PendingRequest> pending_;
  std::function<void()> waker_;
  IngressStatus status_{false, false, "loading weights", 0};
};

}  // namespace troupe::actors
