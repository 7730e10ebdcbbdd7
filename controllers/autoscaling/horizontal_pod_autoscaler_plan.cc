#include "controllers/autoscaling/horizontal_pod_autoscaler_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "api/select/selector_go_text.h"
#include "api/text/go_text.h"

namespace skiff::autoscaler {
namespace {

using autoscaling_v2::HorizontalPodAutoscalerSpec;
using autoscaling_v2::HorizontalPodAutoscalerStatus;
using autoscaling_v2::HPAScalingRules;
using autoscaling_v2::MetricSpec;
using autoscaling_v2::MetricStatus;
using autoscaling_v2::MetricTarget;
using autoscaling_v2::MetricValueStatus;

Finding Known(int32_t replicas, std::string name, MetricStatus status) {
  return {Proposal{replicas, std::move(name), std::move(status)}, {}};
}

// `inner` tells what failed, Invalid where its author has to mend the metric; `outer` is put in
// front of it for the autoscaler as a whole.
Finding NotKnown(const char* reason, const Error& inner, const std::string& outer) {
  return {{},
          Unknown{.reason = reason,
                  .message = inner.message,
                  .whole = outer + ": " + inner.message,
                  .is_spec = inner.reason == Reason::kInvalid}};
}

MetricStatus StatusOf(const MetricSpec& spec) {
  MetricStatus status;
  status.type = spec.type;
  return status;
}

// What both kinds of resource metrics share.
struct ResourceSource {
  const std::string& name;
  const MetricTarget& target;
  const char* label;  // "cpu container resource utilization ..."
};

struct ResourceFinding {
  int32_t replicas = 0;
  std::string name;
  MetricValueStatus current;
};

// Memory is said in bytes and their powers of 1024, as metrics-server says it.
Quantity AmountOf(const std::string& resource, int64_t milli) {
  constexpr int64_t kMilli = 1000;
  const bool is_small = milli < 1024 * kMilli && milli > -1024 * kMilli;
  if (resource != "memory" || is_small) return Quantity::FromMilli(milli);
  return Quantity::FromValue(milli / kMilli + (milli % kMilli > 0 ? 1 : 0), true);
}

Result<ResourceFinding> FindResource(const ResourceSource& source, const Result<Usage>& usage) {
  const bool by_value = source.target.average_value.has_value();
  if (!by_value && !source.target.average_utilization) {
    return Fail(Reason::kInvalid,
                "invalid resource metric source: neither an average utilization target nor an "
                "average value (usage) target was set");
  }
  const auto advice = [&]() -> Result<Advice> {
    if (!usage) {
      return Fail(Reason::kUnknown, fmt::format("unable to get metrics for resource {}: {}",
                                                source.name, usage.error().message));
    }
    return by_value ? ByAverage(*usage, source.target.average_value->MilliValue())
                    : ByUtilization(*usage, *source.target.average_utilization);
  }();
  if (!advice) {
    return Fail(Reason::kUnknown,
                fmt::format("failed to get {} {}: {}", source.name,
                            by_value ? "usage" : "utilization", advice.error().message));
  }
  ResourceFinding found;
  found.replicas = advice->replicas;
  found.name = by_value ? source.name + " resource"
                        : fmt::format("{} {} utilization (percentage of request)", source.name,
                                      source.label);
  found.current.average_value = AmountOf(source.name, advice->average_milli);
  found.current.average_utilization = advice->utilization;
  return found;
}

Finding FindContainerResource(const MetricSpec& spec, const Result<Usage>& usage) {
  const auto& source = *spec.container_resource;
  const auto found = FindResource({source.name, source.target, "container resource"}, usage);
  if (!found) {
    return NotKnown("FailedGetContainerResourceMetric", found.error(),
                    fmt::format("failed to get {} container metric value", source.container));
  }
  MetricStatus status = StatusOf(spec);
  auto& said = status.container_resource.emplace();
  said.name = source.name;
  said.container = source.container;
  said.current = found->current;
  return Known(found->replicas, found->name, std::move(status));
}

// One number that all pods share in: for itself, or for its share a pod. nullopt: no target is set.
struct Shared {
  Advice advice;
  bool is_share = false;
};
std::optional<Result<Shared>> FindShared(const MetricTarget& target, bool by_share,
                                         const Usage& usage, const Target& scale,
                                         const Result<int64_t>& milli) {
  const auto& amount = by_share ? target.average_value : target.value;
  if (!amount) return std::nullopt;
  if (!milli) return Fail(milli.error());
  if (by_share) {
    return Shared{ByShare(usage.tolerances, scale.running, *milli, amount->MilliValue()), true};
  }
  auto advice = ByValue(usage, *milli, amount->MilliValue());
  if (!advice) return Fail(advice.error());
  return Shared{*advice, false};
}

MetricValueStatus CurrentOf(const Shared& shared) {
  MetricValueStatus current;
  auto& amount = shared.is_share ? current.average_value : current.value;
  amount = Quantity::FromMilli(shared.advice.average_milli);
  return current;
}

}  // namespace

Finding FindByResource(const MetricSpec& spec, const Result<Usage>& usage) {
  if (spec.container_resource) return FindContainerResource(spec, usage);
  const auto& source = *spec.resource;
  const auto found = FindResource({source.name, source.target, "resource"}, usage);
  if (!found) {
    return NotKnown("FailedGetResourceMetric", found.error(),
                    fmt::format("failed to get {} resource metric value", source.name));
  }
  MetricStatus status = StatusOf(spec);
  auto& said = status.resource.emplace();
  said.name = source.name;
  said.current = found->current;
  return Known(found->replicas, found->name, std::move(status));
}

Finding FindByPods(const MetricSpec& spec, const Result<Usage>& usage) {
  const auto& source = *spec.pods;
  const int64_t target = source.target.average_value.value_or(Quantity()).MilliValue();
  std::string error;
  if (!usage) {
    error = fmt::format("unable to get metric {}: {}", source.metric.name, usage.error().message);
  } else if (const auto advice = ByAverage(*usage, target); !advice) {
    error = advice.error().message;
  } else {
    MetricStatus status = StatusOf(spec);
    auto& said = status.pods.emplace();
    said.metric = source.metric;
    said.current.average_value = Quantity::FromMilli(advice->average_milli);
    return Known(advice->replicas, "pods metric " + source.metric.name, std::move(status));
  }
  return NotKnown("FailedGetPodsMetric", {Reason::kUnknown, error}, "failed to get pods metric value");
}

Finding FindByObject(const MetricSpec& spec, const Usage& usage, const Target& target,
                     const std::string& name_space, const Result<int64_t>& milli) {
  constexpr const char* kReason = "FailedGetObjectMetric";
  constexpr const char* kFailed = "failed to get object metric value";
  const auto& source = *spec.object;
  const auto& object = source.described_object;
  Result<int64_t> known = milli;
  if (!milli) {
    known = Fail(Reason::kUnknown, fmt::format("unable to get metric {}: {} on {} {}/{}",
                                               source.metric.name, object.kind, name_space,
                                               object.name, milli.error().message));
  }
  const bool by_share = source.target.type == "AverageValue";
  const auto found = FindShared(source.target, by_share, usage, target, known);
  if (!found) {
    return NotKnown(kReason,
                    {Reason::kInvalid,
                     "invalid object metric source: neither a value target nor an average value "
                     "target was set"},
                    kFailed);
  }
  if (!*found) {
    const std::string of =
        by_share ? fmt::format("{}: failed to get {} object metric", kFailed, source.metric.name)
                 : kFailed;
    return NotKnown(kReason, found->error(), of);
  }
  MetricStatus status = StatusOf(spec);
  auto& said = status.object.emplace();
  said.metric = source.metric;
  said.described_object = object;
  said.current = CurrentOf(**found);
  std::string name =
      by_share ? fmt::format("external metric {}({})", source.metric.name,
                             GoText(source.metric.selector))
               : fmt::format("{} metric {}", object.kind, source.metric.name);
  return Known((*found)->advice.replicas, std::move(name), std::move(status));
}

Finding FindByExternal(const MetricSpec& spec, const Usage& usage, const Target& target,
                       const std::string& name_space, const Result<int64_t>& milli) {
  constexpr const char* kReason = "FailedGetExternalMetric";
  const auto& source = *spec.external;
  const std::string selector = GoText(source.metric.selector);
  const std::string failed =
      fmt::format("failed to get {} external metric value", source.metric.name);
  Result<int64_t> known = milli;
  if (!milli) {
    known = Fail(Reason::kUnknown,
                 fmt::format("unable to get external metric {}/{}/{}: {}", name_space,
                             source.metric.name, selector, milli.error().message));
  }
  const bool by_share = source.target.average_value.has_value();
  const auto found = FindShared(source.target, by_share, usage, target, known);
  if (!found) {
    return NotKnown(kReason,
                    {Reason::kInvalid,
                     "invalid external metric source: neither a value target nor an average value "
                     "target was set"},
                    failed);
  }
  if (!*found) {
    const std::string of =
        by_share ? fmt::format("failed to get {} external metric", source.metric.name)
                 : "failed to get external metric " + source.metric.name;
    return NotKnown(kReason, found->error(), failed + ": " + of);
  }
  MetricStatus status = StatusOf(spec);
  auto& said = status.external.emplace();
  said.metric = source.metric;
  said.current = CurrentOf(**found);
  return Known((*found)->advice.replicas,
               fmt::format("external metric {}({})", source.metric.name, selector),
               std::move(status));
}

Finding FindNothing(const MetricSpec& spec) {
  const std::string error = "unknown metric source type " + GoQuote(spec.type);
  return {{}, Unknown{"InvalidMetricSourceType", error, error, true}};
}

Outcome OutcomeOf(const Finding& finding, int32_t current) {
  if (finding.proposal) return {.current = current, .wanted = finding.proposal->replicas};
  return {.failure = finding.unknown.is_spec ? Outcome::Failure::kSpec
                                             : Outcome::Failure::kInternal};
}

Consensus Agree(const std::vector<Finding>& findings, int32_t current) {
  Consensus out;
  const Unknown* first = nullptr;
  size_t unknown = 0;
  int32_t most = 0;
  for (const Finding& finding : findings) {
    out.statuses.push_back(finding.proposal ? finding.proposal->status : MetricStatus());
    if (!finding.proposal) {
      if (unknown++ == 0) first = &finding.unknown;
    } else if (most == 0 || finding.proposal->replicas > most) {
      most = finding.proposal->replicas;
      out.name = finding.proposal->name;
    }
  }
  if (first != nullptr) {
    out.error = fmt::format("invalid metrics ({} invalid out of {}), first error is: {}", unknown,
                            findings.size(), first->whole);
  }
  if (unknown == findings.size() || (unknown > 0 && most < current)) {
    if (first != nullptr) {
      out.active = {false, first->reason,
                    "the HPA was unable to compute the replica count: " + first->message};
    }
    return out;
  }
  out.replicas = most;
  out.active = {true, "ValidMetricFound",
                "the HPA was able to successfully calculate a replica count from " + out.name};
  return out;
}

Tolerances TolerancesOf(const HorizontalPodAutoscalerSpec& spec, double by_default) {
  const auto of = [&](const Box<HPAScalingRules>& rules) {
    if (!rules || !rules->tolerance) return by_default;
    return rules->tolerance->Approximate();
  };
  if (!spec.behavior) return {by_default, by_default};
  return {.down = of(spec.behavior->scale_down), .up = of(spec.behavior->scale_up)};
}

std::optional<Shortcut> WithoutMetrics(const HorizontalPodAutoscalerSpec& spec, int32_t current) {
  const int32_t least = LeastReplicas(spec);
  if (current == 0 && least != 0) return Shortcut{0, ""};
  if (current > spec.max_replicas) {
    return Shortcut{spec.max_replicas, "Current number of replicas above Spec.MaxReplicas"};
  }
  if (current < least) {
    return Shortcut{least, "Current number of replicas below Spec.MinReplicas"};
  }
  return std::nullopt;
}

std::string RescaleReason(int32_t current, int32_t wanted, const std::string& metric) {
  if (wanted > current) return metric + " above target";
  return wanted < current ? "All metrics below target" : "";
}

void SetCondition(HorizontalPodAutoscalerStatus& status, const std::string& type,
                  const Verdict& verdict, TimePoint now) {
  auto found = std::find_if(status.conditions.begin(), status.conditions.end(),
                            [&](const auto& each) { return each.type == type; });
  if (found == status.conditions.end()) {
    found = status.conditions.emplace(found);
    found->type = type;
  }
  const char* value = verdict.is_true ? "True" : "False";
  if (found->status != value) found->last_transition_time = now;
  found->status = value;
  found->reason = verdict.reason;
  found->message = verdict.message;
}

std::string GoText(const Box<meta_v1::LabelSelector>& selector) {
  return selector ? GoSelectorText(*selector) : "nil";
}

}  // namespace skiff::autoscaler
