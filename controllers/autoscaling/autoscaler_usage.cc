#include "controllers/autoscaling/autoscaler_usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "api/pods/conditions.h"
#include "api/pods/pod_resources.h"
#include "base/seconds.h"

namespace skiff::autoscaler {
namespace {

using core_v1::Container;
using core_v1::Pod;

// Up, and at most what a replica count can be.
int32_t Replicas(double wanted) {
  constexpr double kMost = std::numeric_limits<int32_t>::max();
  if (std::isnan(wanted)) return 0;
  return static_cast<int32_t>(std::clamp(std::ceil(wanted), 0.0, kMost));
}

struct Groups {
  int ready = 0;
  std::vector<std::string> unready;
  std::vector<std::string> missing;  // Nobody has measured them.
  std::vector<std::string> ignored;  // They are going, or gone.
};

// What a pod needs for its start says nothing of what it needs for its work.
bool IsStarting(const Pod& pod, const PodMetric& metric, const Usage& usage) {
  const auto* ready = FindCondition(pod.status.conditions, "Ready");
  if (ready == nullptr || !pod.status.start_time) return true;
  const TimePoint started = pod.status.start_time->point();
  const TimePoint turned = ready->last_transition_time.point();
  const bool is_unready = ready->status == "False";
  if (Later(started, usage.delays.cpu_initialization) > usage.now) {
    return is_unready || metric.at < Later(turned, metric.window);
  }
  return is_unready && Later(started, usage.delays.initial_readiness) > turned;
}

Groups GroupsOf(const Usage& usage) {
  Groups groups;
  for (const auto& pod : usage.pods) {
    const std::string& name = pod->metadata.name;
    const auto metric = usage.metrics.find(name);
    if (pod->metadata.deletion_timestamp || pod->status.phase == "Failed") {
      groups.ignored.push_back(name);
    } else if (pod->status.phase == "Pending") {
      groups.unready.push_back(name);
    } else if (metric == usage.metrics.end()) {
      groups.missing.push_back(name);
    } else if (usage.resource == "cpu" && IsStarting(*pod, metric->second, usage)) {
      groups.unready.push_back(name);
    } else {
      ++groups.ready;
    }
  }
  return groups;
}

// What use is to its target.
struct Ratio {
  double value = 0;
  int64_t average_milli = 0;
  std::optional<int32_t> utilization;
};

// How a metric is judged by what all pods use, and what a pod that nobody has measured is taken to
// use when the others call for fewer of them.
struct Measure {
  std::function<Result<Ratio>(const PodMetrics& metrics)> ratio;
  std::function<int64_t(const std::string& pod)> full;
};

// Those that nobody has measured, and those that start, are taken to use what least supports the
// change that the others call for.
void FillIn(const Groups& groups, double ratio, const Measure& measure, PodMetrics& metrics) {
  for (const std::string& name : groups.missing) {
    if (ratio != 1.0) metrics[name] = {.milli = ratio < 1.0 ? measure.full(name) : 0};
  }
  if (ratio <= 1.0) return;
  for (const std::string& name : groups.unready) metrics[name] = {};
}

Result<Advice> Judge(const Usage& usage, const Groups& groups, PodMetrics metrics,
                     const Measure& measure) {
  const Ratio first = TRY(measure.ratio(metrics));
  Advice advice{usage.current, first.average_milli, first.utilization};
  const bool is_whole =
      groups.missing.empty() && (groups.unready.empty() || first.value <= 1.0);
  if (is_whole) {
    if (!usage.tolerances.Allow(first.value)) {
      advice.replicas = Replicas(first.value * groups.ready);
    }
    return advice;
  }
  FillIn(groups, first.value, measure, metrics);
  const double ratio = TRY(measure.ratio(metrics)).value;
  const bool turned =
      (first.value < 1.0 && ratio > 1.0) || (first.value > 1.0 && ratio < 1.0);
  if (turned || usage.tolerances.Allow(ratio)) return advice;
  const int32_t wanted = Replicas(ratio * static_cast<double>(metrics.size()));
  const bool against = ratio < 1.0 ? wanted > usage.current : wanted < usage.current;
  if (!against) advice.replicas = wanted;
  return advice;
}

// The metrics of the pods that can be judged by.
Result<PodMetrics> Counted(const Usage& usage, const Groups& groups) {
  PodMetrics metrics = usage.metrics;
  for (const auto* names : {&groups.ignored, &groups.unready}) {
    for (const std::string& name : *names) metrics.erase(name);
  }
  if (metrics.empty()) {
    return Fail(Reason::kUnknown,
                "did not receive metrics for targeted pods (pods might be unready)");
  }
  return metrics;
}

Result<> CheckPods(const Usage& usage) {
  if (!usage.pods.empty()) return {};
  return Fail(Reason::kUnknown, "no pods returned by selector while calculating replica count");
}

Result<int64_t> RequestOf(const Pod& pod, const Container& container,
                          const std::string& resource) {
  const auto found = container.resources.requests.find(resource);
  if (found != container.resources.requests.end()) return found->second.MilliValue();
  return Fail(Reason::kUnknown, fmt::format("missing request for {} in container {} of Pod {}",
                                            resource, container.name, pod.metadata.name));
}

Result<int64_t> RequestOfContainers(const Pod& pod, const Usage& usage) {
  std::vector<const Container*> containers;
  for (const Container& each : pod.spec.containers) containers.push_back(&each);
  for (const Container& each : pod.spec.init_containers) {
    if (each.restart_policy == "Always") containers.push_back(&each);
  }
  int64_t sum = 0;
  for (const Container* each : containers) {
    if (each->name == usage.container) return RequestOf(pod, *each, usage.resource);
    if (!usage.container.empty()) continue;
    const int64_t request = TRY(RequestOf(pod, *each, usage.resource));
    sum = SaturatedSum(sum, request);
  }
  if (usage.container.empty()) return sum;
  return Fail(Reason::kUnknown, fmt::format("container {} not found in Pod {}", usage.container,
                                            pod.metadata.name));
}

// A pod that says as a whole what it requests says so of cpu, memory and huge pages.
bool StatesForAll(const core_v1::PodSpec& spec) {
  if (!spec.resources) return false;
  const auto& requests = spec.resources->requests;
  return std::any_of(requests.begin(), requests.end(), [](const auto& entry) {
    return entry.first == "cpu" || entry.first == "memory" ||
           entry.first.starts_with("hugepages-");
  });
}

// In thousandths; 0 where it is none of them.
int64_t AmountIn(const Resources& all, const std::string& resource) {
  if (resource == "cpu") return all.milli_cpu;
  int64_t amount = 0;
  if (resource == "memory") {
    amount = all.memory;
  } else if (const auto found = all.scalar.find(resource); found != all.scalar.end()) {
    amount = found->second;
  }
  return amount > std::numeric_limits<int64_t>::max() / 1000 ? std::numeric_limits<int64_t>::max()
                                                             : amount * 1000;
}

// What a pod does not request as a whole is what its containers request together; its overhead
// comes on top of either.
Result<int64_t> RequestOfPod(const Pod& pod, const Usage& usage) {
  if (!usage.container.empty() || !StatesForAll(pod.spec)) return RequestOfContainers(pod, usage);
  const int64_t amount = AmountIn(PodRequests(pod.spec), usage.resource);
  if (amount > 0 || pod.spec.resources->requests.contains(usage.resource)) return amount;
  return Fail(Reason::kUnknown, fmt::format("missing pod-level request for {} in Pod {}",
                                            usage.resource, pod.metadata.name));
}

using Requests = std::map<std::string, int64_t>;

Result<Ratio> UtilizationOf(const PodMetrics& metrics, const Requests& requests, int32_t target) {
  int64_t used = 0;
  int64_t requested = 0;
  int64_t count = 0;
  for (const auto& [name, metric] : metrics) {
    const auto request = requests.find(name);
    if (request == requests.end()) continue;  // None of the target's, or made since.
    used = SaturatedSum(used, metric.milli);
    requested = SaturatedSum(requested, request->second);
    ++count;
  }
  if (requested == 0) {
    return Fail(Reason::kUnknown, "no metrics returned matched known pods");
  }
  const __int128 percent = static_cast<__int128>(used) * 100 / requested;
  const auto utilization = static_cast<int32_t>(
      std::min<__int128>(percent, std::numeric_limits<int32_t>::max()));
  return Ratio{static_cast<double>(utilization) / target, used / count, utilization};
}

Ratio AverageOf(const PodMetrics& metrics, int64_t target) {
  int64_t used = 0;
  for (const auto& [name, metric] : metrics) used = SaturatedSum(used, metric.milli);
  const int64_t average = used / static_cast<int64_t>(metrics.size());
  return {static_cast<double>(average) / static_cast<double>(target), average, {}};
}

}  // namespace

Result<Advice> ByUtilization(const Usage& usage, int32_t target) {
  TRY(CheckPods(usage));
  const Groups groups = GroupsOf(usage);
  PodMetrics metrics = TRY(Counted(usage, groups));
  Requests requests;
  for (const auto& pod : usage.pods) {
    const int64_t request = TRY(RequestOfPod(*pod, usage));
    requests[pod->metadata.name] = request;
  }
  Measure measure;
  measure.ratio = [&](const PodMetrics& of) { return UtilizationOf(of, requests, target); };
  measure.full = [&](const std::string& pod) {
    const __int128 full = static_cast<__int128>(requests[pod]) * std::max(100, target) / 100;
    return static_cast<int64_t>(std::min<__int128>(full, std::numeric_limits<int64_t>::max()));
  };
  return Judge(usage, groups, std::move(metrics), measure);
}

Result<Advice> ByAverage(const Usage& usage, int64_t target) {
  TRY(CheckPods(usage));
  const Groups groups = GroupsOf(usage);
  PodMetrics metrics = TRY(Counted(usage, groups));
  Measure measure;
  measure.ratio = [&](const PodMetrics& of) -> Result<Ratio> { return AverageOf(of, target); };
  measure.full = [&](const std::string&) { return target; };
  return Judge(usage, groups, std::move(metrics), measure);
}

Result<Advice> ByValue(const Usage& usage, int64_t milli, int64_t target) {
  const double ratio = static_cast<double>(milli) / static_cast<double>(target);
  Advice advice{usage.current, milli, {}};
  if (usage.current == 0) {
    advice.replicas = Replicas(ratio);
    return advice;
  }
  if (usage.tolerances.Allow(ratio)) return advice;
  if (const auto checked = CheckPods(usage); !checked) {
    return Fail(Reason::kUnknown, "unable to calculate ready pods: " + checked.error().message);
  }
  const auto ready = std::count_if(usage.pods.begin(), usage.pods.end(), [](const auto& pod) {
    const auto* condition = FindCondition(pod->status.conditions, "Ready");
    return pod->status.phase == "Running" && condition != nullptr && condition->status == "True";
  });
  advice.replicas = Replicas(ratio * static_cast<double>(ready));
  return advice;
}

Advice ByShare(const Tolerances& tolerances, int32_t running, int64_t milli, int64_t target) {
  const double shares = static_cast<double>(milli) / static_cast<double>(target);
  Advice advice{running, 0, {}};
  if (!tolerances.Allow(shares / running)) advice.replicas = Replicas(shares);
  if (running > 0) advice.average_milli = milli / running + (milli % running > 0 ? 1 : 0);
  return advice;
}

}  // namespace skiff::autoscaler
