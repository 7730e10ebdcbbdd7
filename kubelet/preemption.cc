#include "kubelet/preemption.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "api/pods/pod_resources.h"
#include "api/rules/pods/pod_resources.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

using Victims = std::vector<std::shared_ptr<const core_v1::Pod>>;
using Needs = std::vector<Shortfall>;

int64_t FreedBy(const core_v1::Pod& pod, const std::string& resource) {
  if (resource == "pods") return 1;
  const Resources requests = PodRequests(pod.spec);
  if (resource == "cpu") return requests.milli_cpu;
  if (resource == "memory") return requests.memory;
  if (resource == "ephemeral-storage") return requests.ephemeral_storage;
  const auto found = requests.scalar.find(resource);
  return found == requests.scalar.end() ? 0 : found->second;
}

bool MayPreempt(const core_v1::Pod& pod, const core_v1::Pod& other) {
  if (IsCriticalPod(pod) && !IsCriticalPod(other)) return true;
  return pod.spec.priority && other.spec.priority && *pod.spec.priority > *other.spec.priority;
}

// What lacks still when these are gone.
Needs LeftAfter(const Needs& needs, const Victims& gone) {
  Needs left;
  for (const Shortfall& need : needs) {
    int64_t amount = need.amount;
    for (const auto& pod : gone) {
      amount = SaturatedDifference(amount, FreedBy(*pod, need.resource));
    }
    if (amount > 0) left.push_back({need.resource, amount});
  }
  return left;
}

Victims Together(Victims a, const Victims& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Each resource counts the same, by the part of it that would lack still.
double DistanceTo(const Needs& needs, const core_v1::Pod& pod) {
  double distance = 0;
  for (const Shortfall& need : needs) {
    const int64_t left = SaturatedDifference(need.amount, FreedBy(pod, need.resource));
    if (left <= 0) continue;
    const double part = static_cast<double>(left) / static_cast<double>(need.amount);
    distance += part * part;
  }
  return distance;
}

bool AsksForNoMore(const core_v1::Pod& a, const core_v1::Pod& b) {
  const Resources one = PodRequests(a.spec), other = PodRequests(b.spec);
  return std::pair(one.memory, one.milli_cpu) <= std::pair(other.memory, other.milli_cpu);
}

std::string NeedsText(const Needs& needs) {
  std::string text = "[";
  for (const Shortfall& need : needs) {
    text += fmt::format("(res: {}, q: {}), ", need.resource, need.amount);
  }
  return text + "]";
}

// As few of `pods` as free what is needed.
Result<Victims> Nearest(Victims pods, Needs needs) {
  Victims chosen;
  while (!needs.empty()) {
    if (pods.empty()) {
      return Fail(Reason::kConflict,
                  "no set of running pods found to reclaim resources: " + NeedsText(needs));
    }
    size_t best = 0;
    double shortest = static_cast<double>(needs.size() + 1);  // Farther than any.
    for (size_t i = 0; i < pods.size(); ++i) {
      const double distance = DistanceTo(needs, *pods[i]);
      if (distance > shortest) continue;
      if (distance == shortest && !AsksForNoMore(*pods[i], *pods[best])) continue;
      shortest = distance;
      best = i;
    }
    needs = LeftAfter(needs, {pods[best]});
    chosen.push_back(pods[best]);
    pods[best] = pods.back();
    pods.pop_back();
  }
  return chosen;
}

Victims OfClass(const Victims& pods, std::string_view qos_class) {
  Victims found;
  std::copy_if(pods.begin(), pods.end(), std::back_inserter(found),
               [&](const auto& each) { return ComputeQosClass(each->spec) == qos_class; });
  return found;
}

Result<Victims> Choose(const Victims& may, const Needs& needs) {
  const Victims best_effort = OfClass(may, "BestEffort");
  const Victims burstable = OfClass(may, "Burstable");
  const Victims guaranteed = OfClass(may, "Guaranteed");
  if (const Needs left = LeftAfter(needs, may); !left.empty()) {
    return Fail(Reason::kConflict,
                "no set of running pods found to reclaim resources: " + NeedsText(left));
  }
  const Victims first =
      TRY(Nearest(guaranteed, LeftAfter(needs, Together(best_effort, burstable))));
  const Victims second = TRY(Nearest(burstable, LeftAfter(needs, Together(best_effort, first))));
  const Victims third = TRY(Nearest(best_effort, LeftAfter(needs, Together(second, first))));
  return Together(Together(third, second), first);
}

}  // namespace

Result<Victims> PodsToPreempt(const core_v1::Pod& pod, const Victims& others,
                              const std::vector<Shortfall>& shortfalls) {
  Victims may;
  std::copy_if(others.begin(), others.end(), std::back_inserter(may),
               [&](const auto& other) { return MayPreempt(pod, *other); });
  auto chosen = Choose(may, shortfalls);
  if (chosen) return chosen;
  return Fail(chosen.error().reason,
              "preemption: error finding a set of pods to preempt: " + chosen.error().message);
}

}  // namespace skiff::kubelet
