// SPDX-License-Identifier: Apache-2.0
// The same cast with its roles in two actor systems that know each other over a socket: scheduler and
// kv_cache apart from ingress, stages and audit. Every message between them travels as bytes.
#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <filesystem>
#include <mutex>
#include <thread>

#include "actors/audit/audit_actor.hpp"
#include "actors/ingress/ingress_actor.hpp"
#include "actors/kv_cache/kv_cache_actor.hpp"
#include "actors/scheduler/scheduler_actor.hpp"
#include "actors/stage/stage_actor.hpp"
#include "actors/supervisor/supervisor_actor.hpp"
#include "tests/support/hash_model.hpp"

namespace troupe::flow {
namespace {

using namespace actors;
using namespace std::chrono_literals;

struct NodeConfig : caf::actor_system_config {
  NodeConfig() {
    add_message_types<caf::id_block::troupe>();
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    load<caf::io::middleman>();
  }
};

class Sink : public AnswerSink {
 public:
  void deliver(AnswerEvent event) override {
    const std::lock_guard lock(mutex_);
    for (const auto& token : event.tokens) tokens_.push_back(token.scored.token);
    ended_ = ended_ || event.last;
  }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::vector<Token> tokens() const {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Token> tokens_;
  bool ended_ = false;
};

/// Publishes an actor of `there` on loopback and returns a handle of `here` to it.
template <class Handle>
Handle across(caf::actor_system& here, caf::actor_system& there, const Handle& actor) {
  const auto port = there.middleman().publish(actor, 0, "127.0.0.1");
  if (!port) throw std::runtime_error("cannot publish");
  auto remote = here.middleman().remote_actor<Handle>("127.0.0.1", *port);
  if (!remote) throw std::runtime_error("cannot dial");
  return *remote;
}

TEST(RolesApart, AnswersAsOneProcessDoes) {
  const auto directory =
      std::filesystem::temp_directory_path() / ("troupe-roles-apart-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  NodeConfig here_config;
  NodeConfig there_config;
  caf::actor_system there(there_config);
  caf::actor_system here(here_config);

  auto served = std::make_shared<model::ServedModel>();
  served->tokenizer = std::make_shared<support::HashTokenizer>();
  auto gate = std::make_shared<IngressGate>(100);
  auto requests = std::make_shared<OpenRequests>(served, IngressLimits{}, IngressObserver{});
  std::vector<std::shared_ptr<support::HashStore>> stores{std::make_shared<support::HashStore>(128),
                                                          std::make_shared<support::HashStore>(128)};
  SupervisorContext context;
  context.escalate = [](const std::string& reason) { ADD_FAILURE() << reason; };
  context.cast.stages = 2;
  context.cast.ingress = [&](std::uint32_t) { return spawn_ingress(here, {requests, gate}); };
  std::vector<caf::strong_actor_ptr> apart;
  context.cast.scheduler = [&] {
    SchedulerContext c;
    c.limits.batch = {40, 8, 2};
    const SchedulerActor actor = spawn_scheduler(there, c);
    apart.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return across(here, there, actor);
  };
  context.cast.kv_cache = [&] {
    const KvCacheActor actor = spawn_kv_cache(there, {128, true});
    apart.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return across(here, there, actor);
  };
  context.cast.stage = [&](std::uint32_t i) {
    StageContext c;
    // CAF 0.17.6 puts an actor whose handle travels into its registry, and a detached one that ended before
    // never leaves it: the system's end then waits for ever (actor-framework issue 1110).
    c.detached = false;
    c.open = [i, &stores]() -> model::Result<OpenedStage> {
      return OpenedStage{std::make_unique<support::HashExecutor>(i, 2, stores[i]), stores[i]->id};
    };
    return spawn_stage(here, c);
  };
  context.cast.audit = [&] {
    AuditContext c;
    c.detached = false;
    c.storage = [&] { return open_audit_storage(directory.string()); };
    return spawn_audit(here, c);
  };
  const SupervisorActor supervisor = spawn_supervisor(here, context);
  for (int i = 0; i < 500 && !gate->status().ready; ++i) std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(gate->status().ready) << gate->status().reason;

  std::vector<std::shared_ptr<Sink>> sinks;
  model::SamplingParams greedy;
  greedy.temperature = 0;
  for (Token i = 0; i < 8; ++i) {
    model::Request request;
    request.id = {0, static_cast<std::uint64_t>(i) + 1};
    request.prompts = {{{i, 2, 3, 4}}};
    request.sampling = greedy;
    request.stop.max_tokens = 40;
    sinks.push_back(std::make_shared<Sink>());
    gate->open(std::move(request), sinks.back());
  }
  for (Token i = 0; i < 8; ++i) {
    const auto& sink = sinks[static_cast<std::size_t>(i)];
    for (int wait = 0; wait < 1000 && !sink->ended(); ++wait) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(sink->ended());
    EXPECT_EQ(sink->tokens(), support::hash_answer({i, 2, 3, 4}, 40, greedy, 2, false));
  }
  gate->set_waker({});
  caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
  // The supervisor's own word may be lost with the connection when its system ends first.
  for (const auto& actor : apart) caf::anon_send_exit(actor, caf::exit_reason::kill);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace troupe::flow
