// SPDX-License-Identifier: Apache-2.0
#include "actors/ingress/api.hpp"

#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "net/openai/error_body.hpp"
#include "net/openai/json_text.hpp"
#include "net/openai/response.hpp"
#include "telemetry/log.hpp"

namespace troupe::actors {
namespace {

using model::Error;
using model::ErrorCode;

constexpr const char* kJson = "application/json";
constexpr std::string_view kModels = "/v1/models/";

bool matches(const Api::Route& route, std::string_view path) {
  const std::string_view pattern = route.path;
  return route.rest ? path.size() > pattern.size() && path.starts_with(pattern) : path == pattern;
}

/// HEAD is GET without its body.
bool answers(const Api::Route& route, std::string_view method) {
  return method == route.method || (method == "HEAD" && std::string_view(route.method) == "GET");
}

bool is_json(std::string_view content_type) {
  const auto end = content_type.find_first_of("; \t");
  std::string kind(content_type.substr(0, end));
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return kind.empty() || kind == kJson || (kind.starts_with("application/") && kind.ends_with("+json"));
}

net::ModelCard card_of(const model::ServedModel& served) {
  return {served.name, served.created, served.max_model_len};
}

}  // namespace

const std::vector<Api::Route>& Api::routes() {
  static const std::vector<Route> kRoutes = {
      {"POST", "/v1/chat/completions", false, &Api::chat},
      {"POST", "/v1/completions", false, &Api::complete},
      {"GET", "/v1/models", false, &Api::list_models},
      {"GET", kModels.data(), true, &Api::show_model},
      {"POST", "/tokenize", false, &Api::tokenize},
      {"POST", "/detokenize", false, &Api::detokenize},
      {"GET", "/health", false, &Api::ready},
      {"GET", "/health/live", false, &Api::live},
      {"GET", "/health/ready", false, &Api::ready},
      {"GET", "/metrics", false, &Api::metrics},
      {"GET", "/version", false, &Api::version},
  };
  return kRoutes;
}

Api::Api(ApiContext context)
    : context_(std::move(context)),
      bounds_{context_.json_depth, context_.served->tokenizer->vocabulary_size(), context_.max_choices},
      builder_(context_.served, context_.random, context_.clock) {}

void Api::handle(const net::HttpRequest& request,
                 const std::shared_ptr<net::HttpResponder>& responder) const {
  for (const auto& route : routes()) {
    if (!matches(route, request.path) || !answers(route, request.method)) continue;
    if (request.method == "POST" && !is_json(request.header("Content-Type"))) {
      respond_error(*responder, {ErrorCode::unsupported_media, "Content-Type must be application/json", ""});
      return;
    }
    try {
      (this->*route.serve)(request, responder);
    } catch (const std::exception& defect) {
      telemetry::log(telemetry::Level::error, "api", "request failed",
                     {{"request_id", request.request_id}, {"path", request.path}, {"what", defect.what()}});
      respond_error(*responder,
                    {ErrorCode::internal,
                     "this is a defect of the server; its log has request " + request.request_id, ""});
    }
    return;
  }
  refuse_route(request, *responder);
}

void Api::refuse_route(const net::HttpRequest& request, net::HttpResponder& responder) const {
  std::string allow;
  for (const auto& route : routes()) {
    if (!matches(route, request.path)) continue;
    if (!allow.empty()) allow += ", ";
    allow += route.method;
    if (std::string_view(route.method) == "GET") allow += ", HEAD";
  }
  const std::string what = request.method + " " + request.path;
  if (allow.empty()) {
    respond_error(responder, {ErrorCode::not_found, "Invalid URL (" + what + ")", ""});
  } else {
    respond_error(responder,
                  {ErrorCode::method_not_allowed, "Invalid method (" + what + "): use " + allow, ""},
                  {{"Allow", allow}});
  }
}

void Api::open(model::Result<PreparedRequest> prepared, const net::HttpRequest& request,
               const Responder& responder) const {
  if (!prepared) {
    const auto& error = prepared.error();
    telemetry::log(telemetry::Level::info, "api", "request refused",
                   {{"request_id", request.request_id},
                    {"peer", request.peer},
                    {"code", model::to_string(error.code)},
                    {"param", error.param}});
    respond_error(*responder, error);
    return;
  }
  prepared->request.client_request_id = request.request_id;
  const model::RequestId id = prepared->request.id;
  telemetry::log(telemetry::Level::info, "api", "request opened",
                 {{"request_id", request.request_id},
                  {"id", model::to_string(id)},
                  {"peer", request.peer},
                  {"path", request.path},
                  {"prompt_tokens", prepared->shape.prompt_tokens},
                  {"choices", prepared->shape.choices},
                  {"max_tokens", prepared->request.stop.max_tokens}});
  auto sink = make_answer_writer(std::move(prepared->shape), context_.served->tokenizer, responder);
  context_.port->open(std::move(prepared->request), sink);
  // After open, so that a cancel never comes before what it cancels. The sink lives as long as the client
  // does.
  responder->on_disconnect([port = context_.port, id, sink = std::move(sink)] { port->cancel(id); });
}

void Api::chat(const net::HttpRequest& request, const Responder& responder) const {
  const auto parsed = net::parse_chat_request(request.body, bounds_);
  open(parsed ? builder_.chat(*parsed) : parsed.error(), request, responder);
}

void Api::complete(const net::HttpRequest& request, const Responder& responder) const {
  const auto parsed = net::parse_completion_request(request.body, bounds_);
  open(parsed ? builder_.completion(*parsed) : parsed.error(), request, responder);
}

void Api::tokenize(const net::HttpRequest& request, const Responder& responder) const {
  const auto parsed = net::parse_tokenize_request(request.body, bounds_);
  const auto tokens =
      parsed ? builder_.tokenize(*parsed) : model::Result<std::vector<model::Token>>(parsed.error());
  tokens ? responder->respond(200, kJson, net::render_tokens(*tokens, context_.served->max_model_len))
         : respond_error(*responder, tokens.error());
}

void Api::detokenize(const net::HttpRequest& request, const Responder& responder) const {
  const auto parsed = net::parse_detokenize_request(request.body, bounds_);
  const auto known = parsed ? builder_.check_model(parsed->model) : model::Result<void>(parsed.error());
  if (!known) {
    respond_error(*responder, known.error());
    return;
  }
  std::string text;
  for (const auto token : parsed->tokens) text += context_.served->tokenizer->bytes(token);
  responder->respond(200, kJson, net::render_prompt(text));
}

void Api::list_models(const net::HttpRequest& /*request*/, const Responder& responder) const {
  responder->respond(200, kJson, net::render_models({card_of(*context_.served)}));
}

void Api::show_model(const net::HttpRequest& request, const Responder& responder) const {
  const auto known = builder_.check_model(request.path.substr(kModels.size()));
  known ? responder->respond(200, kJson, net::render_model(card_of(*context_.served)))
        : respond_error(*responder, known.error());
}

void Api::live(const net::HttpRequest& /*request*/, const Responder& responder) const {
  responder->respond(200, kJson, R"({"status":"live"})");
}

void Api::ready(const net::HttpRequest& /*request*/, const Responder& responder) const {
  const IngressStatus status = context_.port->status();
  if (status.ready && !status.draining) {
    responder->respond(200, kJson, R"({"status":"ready"})");
    return;
  }
  std::string body = R"({"status":)";
  net::append_json_string(body, status.draining ? "draining" : "not ready");
  body += R"(,"reason":)";
  net::append_json_string(body, status.reason);
  responder->respond(503, kJson, body + "}", {{"Retry-After", "1"}});
}

void Api::metrics(const net::HttpRequest& /*request*/, const Responder& responder) const {
  responder->respond(200, "text/plain; version=0.0.4; charset=utf-8", context_.metrics());
}

void Api::version(const net::HttpRequest& /*request*/, const Responder& responder) const {
  std::string body = R"({"version":)";
  net::append_json_string(body, context_.version);
  responder->respond(200, kJson, body + "}");
}

}  // namespace troupe::actors
