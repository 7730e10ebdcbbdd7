#include "kubelet/preemption.h"

#include <gtest/gtest.h>

#include <string>

namespace skiff::kubelet {
namespace {

using core_v1::Pod;

Pod PodThatAsksFor(const std::string& name, const char* cpu, const char* limit = "") {
  Pod pod;
  pod.metadata.name = name;
  auto& container = pod.spec.containers.emplace_back();
  container.name = "c";
  for (const char* resource : {"cpu", "memory"}) {
    if (*cpu != '\0') container.resources.requests[resource] = *Quantity::Parse(cpu);
    if (*limit != '\0') container.resources.limits[resource] = *Quantity::Parse(limit);
  }
  return pod;
}

class PreemptionTest : public testing::Test {
 protected:
  PreemptionTest() { critical_.spec.priority = 2'000'000'000; }
  void Add(const Pod& pod) { others_.push_back(std::make_shared<const Pod>(pod)); }
  // The names of those that go, or what is said when that would not do.
  std::string Preempted(const std::vector<Shortfall>& shortfalls) const {
    const auto chosen = PodsToPreempt(critical_, others_, shortfalls);
    if (!chosen) return chosen.error().message;
    std::string names;
    for (const auto& pod : *chosen) names += (names.empty() ? "" : " ") + pod->metadata.name;
    return names;
  }

  Pod critical_ = PodThatAsksFor("critical", "1");
  std::vector<std::shared_ptr<const Pod>> others_;
};

TEST_F(PreemptionTest, WhoFreesWhatLacksGoesAndNobodyElse) {
  Add(PodThatAsksFor("small", "1"));
  Add(PodThatAsksFor("large", "4"));
  Add(PodThatAsksFor("enough", "3"));
  EXPECT_EQ(Preempted({{"cpu", 3000}}), "enough");
  EXPECT_EQ(Preempted({{"cpu", 500}}), "small");
  EXPECT_EQ(Preempted({{"cpu", 4500}}), "large small");
}

TEST_F(PreemptionTest, GuaranteedPodsStayWhereOthersWouldDo) {
  Add(PodThatAsksFor("guaranteed", "4", "4"));
  Add(PodThatAsksFor("burstable", "2"));
  Add(PodThatAsksFor("best-effort", ""));
  EXPECT_EQ(Preempted({{"cpu", 2000}}), "burstable");
  EXPECT_EQ(Preempted({{"cpu", 3000}}), "guaranteed");
  EXPECT_EQ(Preempted({{"cpu", 5000}}), "burstable guaranteed");
  EXPECT_EQ(Preempted({{"pods", 1}}), "best-effort");
}

TEST_F(PreemptionTest, CriticalPodsGoForMoreImportantOnesAlone) {
  Pod other = PodThatAsksFor("other", "4");
  other.spec.priority = 2'000'000'000;
  Add(other);
  EXPECT_EQ(Preempted({{"cpu", 1000}, {"memory", 7}}),
            "preemption: error finding a set of pods to preempt: no set of running pods found to "
            "reclaim resources: [(res: cpu, q: 1000), (res: memory, q: 7), ]");
  critical_.spec.priority = 2'000'001'000;
  EXPECT_EQ(Preempted({{"cpu", 1000}}), "other");
}

TEST_F(PreemptionTest, WhatAllTogetherDoNotFreeIsNamed) {
  Add(PodThatAsksFor("a", "1"));
  Add(PodThatAsksFor("b", "2"));
  EXPECT_EQ(Preempted({{"cpu", 3500}, {"memory", 3}}),
            "preemption: error finding a set of pods to preempt: no set of running pods found to "
            "reclaim resources: [(res: cpu, q: 500), ]");
}

}  // namespace
}  // namespace skiff::kubelet
