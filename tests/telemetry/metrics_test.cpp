// SPDX-License-Identifier: Apache-2.0
#include "telemetry/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>

namespace troupe::telemetry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Registry, PrintsPrometheusText) {
  Registry registry;
  registry.counter("tokens_total", "Tokens made.", {{"model_name", "tiny"}}).add(42);
  registry.gauge("depth", "How deep.").set(-1.5);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP depth How deep.\n"
            "# TYPE depth gauge\n"
            "depth -1.5\n"
            "# HELP tokens_total Tokens made.\n"
            "# TYPE tokens_total counter\n"
            "tokens_total{model_name=\"tiny\"} 42\n");
}

TEST(Registry, PrintsHistogramsCumulatively) {
  Registry registry;
  Histogram& histogram = registry.histogram("wait_seconds", "Waiting.", {0.5, 2.0});
  histogram.observe(0.25);
  histogram.observe(0.5);
  histogram.observe(1.0, 3);
  histogram.observe(100.0);
  EXPECT_EQ(registry.prometheus_text(),
            "# HELP wait_seconds Waiting.\n"
            "# TYPE wait_seconds histogram\n"
            "wait_seconds_count 6\n"
            "wait_seconds_sum 103.75\n"
            "wait_seconds_bucket{le=\"0.5\"} 2\n"
            "wait_seconds_bucket{le=\"2\"} 5\n"
            "wait_seconds_bucket{le=\"+Inf\"} 6\n");
}

TEST(Registry, GivesTheSameMetricForTheSameNameAndLabels) {
  Registry registry;
  Counter& first = registry.counter("a_total", "A.", {{"engine", "0"}});
  Counter& other = registry.counter("a_total", "A.", {{"engine", "1"}});
  EXPECT_EQ(&first, &registry.counter("a_total", "A.", {{"engine", "0"}}));
  EXPECT_NE(&first, &other);
  other.add(3);
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("a_total{engine=\"0\"} 0\na_total{engine=\"1\"} 3\n"));
}

TEST(Registry, RefusesANameWithAnotherTypeOtherLabelsOrBadLetters) {
  Registry registry;
  registry.counter("a_total", "A.");
  EXPECT_THROW(registry.gauge("a_total", "A."), std::invalid_argument);
  EXPECT_THROW(registry.counter("a_total", "A.", {{"x", "y"}}), std::invalid_argument);
  EXPECT_THROW(registry.counter("a b", "A."), std::invalid_argument);
  EXPECT_THROW(registry.counter("b_total", "A.", {{"x-y", "z"}}), std::invalid_argument);
  EXPECT_THROW(registry.counters("c_total", "C.", {"x"}).with({"1", "2"}), std::invalid_argument);
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("a_total 0\n"));
}

TEST(Family, KeepsASeriesPerLabelValue) {
  Registry registry;
  const auto responses =
      registry.counters("responses_total", "Responses.", {"route", "code"}, {{"engine", "0"}});
  responses.with({"/v1/models", "200"}).add(2);
  responses.with({"/v1/models", "404"}).add();
  EXPECT_EQ(&responses.with({"/v1/models", "200"}), &responses.with({"/v1/models", "200"}));
  EXPECT_THAT(registry.prometheus_text(),
              HasSubstr("responses_total{engine=\"0\",route=\"/v1/models\",code=\"200\"} 2\n"
                        "responses_total{engine=\"0\",route=\"/v1/models\",code=\"404\"} 1\n"));
}

TEST(Family, PutsSeriesBeyondTheBoundTogether) {
  Registry registry;
  const auto family = registry.counters("a_total", "A.", {"who"}, {{"engine", "0"}});
  Counter& known = family.with({"0"});
  for (std::size_t i = 1; i < kMaxSeries; ++i) family.with({std::to_string(i)});
  Counter& beyond = family.with({"new"});
  EXPECT_EQ(&beyond, &family.with({"newer"}));
  EXPECT_EQ(&known, &family.with({"0"}));
  EXPECT_THAT(registry.prometheus_text(), HasSubstr("a_total{engine=\"0\",who=\"other\"} 0\n"));
  EXPECT_THAT(registry.prometheus_text(), Not(HasSubstr("new")));
}

TEST(Family, KeepsLabelValuesFromBreakingTheOutput) {
  Registry registry;
  registry.counters("a_total", "A.", {"who"}).with({"x\"\n\\\xff\x1b"}).add();
  const std::string text = registry.prometheus_text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_EQ(text.find('\xff'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(Histogram, DropsWhatIsNotANumberAndCountsInfinity) {
  Histogram histogram({1.0});
  histogram.observe(std::nan(""));
  EXPECT_THAT(histogram.snapshot().cumulative, ElementsAre(0U, 0U));
  histogram.observe(std::numeric_limits<double>::infinity());
  histogram.observe(-5.0);
  EXPECT_THAT(histogram.snapshot().cumulative, ElementsAre(1U, 2U));
}

TEST(Metrics, LoseNothingWhenManyThreadsCount) {
  Registry registry;
  Counter& counter = registry.counter("a_total", "A.");
  Gauge& gauge = registry.gauge("b", "B.");
  Histogram& histogram = registry.histogram("c", "C.", {1.0, 2.0});
  const auto family = registry.counters("d_total", "D.", {"x"});
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10'000; ++i) {
          counter.add();
          gauge.add(i % 2 == 0 ? 2.0 : -1.0);
          histogram.observe(1.5);
          if (i % 100 == 0) family.with({std::to_string(thread)}).add();
        }
      });
    }
    for (int i = 0; i < 20; ++i) registry.prometheus_text();
  }
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_EQ(gauge.value(), 20'000.0);
  EXPECT_THAT(histogram.snapshot().cumulative, ElementsAre(0U, 40'000U, 40'000U));
  EXPECT_EQ(histogram.snapshot().sum, 60'000.0);
  EXPECT_EQ(family.with({"3"}).value(), 100U);
}

TEST(Edges, GrowInStepsOfOneTwoAndFive) {
  EXPECT_THAT(edges_1_2_5(100), ElementsAre(1, 2, 5, 10, 20, 50, 100));
  EXPECT_THAT(edges_1_2_5(8), ElementsAre(1, 2, 5));
  EXPECT_THAT(edges_1_2_5(0), IsEmpty());
  EXPECT_EQ(edges_1_2_5(std::numeric_limits<std::uint64_t>::max()).back(), 1e19);
}

}  // namespace
}  // namespace troupe::telemetry
