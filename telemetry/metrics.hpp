// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Numbers that operators watch. A registry owns them; whoever counts holds a reference, from any thread.
namespace troupe::telemetry {

/// Only grows. Threads: any; wait-free.
class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Threads: any; set is wait-free, add lock-free.
class Gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void add(double by) noexcept { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<double> value_{0};
};

/// Counts observations by size. Threads: any; observe is lock-free.
class Histogram {
 public:
  /// `edges`: upper ends of the buckets, ascending; a last bucket without end is added.
  explicit Histogram(std::vector<double> edges);

  /// NaN is not an observation and is dropped.
  void observe(double value) noexcept { observe(value, 1); }
  /// The same value `times` over, as one step that gives a token to each of `times` sequences.
  void observe(double value, std::uint64_t times) noexcept;

  struct Snapshot {
    std::vector<std::uint64_t> cumulative;  ///< observations up to each edge, then all of them
    double sum = 0;
  };
  /// Counts taken while others observe may miss the newest of them, never tear.
  Snapshot snapshot() const;
  const std::vector<double>& edges() const { return edges_; }

 private:
  std::vector<double> edges_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// Label names and values, e.g. {{"model_name", "SmolLM2"}}.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Most series of one name. Values of labels beyond them share one series, "other": what a client sends can
/// never fill the memory.
inline constexpr std::size_t kMaxSeries = 256;

class Registry;

/// Metrics of one name that differ in the values of their labels.
template <class Metric>
class Family {
 public:
  /// The metric with these label values, one per label name in the order they were declared; made at first
  /// use and kept. Threads: any; takes a lock, so hold on to the reference on a hot path. Errors:
  /// std::invalid_argument for another number of values.
  Metric& with(std::initializer_list<std::string_view> values) const;

 private:
  friend class Registry;
  struct State;
  Family(State& state, std::vector<std::string> fixed) : state_(&state), fixed_(std::move(fixed)) {}
  State* state_;
  std::vector<std::string> fixed_;  ///< values of the labels that the whole family shares
};

/// Owns metrics and prints them. Asking again for a name with the same labels gives the same metric.
/// Threads: any.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// `name`: as Prometheus wants it, counters with their "_total". `help`: one sentence.
  /// Errors: std::invalid_argument for a malformed name, or one that is taken by another type or other
  /// labels.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& edges,
                       const Labels& labels = {});

  /// `labels`: the same on every metric of the family. `names`: the labels that differ.
  Family<Counter> counters(std::string_view name, std::string_view help,
                           const std::vector<std::string>& names, const Labels& labels = {});
  Family<Gauge> gauges(std::string_view name, std::string_view help, const std::vector<std::string>& names,
                       const Labels& labels = {});

  /// Everything in Prometheus's text format 0.0.4, names in alphabetical order.
  std::string prometheus_text() const;

 private:
  class Families;
  std::unique_ptr<Families> families_;
};

/// The Content-Type of prometheus_text().
inline constexpr std::string_view kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Edges 1, 2, 5, 10, 20, 50, ... up to `largest`.
std::vector<double> edges_1_2_5(std::uint64_t largest);

}  // namespace troupe::telemetry
