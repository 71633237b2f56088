// SPDX-License-Identifier: Apache-2.0
#include "tests/flow/replica.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "telemetry/log.hpp"

namespace troupe::flow {

using namespace actors;

void ClientView::deliver(AnswerEvent event) {
  if (terminals > 0) ++after_terminal;
  Choice& choice = choices[event.choice];
  for (const auto& token : event.tokens) choice.tokens.push_back(token.scored.token);
  choice.text += event.text;
  if (event.finish) {
    ++choice.finishes;
    choice.reason = *event.finish;
  }
  if (event.error) error = event.error->message;
  if (event.last) ++terminals;
}

namespace {

/// One direction of one link: loses, delays, keeps the order.
struct LinkState {
  LinkState() = default;
  std::chrono::nanoseconds free_at{0};
};

struct LinkOptions {
  caf::strong_actor_ptr target;
  std::string name;
  double drop = 0;
  std::chrono::microseconds delay_max{0};
  std::mt19937_64* random = nullptr;
  std::function<void(const std::string&, const caf::message&)> tap;
};

caf::behavior link_actor(caf::stateful_actor<LinkState>* self, LinkOptions o) {
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  self->set_default_handler(
      [self, o](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
        caf::message message = view.move_content_to_message();
        if (o.tap) o.tap(o.name, message);
        if (std::uniform_real_distribution<>(0, 1)(*o.random) < o.drop) return caf::message{};
        const auto target = caf::actor_cast<caf::actor>(o.target);
        if (o.delay_max.count() == 0) {
          self->send(target, message);
          return caf::message{};
        }
        const std::chrono::nanoseconds now = self->clock().now().time_since_epoch();
        const auto late = std::chrono::microseconds(
            std::uniform_int_distribution<std::int64_t>(0, o.delay_max.count())(*o.random));
        self->state.free_at = std::max(self->state.free_at, now + late);
        self->delayed_send(target, self->state.free_at - now, message);
        return caf::message{};
      });
  return {[](caf::unit_t) {}};
}

/// A disk in memory: every incarnation of the audit actor finds what the one before wrote.
class MemoryStorage : public AuditStorage {
 public:
  explicit MemoryStorage(std::shared_ptr<MemoryDisk> disk) : disk_(std::move(disk)) {}
  model::Result<std::uint64_t> open() override { return disk_->log.size(); }
  model::Result<std::string> read(std::uint64_t offset, std::uint64_t length) override {
    return disk_->log.substr(offset, length);
  }
  model::Result<void> append(std::string_view bytes) override {
    disk_->log += bytes;
    return {};
  }
  model::Result<void> sync() override { return {}; }
  model::Result<void> truncate(std::uint64_t size) override {
    disk_->log.resize(size);
    return {};
  }
  model::Result<std::string> save_torn(std::string_view) override { return std::string("torn"); }
  model::Result<std::string> load_head() override { return disk_->head; }
  model::Result<void> store_head(std::string_view text) override {
    disk_->head = text;
    return {};
  }

 private:
  std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace

Replica::Replica(ReplicaOptions options) : options_(std::move(options)), random_(options_.seed) {
  if (std::getenv("TROUPE_TEST_LOG") == nullptr)
    telemetry::process_logger().set_level(telemetry::Level::error);
  config_.set("scheduler.policy", caf::atom("testing"));
  config_.add_message_types<caf::id_block::troupe>();
  system_ = std::make_unique<caf::actor_system>(config_);
  coordinator_ = &dynamic_cast<caf::scheduler::test_coordinator&>(system_->scheduler());
  model_ = std::make_shared<model::ServedModel>();
  model_->name = "hash";
  model_->max_model_len = 1024;
  model_->tokenizer = std::make_shared<support::HashTokenizer>();
  gate_ = std::make_shared<IngressGate>(1024);
  requests_ = std::make_shared<OpenRequests>(model_, IngressLimits{}, IngressObserver{});
  stores_.resize(options_.stages);

  SupervisorContext context;
  context.policy.attempts = 1000;
  context.policy.pause_max = std::chrono::milliseconds(20);
  context.escalate = [this](const std::string& reason) { escalations_.push_back(reason); };
  Cast& cast = context.cast;
  cast.stages = options_.stages;
  const auto remember = [this](const std::string& name, const auto& handle) {
    cast_[name] = caf::actor_cast<caf::strong_actor_ptr>(handle);
    return handle;
  };
  cast.ingress = [this, remember](std::uint32_t i) {
    return remember("ingress/" + std::to_string(i), spawn_ingress(*system_, {requests_, gate_}));
  };
  cast.scheduler = [this, remember] {
    SchedulerContext c;
    c.limits.batch = {options_.max_rows, options_.max_num_seqs, options_.stages};
    c.limits.step_deadline = std::chrono::seconds(2);
    c.observe_load = [this](const SchedulerLoad& load) {
      preemptions_ = std::max(preemptions_, load.preemptions);
    };
    return remember("scheduler", spawn_scheduler(*system_, c));
  };
  cast.kv_cache = [this, remember] {
    KvCacheContext c;
    c.total_blocks = options_.blocks;
    c.observe = [this](const KvCacheStats& stats) { kv_ = stats; };
    return remember("kv_cache", spawn_kv_cache(*system_, c));
  };
  cast.stage = [this, remember](std::uint32_t i) {
    if (!stores_[i] || !options_.keep_store)
      stores_[i] = std::make_shared<support::HashStore>(options_.blocks);
    StageContext c;
    c.detached = false;
    c.open = [this, i]() -> model::Result<OpenedStage> {
      return OpenedStage{
          std::make_unique<support::HashExecutor>(i, options_.stages, stores_[i], options_.step_hook),
          stores_[i]->id};
    };
    const StageHandle handle = spawn_stage(*system_, c);
    remember("stage/" + std::to_string(i), handle.front);
    remember("compute/" + std::to_string(i), handle.compute);
    return handle;
  };
  cast.audit = [this, remember] {
    AuditContext c;
    c.detached = false;
    c.storage = [this] { return std::make_unique<MemoryStorage>(disk_); };
    c.wall = [] { return std::chrono::system_clock::time_point{}; };
    return remember("audit", spawn_audit(*system_, c));
  };
  cast.link = [this](View view, const std::string& recipient) { return link(std::move(view), recipient); };
  supervisor_ = caf::actor_cast<caf::strong_actor_ptr>(spawn_supervisor(*system_, context));
}

Replica::~Replica() {
  gate_->set_waker({});
  caf::anon_send_exit(supervisor_, caf::exit_reason::kill);
  for (auto& [name, handle] : cast_) caf::anon_send_exit(handle, caf::exit_reason::kill);
  for (auto& handle : links_) caf::anon_send_exit(handle, caf::exit_reason::kill);
  cast_.clear();
  links_.clear();
  supervisor_.reset();
  while (coordinator_->try_run_once()) continue;
  coordinator_->trigger_timeouts();
  while (coordinator_->try_run_once()) continue;
}

template <class Handle>
Handle Replica::linked(const Handle& target, const std::string& from, const std::string& to) {
  if (!target) return target;
  LinkOptions o{caf::actor_cast<caf::strong_actor_ptr>(target),
                from + ">" + to,
                options_.drop,
                options_.delay_max,
                &random_,
                options_.tap};
  const caf::actor proxy = system_->spawn(link_actor, o);
  links_.push_back(proxy);
  return caf::actor_cast<Handle>(caf::actor_cast<caf::strong_actor_ptr>(proxy));
}

View Replica::link(View view, const std::string& recipient) {
  for (std::size_t i = 0; i < view.ingresses.size(); ++i) {
    view.ingresses[i] = linked(view.ingresses[i], recipient, "ingress/" + std::to_string(i));
  }
  view.scheduler = linked(view.scheduler, recipient, "scheduler");
  view.kv_cache = linked(view.kv_cache, recipient, "kv_cache");
  view.audit = linked(view.audit, recipient, "audit");
  for (std::size_t i = 0; i < view.stages.size(); ++i) {
    view.stages[i].compute = linked(view.stages[i].compute, recipient, "stage/" + std::to_string(i));
  }
  return view;
}

model::SamplingParams Replica::greedy() {
  model::SamplingParams sampling;
  sampling.temperature = 0;
  return sampling;
}

std::shared_ptr<ClientView> Replica::open(std::vector<model::Token> prompt, std::uint32_t max_tokens,
                                          model::SamplingParams sampling, std::vector<std::string> stop) {
  model::Request request;
  request.id = id_of(static_cast<std::uint32_t>(clients.size()));
  request.prompts.push_back({std::move(prompt)});
  request.sampling = std::move(sampling);
  request.stop.max_tokens = max_tokens;
  request.stop.stop = std::move(stop);
  clients.push_back(std::make_shared<ClientView>());
  gate_->open(std::move(request), clients.back());
  return clients.back();
}

bool Replica::step() {
  auto& jobs = coordinator_->jobs;
  if (jobs.empty()) {
    if (!coordinator_->has_pending_timeout()) return false;
    coordinator_->trigger_timeout();
    return true;
  }
  const auto pick =
      options_.in_order ? 0 : std::uniform_int_distribution<std::size_t>(0, jobs.size() - 1)(random_);
  std::rotate(jobs.begin(), jobs.begin() + static_cast<std::ptrdiff_t>(pick),
              jobs.begin() + static_cast<std::ptrdiff_t>(pick) + 1);
  coordinator_->run_once();
  ++jobs_run_;
  return true;
}

bool Replica::run_until_done(std::chrono::seconds limit) {
  const auto end = now() + limit;
  const auto done = [&] {
    return std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->terminals > 0; });
  };
  while (!done()) {
    if (now() > end || !step()) return false;
  }
  return true;
}

void Replica::settle(std::chrono::milliseconds time) {
  const auto end = now() + time;
  while (now() < end && step()) continue;
}

void Replica::kill(const std::string& actor) {
  caf::anon_send_exit(cast_.at(actor), caf::exit_reason::kill);
}

}  // namespace troupe::flow
