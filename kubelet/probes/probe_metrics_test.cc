#include "kubelet/probes/probe_metrics.h"

#include <gmock/gmock.h>

namespace skiff::kubelet {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProbeMetricsTest, AttemptsAreCountedByResultAndTimedWhereTheySucceed) {
  MetricRegistry registry;
  ProbeMetrics metrics;
  metrics.AddTo(registry);
  EXPECT_EQ(registry.Text(), "");
  const ProbeMetrics::Probe probe{"shop", "web", "u1", "main", "Liveness"};
  metrics.Observe(probe, true, 30ms);
  metrics.Observe(probe, true, 30ms);
  metrics.Observe(probe, false, 9s);
  const std::string text = registry.Text();
  const std::string labels =
      R"({container="main",namespace="shop",pod="web",pod_uid="u1",probe_type="Liveness",result=)";
  EXPECT_THAT(text, HasSubstr("prober_probe_total" + labels + "\"successful\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("prober_probe_total" + labels + "\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(R"(_bucket{container="main",namespace="shop",pod="web",)"
                              R"(probe_type="Liveness",le="0.025"} 0)"));
  EXPECT_THAT(text, HasSubstr(R"(probe_type="Liveness",le="0.05"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(probe_type="Liveness"} 0.06)"));
}

TEST(ProbeMetricsTest, WhatIsKnownOfAPodGoesWithIt) {
  MetricRegistry registry;
  ProbeMetrics metrics;
  metrics.AddTo(registry);
  metrics.Observe({"shop", "web", "u1", "main", "Readiness"}, true, 1ms);
  metrics.Observe({"shop", "api", "u2", "main", "Readiness"}, true, 1ms);
  metrics.Forget("u1");
  EXPECT_THAT(registry.Text(), Not(HasSubstr("u1")));
  EXPECT_THAT(registry.Text(), HasSubstr("u2"));
}

}  // namespace
}  // namespace skiff::kubelet
