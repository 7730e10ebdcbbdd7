#include "base/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace skiff {
namespace {

bool Has(const std::string& text, std::string_view line) {
  return ("\n" + text).find("\n" + std::string(line) + "\n") != std::string::npos;
}

TEST(Metrics, CountersShowEachRowOfLabels) {
  MetricRegistry metrics;
  CounterFamily& requests = metrics.AddCounter({"requests_total", "Requests.", {"verb", "code"}});
  EXPECT_EQ(metrics.Text(), "");
  requests.Add({"GET", "200"});
  requests.Add({"GET", "200"});
  requests.Add({"say \"\\\n\"", "500"}, 0.5);
  const std::string text = metrics.Text();
  EXPECT_TRUE(Has(text, "# HELP requests_total Requests.")) << text;
  EXPECT_TRUE(Has(text, "# TYPE requests_total counter"));
  EXPECT_TRUE(Has(text, R"(requests_total{verb="GET",code="200"} 2)"));
  EXPECT_TRUE(Has(text, R"(requests_total{verb="say \"\\\n\"",code="500"} 0.5)"));
}

TEST(Metrics, WhatHasNoLabelsIsThereBeforeItIsCounted) {
  MetricRegistry metrics;
  metrics.AddCounter({"n_total", "N."});
  metrics.AddHistogram({"seconds", "Time."}, {1});
  metrics.AddHistogram({"seconds_by", "Time.", {"verb"}}, {1});
  const std::string text = metrics.Text();
  EXPECT_TRUE(Has(text, "n_total 0")) << text;
  EXPECT_TRUE(Has(text, R"(seconds_bucket{le="1"} 0)"));
  EXPECT_TRUE(Has(text, R"(seconds_bucket{le="+Inf"} 0)"));
  EXPECT_TRUE(Has(text, "seconds_count 0"));
  EXPECT_EQ(text.find("seconds_by"), text.npos);
  EXPECT_EQ(metrics.Descriptions().size(), 3U);
}

TEST(Metrics, HistogramsAddUpFromBucketToBucket) {
  MetricRegistry metrics;
  HistogramFamily& seconds = metrics.AddHistogram({"seconds", "Time.", {"verb"}}, {0.125, 1});
  for (const double value : {0.0625, 0.125, 0.5, 7.0}) seconds.Observe({"GET"}, value);
  const std::string text = metrics.Text();
  EXPECT_TRUE(Has(text, R"(seconds_bucket{verb="GET",le="0.125"} 2)")) << text;
  EXPECT_TRUE(Has(text, R"(seconds_bucket{verb="GET",le="1"} 3)"));
  EXPECT_TRUE(Has(text, R"(seconds_bucket{verb="GET",le="+Inf"} 4)"));
  EXPECT_TRUE(Has(text, R"(seconds_sum{verb="GET"} 7.6875)"));
  EXPECT_TRUE(Has(text, R"(seconds_count{verb="GET"} 4)"));
}

TEST(Metrics, NothingIsLostBetweenThreads) {
  MetricRegistry metrics;
  CounterFamily& counter = metrics.AddCounter({"n_total", "N."});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 20; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) counter.Add({});
      });
    }
  }
  EXPECT_TRUE(Has(metrics.Text(), "n_total 20000"));
}

TEST(Metrics, WhatIsMeasuredIsAskedForAtTheScrape) {
  MetricRegistry metrics;
  double value = 1;
  metrics.AddMeasured({"things", "Things.", {"kind"}}, [&] {
    return std::vector<Sample>{{{"a"}, value}};
  });
  value = 3;
  EXPECT_TRUE(Has(metrics.Text(), R"(things{kind="a"} 3)"));
}

TEST(Metrics, AHistogramThatIsMeasuredAddsItsBucketsUp) {
  MetricRegistry metrics;
  metrics.AddMeasuredHistogram({"use", "Use.", {"kind"}}, {0.5, 1}, [] {
    return std::vector<HistogramSample>{{{"a"}, {2, 3, 4}, 7.5}};
  });
  const std::string text = metrics.Text();
  EXPECT_TRUE(Has(text, "# TYPE use histogram"));
  EXPECT_TRUE(Has(text, R"(use_bucket{kind="a",le="0.5"} 2)"));
  EXPECT_TRUE(Has(text, R"(use_bucket{kind="a",le="1"} 5)"));
  EXPECT_TRUE(Has(text, R"(use_bucket{kind="a",le="+Inf"} 9)"));
  EXPECT_TRUE(Has(text, R"(use_sum{kind="a"} 7.5)"));
  EXPECT_TRUE(Has(text, R"(use_count{kind="a"} 9)"));
}

TEST(Metrics, TheProcessHasFilesMemoryAndAStart) {
  MetricRegistry metrics;
  metrics.AddProcessMetrics();
  const std::string text = metrics.Text();
  for (const char* name : {"process_resident_memory_bytes", "process_open_fds", "process_max_fds",
                           "process_virtual_memory_bytes", "process_start_time_seconds"}) {
    const size_t at = text.find("\n" + std::string(name) + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(at + std::string(name).size() + 2)), 0) << name;
  }
}

}  // namespace
}  // namespace skiff
