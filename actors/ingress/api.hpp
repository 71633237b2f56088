// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/ingress/answer.hpp"
#include "actors/ingress/request_builder.hpp"
#include "model/served_model.hpp"
#include "net/http/server.hpp"
#include "net/openai/request.hpp"
#include "telemetry/clock.hpp"
#include "telemetry/random.hpp"

namespace troupe::actors {

/// What the API stands on. All of it is used from the I/O threads.
struct ApiContext {
  std::shared_ptr<IngressPort> port;
  std::shared_ptr<const model::ServedModel> served;
  std::function<std::string()> metrics;       ///< the text of /metrics
  std::shared_ptr<telemetry::Random> random;  ///< for ids and seeds
  std::shared_ptr<const telemetry::Clock> clock;
  std::uint32_t json_depth = 64;
  std::uint32_t max_choices = 128;
  std::string version;
};

/// The HTTP API: one table of routes, OpenAI's shapes, over an IngressPort.
///
/// Threads: any; handle never blocks.
class Api {
 public:
  explicit Api(ApiContext context);
  void handle(const net::HttpRequest& request, const std::shared_ptr<net::HttpResponder>& responder) const;

  /// A route of the table: what is served where. `rest`: the path continues after it.
  struct Route {
    const char* method;
    const char* path;
    bool rest;
    void (Api::*serve)(const net::HttpRequest&, const std::shared_ptr<net::HttpResponder>&) const;
  };

 private:
  using Responder = std::shared_ptr<net::HttpResponder>;
  static const std::vector<Route>& routes();

  void chat(const net::HttpRequest& request, const Responder& responder) const;
  void complete(const net::HttpRequest& request, const Responder& responder) const;
  void tokenize(const net::HttpRequest& request, const Responder& responder) const;
  void detokenize(const net::HttpRequest& request, const Responder& responder) const;
  void list_models(const net::HttpRequest& request, const Responder& responder) const;
  void show_model(const net::HttpRequest& request, const Responder& responder) const;
  void live(const net::HttpRequest& request, const Responder& responder) const;
  void ready(const net::HttpRequest& request, const Responder& responder) const;
  void metrics(const net::HttpRequest& request, const Responder& responder) const;
  void version(const net::HttpRequest& request, const Responder& responder) const;

  void refuse_route(const net::HttpRequest& request, net::HttpResponder& responder) const;
  void open(model::Result<PreparedRequest> prepared, const net::HttpRequest& request,
            const Responder& responder) const;

  ApiContext context_;
  net::RequestBounds bounds_;
  RequestBuilder builder_;
};

}  // namespace troupe::actors
