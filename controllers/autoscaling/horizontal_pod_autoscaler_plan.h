// What a HorizontalPodAutoscaler makes of its metrics, and what its status says. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/autoscaling_v2.h"
#include "controllers/autoscaling/autoscaler_figures.h"
#include "controllers/autoscaling/autoscaler_limits.h"
#include "controllers/autoscaling/autoscaler_usage.h"

namespace skiff::autoscaler {

// What one metric calls for.
struct Proposal {
  int32_t replicas = 0;
  std::string name;  // "cpu resource utilization (percentage of request)"
  autoscaling_v2::MetricStatus status;
};

// A metric that says nothing.
struct Unknown {
  std::string reason;  // "FailedGetResourceMetric"
  std::string message;
  std::string whole;  // The same, as what befell the autoscaler.
  bool is_spec = false;  // Its author has to mend the metric.
};

// One entry of spec.metrics.
struct Finding {
  std::optional<Proposal> proposal;
  Unknown unknown;  // Without a proposal.
};

// For those who count.
Outcome OutcomeOf(const Finding& finding, int32_t current);

// What the target is now.
struct Target {
  int32_t wanted = 0;   // scale.spec.replicas
  int32_t running = 0;  // scale.status.replicas
};

// What all metrics together call for.
struct Consensus {
  std::optional<int32_t> replicas;  // nullopt: too little is known to do anything.
  std::string name;                 // Of the metric that asked for the most.
  std::string error;                // "": all metrics are known.
  Verdict active;                   // ScalingActive
  std::vector<autoscaling_v2::MetricStatus> statuses;  // One a metric; empty where unknown.
};
// The highest wins; while some are unknown, nothing is made smaller.
Consensus Agree(const std::vector<Finding>& findings, int32_t current);

// A metric of the pods: `usage` may fail, as the metrics may not be had. Of `spec` the source that
// its type names.
Finding FindByResource(const autoscaling_v2::MetricSpec& spec, const Result<Usage>& usage);
Finding FindByPods(const autoscaling_v2::MetricSpec& spec, const Result<Usage>& usage);
// A metric that is one number: `milli` of it, as the metrics API has it.
Finding FindByObject(const autoscaling_v2::MetricSpec& spec, const Usage& usage,
                     const Target& target, const std::string& name_space,
                     const Result<int64_t>& milli);
Finding FindByExternal(const autoscaling_v2::MetricSpec& spec, const Usage& usage,
                       const Target& target, const std::string& name_space,
                       const Result<int64_t>& milli);
// Of a type that nobody knows.
Finding FindNothing(const autoscaling_v2::MetricSpec& spec);

// The default for both directions, unless the behaviour says otherwise.
Tolerances TolerancesOf(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec,
                        double by_default);

// What needs no metrics: a target beyond its limits, or one at 0, which is left alone.
struct Shortcut {
  int32_t replicas = 0;
  std::string reason;  // "": left alone.
};
std::optional<Shortcut> WithoutMetrics(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec,
                                       int32_t current);
// Why a target is scaled; "" when it is not.
std::string RescaleReason(int32_t current, int32_t wanted, const std::string& metric);

void SetCondition(autoscaling_v2::HorizontalPodAutoscalerStatus& status, const std::string& type,
                  const Verdict& verdict, TimePoint now);

// A selector as Go prints the struct; "nil" without one.
std::string GoText(const Box<meta_v1::LabelSelector>& selector);

}  // namespace skiff::autoscaler
