// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/error.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/sec.hpp>
#include <caf/skip.hpp>
#include <chrono>
#include <exception>
#include <string>

#include "actors/messages.hpp"

/// What every actor of ours does first. CAF's defaults die of an answered error or print to the console by
/// themselves.
namespace troupe::actors {

/// Writes to the log: an actor's exception, an unexpected message, an error that came back.
void log_actor_event(const char* actor, const char* what, const std::string& detail);

/// Replaces CAF's error, exception, default and down handlers by ones that log. An exception ends the actor
/// (its supervisor starts a new one); everything else is logged and survived.
void install_handlers(caf::scheduled_actor* self, const char* name);

/// The actor system's clock: virtual under the test coordinator.
template <class Self>
std::chrono::nanoseconds now_of(Self* self) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(self->clock().now().time_since_epoch());
}

/// The answer to a Probe. Call from the actor's own handler.
template <class Self>
MailboxSize mailbox_of(Self* self) {
  return {static_cast<std::uint32_t>(self->mailbox().size())};
}

}  // namespace troupe::actors
