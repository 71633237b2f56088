// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.hpp"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>

#include "config/text.hpp"

namespace troupe::telemetry {
namespace {

using LabelValues = std::vector<std::string>;

template <class Metric>
constexpr prometheus::MetricType kType = prometheus::MetricType::Untyped;
template <>
constexpr prometheus::MetricType kType<Counter> = prometheus::MetricType::Counter;
template <>
constexpr prometheus::MetricType kType<Gauge> = prometheus::MetricType::Gauge;
template <>
constexpr prometheus::MetricType kType<Histogram> = prometheus::MetricType::Histogram;

void read(const Counter& metric, prometheus::ClientMetric& out) {
  out.counter.value = static_cast<double>(metric.value());
}

void read(const Gauge& metric, prometheus::ClientMetric& out) {
  out.gauge.value = metric.value();
}

void read(const Histogram& metric, prometheus::ClientMetric& out) {
  const Histogram::Snapshot snapshot = metric.snapshot();
  out.histogram.sample_count = snapshot.cumulative.back();
  out.histogram.sample_sum = snapshot.sum;
  for (std::size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    const bool last = i == metric.edges().size();
    out.histogram.bucket.push_back(
        {.cumulative_count = snapshot.cumulative[i],
         .upper_bound = last ? std::numeric_limits<double>::infinity() : metric.edges()[i]});
  }
}

/// A label's value as it may stand in the output, which must be UTF-8.
std::string printable(std::string_view value) {
  if (config::is_clean_text(value)) return std::string(value);
  std::string escaped;
  config::append_escaped(escaped, value);
  return escaped;
}

LabelValues values_of(const Labels& labels) {
  LabelValues values;
  for (const auto& [label, value] : labels) values.push_back(printable(value));
  return values;
}

/// What registering a name a second time must repeat.
struct Identity {
  prometheus::MetricType type;
  std::vector<std::string> label_names;
  bool operator==(const Identity&) const = default;
};

class AnyFamily {
 public:
  AnyFamily(Identity identity, std::string_view name, std::string_view help)
      : identity_(std::move(identity)), name_(name), help_(help) {}
  virtual ~AnyFamily() = default;
  AnyFamily(const AnyFamily&) = delete;
  AnyFamily& operator=(const AnyFamily&) = delete;

  const Identity& identity() const { return identity_; }
  const std::string& name() const { return name_; }

  prometheus::MetricFamily collect() const {
    prometheus::MetricFamily family{.name = name_, .help = help_, .type = identity_.type, .metric = {}};
    collect_series(family.metric);
    return family;
  }

 protected:
  std::vector<prometheus::ClientMetric::Label> labels_of(const LabelValues& values) const {
    std::vector<prometheus::ClientMetric::Label> labels;
    for (std::size_t i = 0; i < values.size(); ++i) {
      labels.push_back({.name = identity_.label_names[i], .value = values[i]});
    }
    return labels;
  }

 private:
  virtual void collect_series(std::vector<prometheus::ClientMetric>& out) const = 0;

  Identity identity_;
  std::string name_;
  std::string help_;
};

}  // namespace

template <class Metric>
struct Family<Metric>::State final : AnyFamily {
  using AnyFamily::AnyFamily;

  /// `fixed` values come before the ones that differ.
  Metric& at(LabelValues values, std::size_t fixed) {
    if (values.size() != identity().label_names.size()) {
      throw std::invalid_argument("metric " + name() + " has another number of labels");
    }
    const std::lock_guard lock(mutex_);
    const bool full = series_.size() >= kMaxSeries && !series_.contains(values);
    if (full) std::fill(values.begin() + static_cast<std::ptrdiff_t>(fixed), values.end(), "other");
    return make(std::move(values));
  }

  std::vector<double> edges;  ///< of histograms

 private:
  Metric& make(LabelValues values) {
    if constexpr (std::is_same_v<Metric, Histogram>) {
      return series_.try_emplace(std::move(values), edges).first->second;
    } else {
      return series_.try_emplace(std::move(values)).first->second;
    }
  }

  void collect_series(std::vector<prometheus::ClientMetric>& out) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& [values, metric] : series_) {
      prometheus::ClientMetric client;
      client.label = labels_of(values);
      read(metric, client);
      out.push_back(std::move(client));
    }
  }

  mutable std::mutex mutex_;
  std::map<LabelValues, Metric> series_;
};

template <class Metric>
Metric& Family<Metric>::with(std::initializer_list<std::string_view> values) const {
  LabelValues all = fixed_;
  for (const std::string_view value : values) all.push_back(printable(value));
  return state_->at(std::move(all), fixed_.size());
}

template class Family<Counter>;
template class Family<Gauge>;

class Registry::Families {
 public:
  template <class Metric>
  typename Family<Metric>::State& get(std::string_view name, std::string_view help, const Labels& labels,
                                      const std::vector<std::string>& names,
                                      const std::vector<double>& edges = {}) {
    Identity identity{.type = kType<Metric>, .label_names = {}};
    for (const auto& [label, value] : labels) identity.label_names.push_back(label);
    identity.label_names.insert(identity.label_names.end(), names.begin(), names.end());
    check_names(name, identity);
    const std::lock_guard lock(mutex_);
    auto& family = families_[std::string(name)];
    if (family == nullptr) {
      auto state = std::make_unique<typename Family<Metric>::State>(identity, name, help);
      state->edges = edges;
      family = std::move(state);
    } else if (family->identity() != identity) {
      throw std::invalid_argument("metric " + std::string(name) +
                                  " exists with another type or other labels");
    }
    return static_cast<typename Family<Metric>::State&>(*family);
  }

  std::vector<prometheus::MetricFamily> collect() const {
    const std::lock_guard lock(mutex_);
    std::vector<prometheus::MetricFamily> all;
    for (const auto& [name, family] : families_) all.push_back(family->collect());
    return all;
  }

 private:
  static void check_names(std::string_view name, const Identity& identity) {
    bool good = prometheus::CheckMetricName(std::string(name));
    for (const std::string& label : identity.label_names) {
      good = good && prometheus::CheckLabelName(label);
    }
    if (!good)
      throw std::invalid_argument("metric " + std::string(name) +
                                  " or one of its labels has a malformed name");
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<AnyFamily>> families_;
};

Histogram::Histogram(std::vector<double> edges) : edges_(std::move(edges)), counts_(edges_.size() + 1) {}

void Histogram::observe(double value, std::uint64_t times) noexcept {
  if (std::isnan(value)) return;
  const auto bucket = std::lower_bound(edges_.begin(), edges_.end(), value) - edges_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot;
  std::uint64_t total = 0;
  for (const auto& count : counts_) {
    total += count.load(std::memory_order_relaxed);
    snapshot.cumulative.push_back(total);
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

Registry::Registry() : families_(std::make_unique<Families>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return counters(name, help, {}, labels).with({});
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return gauges(name, help, {}, labels).with({});
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, const std::vector<double>& edges,
                               const Labels& labels) {
  auto& state = families_->get<Histogram>(name, help, labels, {}, edges);
  return state.at(values_of(labels), labels.size());
}

Family<Counter> Registry::counters(std::string_view name, std::string_view help,
                                   const std::vector<std::string>& names, const Labels& labels) {
  return {families_->get<Counter>(name, help, labels, names), values_of(labels)};
}

Family<Gauge> Registry::gauges(std::string_view name, std::string_view help,
                               const std::vector<std::string>& names, const Labels& labels) {
  return {families_->get<Gauge>(name, help, labels, names), values_of(labels)};
}

std::string Registry::prometheus_text() const {
  return prometheus::TextSerializer().Serialize(families_->collect());
}

std::vector<double> edges_1_2_5(std::uint64_t largest) {
  std::vector<double> edges;
  for (std::uint64_t power = 1; power <= largest; power *= 10) {
    for (const std::uint64_t digit : {1U, 2U, 5U}) {
      if (digit <= largest / power) edges.push_back(static_cast<double>(digit * power));
    }
    if (power > largest / 10) break;
  }
  return edges;
}

}  // namespace troupe::telemetry
