// NodeResourcesFit, its LeastAllocated score, NodeResourcesBalancedAllocation and ImageLocality.
#include <algorithm>
#include <cmath>
#include <set>

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

Verdict Fit(const PodInfo& pod, const NodeInfo& node) {
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
    shortage.CheckNamed(name, amount, Amount(node.allocatable, name),
                        Amount(node.requested, name));
  }
  return shortage.verdict;
}

int64_t LeastAllocated(int64_t used, int64_t allocatable) {
  return used > allocatable ? 0 : (allocatable - used) * 100 / allocatable;
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

Prepared PrepareNodeResourcesFit(const PodInfo& pod, const Snapshot&) {
  return Prepared::Each([&pod](const NodeInfo& node) { return Fit(pod, node); });
}

PreparedScore ScoreLeastAllocated(const PodInfo& pod, const Snapshot&, Feasible) {
  return {[&pod](const NodeInfo& node) -> int64_t {
            int64_t sum = 0, weight = 0;
            const auto add = [&](int64_t used, int64_t allocatable) {
              if (allocatable <= 0) return;
              sum += LeastAllocated(used, allocatable);
              ++weight;
            };
            add(node.non_zero_requested.milli_cpu + pod.non_zero.milli_cpu,
                node.allocatable.milli_cpu);
            add(node.non_zero_requested.memory + pod.non_zero.memory, node.allocatable.memory);
            return weight == 0 ? 0 : sum / weight;
          },
          {}};
}

PreparedScore ScoreBalancedAllocation(const PodInfo& pod, const Snapshot&, Feasible) {
  if (pod.requests.milli_cpu == 0 && pod.requests.memory == 0) return {};
  return {[&pod](const NodeInfo& node) -> int64_t {
            const auto fraction = [](int64_t used, int64_t allocatable) {
              return std::min(1.0, static_cast<double>(used) / static_cast<double>(allocatable));
            };
            const Resources& whole = node.allocatable;
            double deviation = 0;
            if (whole.milli_cpu > 0 && whole.memory > 0) {
              const double cpu = fraction(node.requested.milli_cpu + pod.requests.milli_cpu,
                                          whole.milli_cpu);
              const double memory =
                  fraction(node.requested.memory + pod.requests.memory, whole.memory);
              deviation = std::fabs(cpu - memory) / 2;
            }
            return static_cast<int64_t>((1 - deviation) * 100);
          },
          {}};
}

PreparedScore ScoreImageLocality(const PodInfo& pod, const Snapshot& snapshot, Feasible) {
  if (snapshot.images == nullptr) return {};
  std::set<std::string> names;
  const auto& spec = pod.pod->spec;
  for (const auto& container : spec.init_containers) names.insert(WithTag(container.image));
  for (const auto& container : spec.containers) names.insert(WithTag(container.image));
  const auto nodes = static_cast<int64_t>(snapshot.nodes.size());
  std::vector<std::pair<std::string, int64_t>> worth;
  for (const std::string& name : names) {
    const auto found = snapshot.images->find(name);
    if (found == snapshot.images->end()) continue;
    worth.emplace_back(name, found->second.size * found->second.nodes / nodes);
  }
  if (worth.empty()) return {};
  const auto containers =
      static_cast<int64_t>(spec.containers.size() + spec.init_containers.size());
  return {[worth = std::move(worth), containers](const NodeInfo& node) -> int64_t {
            int64_t sum = 0;
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
