// A small cluster for tests of scheduling decisions: nodes that hold pods by cpu alone.
//
//   SchedulingFixture cluster;
//   cluster.AddNode("a", "4");
//   cluster.Place(cluster.MakePod("low", 1, "3"), "a");
//   cluster.Preempt(*cluster.MakePod("high", 9, "2"));
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/id.h"
#include "client/client.h"
#include "controllers/scheduler/cache.h"
#include "controllers/scheduler/preemption.h"
#include "controllers/scheduler/profile.h"

namespace skiff::scheduler {

// Changes a pod before it is made.
using PodEdit = std::function<void(core_v1::Pod&)>;

inline PodInfoPtr PodOf(const std::string& name, int priority, const std::string& cpu,
                        const PodEdit& edit = [](core_v1::Pod&) {}) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.namespace_ = "default";
  pod->metadata.name = pod->metadata.uid = name;
  pod->spec.priority = priority;
  pod->spec.scheduler_name = "default-scheduler";
  pod->spec.containers.emplace_back().resources.requests["cpu"] = Quantity::Parse(cpu).value();
  edit(*pod);
  return std::make_shared<const PodInfo>(pod);
}

class SchedulingFixture {
 public:
  void AddNode(const std::string& name, const std::string& cpu,
               const std::map<std::string, std::string>& labels = {}) {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = name;
    node->metadata.labels = labels;
    node->status.allocatable["cpu"] = Quantity::Parse(cpu).value();
    node->status.allocatable["pods"] = Quantity::FromValue(110);
    cache_.SetNode(node);
  }
  void RemoveNode(const std::string& name) { cache_.RemoveNode(name); }
  void Place(const PodInfoPtr& pod, const std::string& node) { cache_.Assume(pod, node); }
  void Remove(const std::string& uid) { cache_.RemovePod(uid); }

  Snapshot MakeSnapshot() {
    Snapshot snapshot;
    snapshot.nodes = cache_.Nodes();
    snapshot.nominations = &nominations;
    snapshot.counts = &cache_.counts();
    snapshot.images = &cache_.images();
    snapshot.repellents = &cache_.repellents();
    snapshot.storage = {
        [](const auto&, const auto&) { return nullptr; },
        [](const auto&) { return nullptr; },
        [] { return std::vector<Ptr<core_v1::PersistentVolume>>(); },
        [](const auto&) { return nullptr; },
        [](const auto&) { return nullptr; },
        [](const auto&) { return std::vector<Ptr<storage_v1::VolumeAttachment>>(); },
        [](const auto&) { return nullptr; },
        [](const auto&) { return nullptr; }};
    snapshot.namespace_labels = [](const auto&) { return std::map<std::string, std::string>(); };
    snapshot.default_spread_selector = [this](const auto&) { return spread_selector; };
    snapshot.profile = &profile;
    return snapshot;
  }
  Decision Schedule(const PodInfo& pod) {
    return scheduler::Schedule(pod, MakeSnapshot(), start_, random_,
                               {.first_will_do = profile.scores.empty()});
  }
  // What preemption says after the pod found no node.
  PreemptionOutcome Preempt(const PodInfo& pod) {
    const Decision decision = Schedule(pod);
    const Snapshot snapshot = MakeSnapshot();
    auto outcome = FindCandidates({pod, snapshot, decision.unfit, budgets, leaving}, random_);
    outcome.victims = LeastHarm(std::move(outcome.candidates));
    return outcome;
  }

  Profile profile;
  meta_v1::LabelSelector spread_selector;  // What each pod spreads among by default.
  Nominations nominations;
  std::vector<BudgetPtr> budgets;
  std::set<std::string> leaving;

 private:
  Cache cache_;
  SeededRandom random_{1};
  size_t start_ = 0;
};

inline std::vector<std::string> NamesOf(const std::vector<PodInfoPtr>& pods) {
  std::vector<std::string> names;
  for (const PodInfoPtr& pod : pods) names.push_back(pod->pod->metadata.name);
  return names;
}

}  // namespace skiff::scheduler
