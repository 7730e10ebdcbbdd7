// NodeResourcesFit, its scores, NodeResourcesBalancedAllocation and ImageLocality.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "api/rules/devices/resource_names.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

int64_t Amount(const Resources& resources, const std::string& name) {
  const auto found = resources.scalar.find(name);
  return found == resources.scalar.end() ? 0 : found->second;
}

struct Shortage {
  Verdict verdict;
  // A request that even the empty node could not serve is no use waiting for.
  void Check(std::string_view reason, int64_t wanted, int64_t allocatable, int64_t used) {
    if (!IsShort(wanted, allocatable, used)) return;
    if (verdict.constant.empty() && verdict.more.empty()) {
      verdict.constant = reason;
    } else {
      verdict.more.emplace_back(reason);
    }
    Note(wanted, allocatable);
  }
  void CheckNamed(const std::string& name, int64_t wanted, int64_t allocatable, int64_t used) {
    if (!IsShort(wanted, allocatable, used)) return;
    verdict.more.push_back("Insufficient " + name);
    Note(wanted, allocatable);
  }
  static bool IsShort(int64_t wanted, int64_t allocatable, int64_t used) {
    return wanted > 0 && wanted > allocatable - used;
  }
  void Note(int64_t wanted, int64_t allocatable) {
    if (wanted > allocatable) {
      verdict.code = Verdict::Code::kUnresolvable;
    } else if (verdict.fits()) {
      verdict.code = Verdict::Code::kUnschedulable;
    }
  }
};

bool IsIgnored(const std::string& name, const Profile& profile) {
  if (!IsExtendedResource(name)) return false;
  if (profile.ignored_resources.contains(name)) return true;
  return profile.ignored_resource_groups.contains(name.substr(0, name.find('/')));
}

Verdict Fit(const PodInfo& pod, const NodeInfo& node, const Profile& profile) {
  Shortage shortage;
  if (static_cast<int64_t>(node.pods.size()) + 1 > node.pods_max) {
    shortage.verdict = Verdict::Unschedulable("Too many pods");
  }
  const Resources& wanted = pod.requests;
  shortage.Check("Insufficient cpu", wanted.milli_cpu, node.allocatable.milli_cpu,
                 node.requested.milli_cpu);
  shortage.Check("Insufficient memory", wanted.memory, node.allocatable.memory,
                 node.requested.memory);
  shortage.Check("Insufficient ephemeral-storage", wanted.ephemeral_storage,
                 node.allocatable.ephemeral_storage, node.requested.ephemeral_storage);
  for (const auto& [name, amount] : wanted.scalar) {
    if (IsIgnored(name, profile)) continue;
    shortage.CheckNamed(name, amount, Amount(node.allocatable, name),
                        Amount(node.requested, name));
  }
  return shortage.verdict;
}

// A resource that nodes are scored by, as the pod would take it.
struct Scored {
  int64_t Resources::*at = nullptr;  // nullptr: the scalar of that name.
  const std::string* name = nullptr;
  int64_t weight = 1;
  int64_t pod = 0;

  int64_t In(const Resources& resources) const {
    return at == nullptr ? Amount(resources, *name) : resources.*at;
  }
};

// Those of `named` that the pod has a part in: cpu, memory and ephemeral storage always, others if
// it requests them. They point into `named`.
std::vector<Scored> ScoredOf(const std::vector<ResourceWeight>& named, const Resources& pod) {
  std::vector<Scored> scored;
  for (const ResourceWeight& each : named) {
    Scored one{.name = &each.name, .weight = each.weight};
    if (each.name == "cpu") one.at = &Resources::milli_cpu;
    if (each.name == "memory") one.at = &Resources::memory;
    if (each.name == "ephemeral-storage") one.at = &Resources::ephemeral_storage;
    one.pod = one.In(pod);
    if (one.at != nullptr || one.pod != 0) scored.push_back(one);
  }
  return scored;
}

// Each a type of its own, so that it is inlined where hundreds of nodes are scored.
constexpr auto kLeastAllocated = [](int64_t used, int64_t allocatable) -> int64_t {
  return used > allocatable ? 0 : (allocatable - used) * 100 / allocatable;
};

constexpr auto kMostAllocated = [](int64_t used, int64_t allocatable) -> int64_t {
  return std::min(used, allocatable) * 100 / allocatable;
};

int64_t OnShape(const std::vector<ScoringStrategy::Point>& shape, int64_t utilization) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (utilization > shape[i].utilization) continue;
    if (i == 0) return shape[0].score;
    const auto& before = shape[i - 1];
    return before.score + (shape[i].score - before.score) * (utilization - before.utilization) /
                              (shape[i].utilization - before.utilization);
  }
  return shape.back().score;
}

// What is used of a node by cpu and memory counts for pods that state none, too.
int64_t UsedWith(const Scored& resource, const NodeInfo& node) {
  const bool counts_as_stated =
      resource.at != &Resources::milli_cpu && resource.at != &Resources::memory;
  const Resources& taken = counts_as_stated ? node.requested : node.non_zero_requested;
  // Who names a node himself may ask there for as much as there are numbers.
  return SaturatedSum(resource.In(taken), resource.pod);
}

// The weighted mean of what `score` says of each resource.
template <typename Score>
NodeScore MeanScore(std::vector<Scored> resources, Score score) {
  return [resources = std::move(resources), score](const NodeInfo& node) -> int64_t {
    int64_t sum = 0, weight = 0;
    for (const Scored& each : resources) {
      const int64_t allocatable = each.In(node.allocatable);
      if (allocatable <= 0) continue;
      sum += each.weight * score(UsedWith(each, node), allocatable);
      weight += each.weight;
    }
    return weight == 0 ? 0 : sum / weight;
  };
}

// The rounded mean of those with a score.
NodeScore RatioScore(std::vector<Scored> resources, std::vector<ScoringStrategy::Point> shape) {
  return [resources = std::move(resources),
          shape = std::move(shape)](const NodeInfo& node) -> int64_t {
    int64_t sum = 0, weight = 0;
    for (const Scored& each : resources) {
      const int64_t allocatable = each.In(node.allocatable);
      if (allocatable <= 0) continue;
      const int64_t used = UsedWith(each, node);
      const int64_t score = OnShape(shape, used > allocatable ? 100 : used * 100 / allocatable);
      if (score <= 0) continue;
      sum += each.weight * score;
      weight += each.weight;
    }
    if (weight == 0) return 0;
    return std::llround(static_cast<double>(sum) / static_cast<double>(weight));
  };
}

// How far the used shares of a node are from one another.
double Deviation(const std::vector<double>& shares) {
  if (shares.size() < 2) return 0;
  if (shares.size() == 2) return std::fabs(shares[0] - shares[1]) / 2;
  const auto count = static_cast<double>(shares.size());
  const double mean = std::accumulate(shares.begin(), shares.end(), 0.0) / count;
  double squares = 0;
  for (const double share : shares) squares += (share - mean) * (share - mean);
  return std::sqrt(squares / count);
}

constexpr int64_t kMiB = 1024 * 1024;
constexpr int64_t kImageMin = 23 * kMiB;
constexpr int64_t kImageMaxPerContainer = 1000 * kMiB;

std::string WithTag(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  return has_tag ? image : image + ":latest";
}

}  // namespace

Prepared PrepareNodeResourcesFit(const PodInfo& pod, const Snapshot& snapshot) {
  return Prepared::Each([&pod, &profile = ProfileOf(snapshot)](const NodeInfo& node) {
    return Fit(pod, node, profile);
  });
}

PreparedScore ScoreResourcesFit(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  const ScoringStrategy& strategy = ProfileOf(snapshot).scoring;
  // Of others than cpu and memory it is what the pod asks for.
  auto resources =
      ScoredOf(strategy.resources,
               pod.pod->spec.resources ? NonZeroContainersRequests(pod.pod->spec) : pod.non_zero);
  switch (strategy.type) {
    case ScoringStrategy::Type::kLeastAllocated:
      return {MeanScore(std::move(resources), kLeastAllocated), {}};
    case ScoringStrategy::Type::kMostAllocated:
      return {MeanScore(std::move(resources), kMostAllocated), {}};
    case ScoringStrategy::Type::kRequestedToCapacityRatio:
      return {RatioScore(std::move(resources), strategy.shape), {}};
  }
  return {};
}

PreparedScore ScoreBalancedAllocation(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  auto resources = ScoredOf(ProfileOf(snapshot).balanced_resources, pod.requests);
  const bool asks_for_none = std::all_of(resources.begin(), resources.end(),
                                         [](const Scored& each) { return each.pod == 0; });
  if (asks_for_none) return {};
  // The shares are kept from node to node for their memory alone: hundreds are scored.
  return {[resources = std::move(resources),
           shares = std::vector<double>()](const NodeInfo& node) mutable -> int64_t {
            shares.clear();
            for (const Scored& each : resources) {
              const int64_t allocatable = each.In(node.allocatable);
              if (allocatable <= 0) continue;
              const int64_t used = SaturatedSum(each.In(node.requested), each.pod);
              shares.push_back(std::min(
                  1.0, static_cast<double>(used) / static_cast<double>(allocatable)));
            }
            return static_cast<int64_t>((1 - Deviation(shares)) * 100);
          },
          {}};
}

PreparedScore ScoreImageLocality(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  if (snapshot.images == nullptr) return {};
  // One that two containers have counts twice.
  std::vector<std::string> names;
  const auto& spec = pod.pod->spec;
  for (const auto& container : spec.init_containers) names.push_back(WithTag(container.image));
  for (const auto& container : spec.containers) names.push_back(WithTag(container.image));
  const auto nodes = static_cast<int64_t>(snapshot.nodes.size());
  std::vector<std::pair<std::string, int64_t>> worth;
  int64_t everywhere = 0;
  for (const std::string& name : names) {
    const auto found = snapshot.images->find(name);
    if (found == snapshot.images->end()) continue;
    const double share = static_cast<double>(found->second.nodes) / static_cast<double>(nodes);
    const auto value = static_cast<int64_t>(static_cast<double>(found->second.size) * share);
    if (found->second.nodes == nodes) {
      everywhere += value;
    } else {
      worth.emplace_back(name, value);
    }
  }
  if (worth.empty()) return {};  // What is the same everywhere prefers none.
  const auto containers =
      static_cast<int64_t>(spec.containers.size() + spec.init_containers.size());
  return {[worth = std::move(worth), everywhere, containers](const NodeInfo& node) -> int64_t {
            int64_t sum = everywhere;
            for (const auto& [name, value] : worth) {
              if (node.images && node.images->contains(name)) sum += value;
            }
            const int64_t highest = kImageMaxPerContainer * containers;
            sum = std::clamp(sum, kImageMin, highest);
            return 100 * (sum - kImageMin) / (highest - kImageMin);
          },
          {}};
}

}  // namespace skiff::scheduler
