// SPDX-License-Identifier: Apache-2.0
#include "actors/worker/admin_api.hpp"

#include <utility>

#include "net/openai/error_body.hpp"
#include "net/openai/json_text.hpp"
#include "telemetry/metrics.hpp"

namespace troupe::actors {
namespace {

constexpr const char* kJson = "application/json";

void append_member(std::string& out, const MemberInfo& m) {
  const auto text = [&out](const char* key, const std::string& value) {
    out += key;
    net::append_json_string(out, value);
  };
  text("{\"actor\":", m.actor);
  text(",\"node\":", m.node);
  out += ",\"pid\":" + std::to_string(m.pid) + ",\"generation\":" + std::to_string(m.generation) +
         ",\"incarnation\":" + std::to_string(m.incarnation);
  text(",\"state\":", m.state);
  out += ",\"restarts\":" + std::to_string(m.restarts) +
         ",\"mailbox\":" + (m.mailbox < 0 ? "null" : std::to_string(m.mailbox)) + "}";
}

void respond_health(const IngressStatus& status, net::HttpResponder& responder) {
  std::string body = status.ready ? "{\"status\":\"ready\"" : "{\"status\":\"not ready\",\"reason\":";
  if (!status.ready) net::append_json_string(body, status.reason);
  responder.respond(status.ready ? 200 : 503, kJson, body + "}");
}

}  // namespace

std::string AdminApi::list() const {
  std::string body = "{\"actors\":[";
  Replica* replica = replica_();
  const MemberList members = replica == nullptr ? MemberList{} : replica->list();
  for (std::size_t i = 0; i < members.actors.size(); ++i) {
    if (i > 0) body += ",";
    append_member(body, members.actors[i]);
  }
  return body + "]}";
}

void AdminApi::handle(const net::HttpRequest& request, net::HttpResponder& responder) {
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (get && request.path == "/ps") return responder.respond(200, kJson, list());
  if (get && request.path == "/metrics") {
    return responder.respond(200, telemetry::kPrometheusContentType, metrics_());
  }
  if (get && request.path == "/health/live") return responder.respond(200, kJson, "{\"status\":\"live\"}");
  if (get && (request.path == "/health" || request.path == "/health/ready")) {
    return respond_health(port_->status(), responder);
  }
  const model::Error error{
      model::ErrorCode::not_found,
      "the admin server knows GET /ps, /metrics, /health, /health/live and /health/ready", ""};
  responder.respond(net::http_status(error.code), kJson, net::render_error(error));
}

}  // namespace troupe::actors
