#include "controllers/autoscaling/autoscaler_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::autoscaler {
namespace {

using testing::HasSubstr;

TEST(AutoscalerFiguresTest, WhatCameOfALookIsInItsLabels) {
  MetricRegistry registry;
  Figures figures(&registry);
  figures.Reconciled({.current = 2, .wanted = 3}, 2ms);
  figures.Reconciled({.current = 2, .wanted = 1}, 2ms);
  figures.Reconciled({.current = 2, .wanted = 2, .failure = Outcome::Failure::kInternal}, 2ms);
  figures.Computed({.current = 2, .wanted = 2, .failure = Outcome::Failure::kSpec}, "Pods", 1s);
  const std::string text = registry.Text();
  const std::string prefix = "\nhorizontal_pod_autoscaler_controller_";
  for (const char* line :
       {"reconciliations_total{action=\"scale_up\",error=\"none\"} 1\n",
        "reconciliations_total{action=\"scale_down\",error=\"none\"} 1\n",
        "reconciliations_total{action=\"none\",error=\"internal\"} 1\n",
        "reconciliation_duration_seconds_bucket{action=\"scale_up\",error=\"none\",le=\"0.001\"} "
        "0\n",
        "reconciliation_duration_seconds_bucket{action=\"scale_up\",error=\"none\",le=\"0.002\"} "
        "1\n",
        "reconciliation_duration_seconds_bucket{action=\"scale_up\",error=\"none\",le=\"16.384\"} "
        "1\n",
        "metric_computation_total{action=\"none\",error=\"spec\",metric_type=\"Pods\"} 1\n",
        "metric_computation_duration_seconds_sum{action=\"none\",error=\"spec\",metric_type="
        "\"Pods\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(prefix + line));
  }
}

TEST(AutoscalerFiguresTest, WhoIsThereIsCountedAndWhatHeWantsIsTold) {
  MetricRegistry registry;
  {
    Figures figures(&registry);
    figures.Knows({"default", "web"});
    figures.Knows({"default", "gone"});
    figures.Wants({"default", "gone"}, 7);
    figures.Forgets({"default", "gone"});
    figures.Knows({"default", "new"});
    figures.Wants({"default", "web"}, 3);
  }
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("\nhorizontal_pod_autoscaler_controller_num_horizontal_pod_"
                              "autoscalers 2\n"));
  EXPECT_THAT(text, HasSubstr("\nhorizontal_pod_autoscaler_controller_desired_replicas{namespace="
                              "\"default\",hpa_name=\"web\"} 3\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("hpa_name=\"gone\"")));
  EXPECT_THAT(text, testing::Not(HasSubstr("hpa_name=\"new\"")));
}

}  // namespace
}  // namespace skiff::autoscaler
