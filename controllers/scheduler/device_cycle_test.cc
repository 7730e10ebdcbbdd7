// What becomes of pods with ResourceClaims: held, refused with a reason, or given devices.
#include "controllers/scheduler/device_cycle.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/devices/device_fixture.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

class DeviceCycleTest : public testing::Test {
 protected:
  DeviceCycleTest() {
    for (const char* name : {"n1", "n2"}) cluster_.AddNode(name, "8");
    world_.AddSlice("a", {.node = "n1", .pool = "n1", .devices = {DeviceNamed("gpu-0")}});
  }
  // A pod that uses these claims.
  static PodInfoPtr Using(const std::vector<std::string>& claims) {
    return PodOf("pod", 0, "1", [&](core_v1::Pod& pod) {
      for (const std::string& name : claims) {
        auto& entry = pod.spec.resource_claims.emplace_back();
        entry.name = "of-" + name;
        entry.resource_claim_name = name;
      }
    });
  }
  DeviceView View() {
    DeviceView view;
    view.claim = [this](const std::string& space, const std::string& name) -> DeviceClaimPtr {
      for (const auto& claim : world_.claims) {
        if (claim->metadata.name == name && claim->metadata.namespace_ == space) return claim;
      }
      return nullptr;
    };
    view.is_under_way = [this](const std::string& uid) { return under_way_.contains(uid); };
    view.allocated = &world_.allocated;
    view.slices = [this] { return std::make_shared<const DeviceSlices>(world_.slices); };
    view.device_class = [this](const std::string& name) -> DeviceClassPtr {
      const auto found = world_.classes.find(name);
      return found == world_.classes.end() ? nullptr : found->second;
    };
    view.selectors = &world_.selectors;
    view.now = [this] { return now_ += step_; };
    view.allowances = &allowances_;
    return view;
  }
  // The node, or why there is none; the cycle that found out stays.
  std::string Place(const PodInfoPtr& pod) {
    pod_ = pod;
    cycle_ = std::make_unique<DeviceCycle>(*pod_->pod, View());
    Snapshot snapshot = cluster_.MakeSnapshot();
    snapshot.devices = cycle_.get();
    const Decision decision = Schedule(*pod_, snapshot, start_, random_);
    if (!decision.error.empty()) return decision.error;
    return decision.node.empty() ? decision.unfit.Message() : decision.node;
  }
  resource_v1::ResourceClaim& Allocated(const std::string& name, const std::string& node) {
    auto& claim = world_.AddClaim(name, {Wants("x")});
    auto& allocation = claim.status.allocation.emplace();
    allocation.devices.results.emplace_back().request = "x";
    if (node.empty()) return claim;
    auto& term = allocation.node_selector.emplace().node_selector_terms.emplace_back();
    auto& field = term.match_fields.emplace_back();
    field.key = "metadata.name";
    field.operator_ = "In";
    field.values = {node};
    return claim;
  }

  SchedulingFixture cluster_;
  DeviceWorld world_;
  std::set<std::string> under_way_;
  Duration now_{}, step_{};
  SearchAllowances allowances_;
  SystemRandom random_;
  size_t start_ = 0;
  PodInfoPtr pod_;
  std::unique_ptr<DeviceCycle> cycle_;
};

TEST_F(DeviceCycleTest, APodGoesWhereItsDevicesAre) {
  world_.AddClaim("c", {Wants("x")});
  ASSERT_EQ(Place(Using({"c"})), "n1");
  const auto plan = cycle_->Plan("n1");
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].allocation->devices.results.at(0).device, "gpu-0");
  EXPECT_EQ(plan[0].allocation->node_selector->node_selector_terms.at(0).match_fields.at(0).values,
            std::vector<std::string>{"n1"});
}

TEST_F(DeviceCycleTest, APodWithoutClaimsGoesAnywhereAndNothingIsWritten) {
  EXPECT_EQ(Place(Using({})).substr(0, 1), "n");
  EXPECT_TRUE(cycle_->was_prepared());
  EXPECT_FALSE(cycle_->has_claims());
  EXPECT_TRUE(cycle_->Plan("n1").empty());
}

TEST_F(DeviceCycleTest, WhyThereAreNoDevicesIsSaid) {
  world_.AddClaim("c", {Wants("x", 2)});
  EXPECT_EQ(Place(Using({"c"})), "0/2 nodes are available: 2 cannot allocate all claims.");
  EXPECT_EQ(Place(Using({"gone"})),
            "0/2 nodes are available: could not find ResourceClaim \"default/gone\".");
  EXPECT_FALSE(cycle_->has_claims());
  auto& claim = world_.AddClaim("d", {Wants("x")});
  claim.spec.devices.requests[0].exactly->device_class_name = "none";
  EXPECT_EQ(Place(Using({"d"})),
            "0/2 nodes are available: request x: device class none does not exist.");
  claim.spec.devices.requests = {WantsFirst("x", {Wants("first")})};
  claim.spec.devices.requests[0].first_available[0].device_class_name = "none";
  EXPECT_EQ(Place(Using({"d"})),
            "0/2 nodes are available: request x/first: device class none does not exist.");
  claim.metadata.uid = "d";
  under_way_.insert("d");
  EXPECT_EQ(Place(Using({"d"})),
            "0/2 nodes are available: resource claim default/d is in the "
            "process of being allocated.");
  claim.metadata.deletion_timestamp = Time();
  EXPECT_EQ(Place(Using({"d"})), "0/2 nodes are available: resourceclaim \"d\" is being deleted.");
}

TEST_F(DeviceCycleTest, AClaimThatIsAMistakeEndsTheCycle) {
  world_.AddClaim("c", {Wants("x", 1, "device.attributes['gpu.io'].nope")});
  EXPECT_EQ(Place(Using({"c"})),
            "running \"DynamicResources\" filter plugin: claim default/c: selector #0: CEL runtime "
            "error: no such key: nope");
}

TEST_F(DeviceCycleTest, ASearchHasItsTime) {
  world_.AddClaim("c", {Wants("x")});
  step_ = 11s;
  EXPECT_EQ(Place(Using({"c"})),
            "0/2 nodes are available: 2 timed out trying to allocate devices.");
}

// Any twenty of many devices, none of which will do in the end.
TEST_F(DeviceCycleTest, AllSearchesOfACycleHaveTheirTimeTogether) {
  std::vector<resource_v1::Device> devices;
  for (int i = 0; i < 40; ++i) devices.push_back(DeviceNamed("d-" + std::to_string(i)));
  constexpr int kNodes = 40;
  for (int i = 0; i < kNodes; ++i) {
    const std::string name = fmt::format("many-{:02}", i);
    cluster_.AddNode(name, "8");
    world_.AddSlice(name, {.node = name, .pool = name, .devices = devices});
  }
  world_.AddClaim("c", {Wants("x", 20), Wants("y", 1, "device.driver == 'none'")});
  step_ = 100us;
  EXPECT_EQ(Place(Using({"c"})),
            "0/42 nodes are available: 2 cannot allocate all claims, 40 timed out trying to "
            "allocate devices.");
  EXPECT_GT(now_, 15s);
  EXPECT_LT(now_, 25s) << "twice the time of one search, and a moment on each node";
}

// A pod that is tried again, and others of the same ReplicaSet.
TEST_F(DeviceCycleTest, WhatWasAskedInVainIsAskedForAShortTime) {
  std::vector<resource_v1::Device> devices;
  for (int i = 0; i < 40; ++i) devices.push_back(DeviceNamed("d-" + std::to_string(i)));
  world_.AddSlice("many", {.node = "n2", .pool = "n2", .devices = devices});
  const std::vector<resource_v1::DeviceRequest> hopeless = {
      Wants("x", 20), Wants("y", 1, "device.driver == 'none'")};
  world_.AddClaim("c", hopeless);
  world_.AddClaim("d", hopeless);
  step_ = 100us;
  const std::string refusal =
      "0/2 nodes are available: 1 cannot allocate all claims, 1 timed out trying to allocate "
      "devices.";
  const auto took = [&](const std::vector<std::string>& claims) {
    const Duration begin = now_;
    EXPECT_EQ(Place(Using(claims)), refusal);
    return now_ - begin;
  };
  EXPECT_GT(took({"c"}), 9s);
  EXPECT_LT(took({"c"}), 6s) << "of what is left a half";
  for (int i = 0; i < 5; ++i) took({"d"});
  EXPECT_LT(took({"c"}), 1s);
  EXPECT_LT(took({"d"}), 1s) << "another claim, that asks for the same";
  for (int i = 0; i < 20; ++i) {
    now_ += 10s;
    EXPECT_LT(took({"c"}), 2s);
  }
  world_.AddClaim("easy", {Wants("x", 20)});
  EXPECT_EQ(Place(Using({"easy"})), "n2");
  now_ += 1000s;
  EXPECT_GT(took({"c"}), 9s) << "it was long ago";
}

// Although the node before had room and no devices.
TEST_F(DeviceCycleTest, OnANodeWithoutRoomDevicesAreNotSearchedFor) {
  world_.AddClaim("c", {Wants("x")});
  step_ = 1us;
  const auto took = [&] {
    const Duration begin = now_;
    start_ = 0;
    EXPECT_EQ(Place(Using({"c"})), "n1");
    return now_ - begin;
  };
  const Duration of_two = took();
  cluster_.AddNode("n3", "500m");
  EXPECT_EQ(took(), of_two);
}

TEST_F(DeviceCycleTest, NodesThatReachTheSameDevicesAreSearchedOnce) {
  std::vector<resource_v1::Device> devices;
  for (int i = 0; i < 40; ++i) devices.push_back(DeviceNamed("d-" + std::to_string(i)));
  world_.slices.clear();
  world_.AddSlice("everywhere", {.devices = devices});
  for (int i = 0; i < 100; ++i) cluster_.AddNode("more-" + std::to_string(i), "8");
  world_.AddClaim("c", {Wants("x", 20), Wants("y", 1, "device.driver == 'none'")});
  step_ = 100us;
  EXPECT_EQ(Place(Using({"c"})),
            "0/102 nodes are available: 102 timed out trying to allocate devices.");
  EXPECT_LT(now_, 13s);
}

TEST_F(DeviceCycleTest, AClaimIsWrittenOnlyAsTheOneThatWasLookedAt) {
  auto& claim = world_.AddClaim("c", {Wants("x")});
  claim.metadata.uid = "first";
  const DeviceBinding allocating{world_.claims[0], resource_v1::AllocationResult()};
  const DeviceBinding reserving{world_.claims[0], std::nullopt};
  resource_v1::ResourceClaim now = claim;
  const auto said = [&](const DeviceBinding& device) {
    const auto can = CanStillBind(device, now);
    return can ? "" : can.error().message;
  };
  EXPECT_EQ(said(allocating), "");
  now.status.allocation.emplace();
  EXPECT_EQ(said(allocating), "claim default/c got allocated elsewhere in the meantime");
  EXPECT_EQ(said(reserving), "");
  now.metadata.uid = "second";
  EXPECT_EQ(said(reserving), "claim default/c got deleted in the meantime");
  now = claim;
  now.metadata.deletion_timestamp = Time();
  EXPECT_EQ(said(allocating), "claim default/c got deleted in the meantime");
}

TEST_F(DeviceCycleTest, AnAllocatedClaimTiesItsPods) {
  auto& claim = Allocated("c", "n2");
  EXPECT_EQ(Place(Using({"c"})), "n2");
  EXPECT_FALSE(cycle_->Plan("n2").at(0).allocation.has_value());
  cluster_.RemoveNode("n2");
  EXPECT_EQ(Place(Using({"c"})),
            "0/1 nodes are available: 1 resourceclaim not available on the node.");
  ASSERT_NE(cycle_->ToFree(random_), nullptr);
  EXPECT_EQ(cycle_->ToFree(random_)->metadata.name, "c");
  // Of this pod alone, too; not when somebody else uses it.
  claim.status.reserved_for.emplace_back().uid = "pod";
  EXPECT_NE(cycle_->ToFree(random_), nullptr);
  claim.status.reserved_for.emplace_back().uid = "other";
  EXPECT_EQ(cycle_->ToFree(random_), nullptr);
}

TEST_F(DeviceCycleTest, AClaimThatHasAllUsersItMayHaveIsWaitedFor) {
  auto& claim = Allocated("c", "");
  claim.status.reserved_for.resize(255);
  EXPECT_EQ(Place(Using({"c"})).substr(0, 1), "n");
  claim.status.reserved_for.resize(256);
  EXPECT_EQ(Place(Using({"c"})), "0/2 nodes are available: resourceclaim in use.");
  EXPECT_FALSE(cycle_->has_claims());
  claim.status.reserved_for[7].uid = "pod";
  EXPECT_EQ(Place(Using({"c"})).substr(0, 1), "n") << "it is one of them";
}

TEST_F(DeviceCycleTest, OnlyWhatIsNotAllocatedIsSearchedFor) {
  Allocated("c", "");
  world_.AddClaim("d", {Wants("y")});
  ASSERT_EQ(Place(Using({"c", "d"})), "n1");
  const auto plan = cycle_->Plan("n1");
  EXPECT_FALSE(plan.at(0).allocation.has_value());
  EXPECT_EQ(plan.at(1).allocation->devices.results.at(0).request, "y");
}

TEST_F(DeviceCycleTest, ANodeWithTheFirstChoiceIsBetter) {
  world_.AddSlice("b",
                  {.node = "n2", .pool = "n2", .devices = {DeviceNamed("big", {{"size", "l"}})}});
  const std::string large = "has(device.attributes['gpu.io'].size)";
  world_.AddClaim("c", {WantsFirst("x", {Wants("large", 1, large), Wants("any")})});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Place(Using({"c"})), "n2");
  EXPECT_EQ(cycle_->PreferenceOn("n1"), 7);
  EXPECT_EQ(cycle_->PreferenceOn("n2"), 8);
}

TEST_F(DeviceCycleTest, WhereAnotherRuleEndsTheCycleNobodyLooksForDevices) {
  world_.AddClaim("c", {Wants("x")});
  const auto pod = PodOf("pod", 0, "1", [](core_v1::Pod& it) {
    it.spec.volumes.emplace_back().persistent_volume_claim.Ensure().claim_name = "gone";
    it.spec.resource_claims.emplace_back().resource_claim_name = "c";
  });
  EXPECT_EQ(Place(pod), "0/2 nodes are available: persistentvolumeclaim \"gone\" not found.");
  EXPECT_FALSE(cycle_->was_prepared());
}

TEST_F(DeviceCycleTest, AClaimOfATemplateIsThePodsOwn) {
  world_.AddClaim("made", {Wants("x")});
  const auto pod = [](const std::string& claim) {
    return PodOf("pod", 0, "1", [&](core_v1::Pod& it) {
      auto& entry = it.spec.resource_claims.emplace_back();
      entry.name = "gpu";
      entry.resource_claim_template_name = "gpus";
      if (claim.empty()) return;
      auto& status = it.status.resource_claim_statuses.emplace_back();
      status.name = "gpu";
      if (claim != "-") status.resource_claim_name = claim;
    });
  };
  EXPECT_EQ(Place(pod("")),
            "0/2 nodes are available: pod \"default/pod\": ResourceClaim not created yet.");
  EXPECT_EQ(Place(pod("made")),
            "0/2 nodes are available: ResourceClaim default/made was not "
            "created for pod default/pod (pod is not owner).");
  EXPECT_EQ(Place(pod("-")).substr(0, 1), "n") << "it was found to need none";
  auto& owner = world_.claims[0]->metadata.owner_references.emplace_back();
  owner.controller = true;
  owner.uid = "pod";
  EXPECT_EQ(Place(pod("made")), "n1");
}

TEST_F(DeviceCycleTest, APodMayFitWhenItsClaimChangesOrDevicesAreFreed) {
  auto& mine = world_.AddClaim("c", {Wants("x")});
  mine.metadata.uid = "mine";
  resource_v1::ResourceClaim other;
  other.metadata.uid = "other";
  const auto pod = Using({"c"});
  const auto find = View().claim;
  const auto may_fit = [&](const resource_v1::ResourceClaim* before,
                           const resource_v1::ResourceClaim& now) {
    return MayFitAfter(before, now, *pod->pod, find);
  };
  EXPECT_TRUE(may_fit(nullptr, mine));
  EXPECT_FALSE(may_fit(nullptr, other));
  EXPECT_FALSE(may_fit(&mine, mine)) << "a finalizer, a label";
  resource_v1::ResourceClaim allocated = mine;
  allocated.status.allocation.emplace();
  EXPECT_TRUE(may_fit(&mine, allocated));
  resource_v1::ResourceClaim other_allocated = other;
  other_allocated.status.allocation.emplace();
  EXPECT_FALSE(may_fit(&other, other_allocated));
  EXPECT_TRUE(may_fit(&other_allocated, other));
  mine.metadata.deletion_timestamp = Time();
  EXPECT_FALSE(may_fit(&other_allocated, other)) << "it cannot be tried at all";
}

}  // namespace
}  // namespace skiff::scheduler
