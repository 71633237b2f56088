// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/ingress_gate.hpp"

#include <string>

namespace troupe::actors {

void IngressGate::open(model::Request request, std::shared_ptr<AnswerSink> sink) {
  std::unique_lock lock(mutex_);
  if (pending_.size() >= limit_) {
    lock.unlock();
    AnswerEvent refusal;
    refusal.error =
        model::Error{model::ErrorCode::overloaded,
                     std::to_string(limit_) + " requests wait for the ingress; try again later", ""};
    refusal.last = true;
    sink->deliver(std::move(refusal));
    return;
  }
  pending_.emplace_back(
      PendingOpen{std::make_shared<const model::Request>(std::move(request)), std::move(sink)});
  wake(std::move(lock));
}

void IngressGate::cancel(const model::RequestId& id) {
  std::unique_lock lock(mutex_);
  pending_.emplace_back(PendingCancel{id});
  wake(std::move(lock));
}

void IngressGate::wake(std::unique_lock<std::mutex> lock) {
  const auto waker = waker_;
  lock.unlock();
  if (waker) waker();
}

IngressStatus IngressGate::status() const {
  const std::lock_guard lock(mutex_);
  IngressStatus status = status_;
  status.open += pending_.size();
  return status;
}

void IngressGate::set_waker(std::function<void()> waker) {
  const std::lock_guard lock(mutex_);
  waker_ = std::move(waker);
}

void IngressGate::set_status(IngressStatus status) {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

std::deque<PendingRequest> IngressGate::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(pending_, {});
}

}  // namespace troupe::actors
