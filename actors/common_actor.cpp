// SPDX-License-Identifier: Apache-2.0
#include "actors/common_actor.hpp"

#include <caf/deep_to_string.hpp>
#include <caf/message.hpp>

#include "telemetry/log.hpp"

namespace troupe::actors {

void log_actor_event(const char* actor, const char* what, const std::string& detail) {
  telemetry::log(telemetry::Level::warn, actor, what, {{"detail", detail}});
}

void install_handlers(caf::scheduled_actor* self, const char* name) {
  self->set_error_handler([name](caf::scheduled_actor*, caf::error& error) {
    log_actor_event(name, "an error came back", caf::to_string(error));
  });
  self->set_default_handler(
      [name](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        log_actor_event(name, "unexpected message dropped", caf::deep_to_string(view.content()));
        return caf::sec::unexpected_message;
      });
  self->set_down_handler([name](caf::scheduled_actor*, caf::down_msg& down) {
    log_actor_event(name, "unexpected down message", caf::to_string(down.reason));
  });
  self->set_exception_handler([name](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      log_actor_event(name, "ended by an exception", e.what());
    } catch (...) {
      log_actor_event(name, "ended by an exception", "of unknown type");
    }
    return caf::sec::runtime_error;
  });
}

}  // namespace troupe::actors
