#include "base/build_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"

namespace skiff {
namespace {

using testing::HasSubstr;

TEST(ProgramMetricsTest, SayWhichBuildItIsAndHowManyMetricsThereAre) {
  MetricRegistry metrics;
  AddProgramMetrics(metrics);
  metrics.AddCounter({"a_total", "[STABLE] A.", {"b"}});
  metrics.AddHistogram({"c_seconds", "[STABLE] C.", {"d"}}, {1});
  metrics.AddCounter({"e_total", "Of no program of Kubernetes.", {"f"}});
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("\nkubernetes_build_info{git_version=\"v1.35."));
  EXPECT_THAT(text, HasSubstr("\",compiler=\"gc\",platform=\"linux/amd64\"} 1\n"));
  constexpr char kRegistered[] = "registered_metrics_total{stability_level=";
  // What has no series yet counts, too.
  EXPECT_THAT(text,
              HasSubstr(std::string(kRegistered) + "\"STABLE\",deprecated_version=\"\"} 2\n"));
  EXPECT_THAT(text, HasSubstr(std::string(kRegistered) + "\"ALPHA\",deprecated_version=\"\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(std::string(kRegistered) + "\"BETA\",deprecated_version=\"\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("\nhidden_metrics_total 0\n"));
  EXPECT_THAT(text, HasSubstr("\ndisabled_metrics_total 0\n"));
}

TEST(ProgramMetricsTest, SayWhichVersionItGoesBy) {
  MetricRegistry metrics;
  AddCompatibilityMetric(metrics);
  EXPECT_THAT(metrics.Text(), HasSubstr("\nversion_info{component=\"kube\",binary=\"1.35."));
}

TEST(ProgramMetricsTest, SayWhichFeatureGatesAreOn) {
  MetricRegistry metrics;
  AddFeatureMetric(metrics, {{"One", "BETA", true}, {"Other", "", false}});
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("\nkubernetes_feature_enabled{name=\"One\",stage=\"BETA\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("\nkubernetes_feature_enabled{name=\"Other\",stage=\"\"} 0\n"));
}

}  // namespace
}  // namespace skiff
