#include <gtest/gtest.h>

#include <climits>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"
#include "controllers/scheduler/volume_claims.h"

namespace skiff::scheduler {
namespace {

using Capacity = storage_v1::CSIStorageCapacity;

// For nodes of zone "a".
std::shared_ptr<Capacity> CapacityOf(std::optional<std::string> capacity,
                                     std::optional<std::string> largest = std::nullopt) {
  auto made = std::make_shared<Capacity>();
  made->node_topology.Ensure().match_labels["zone"] = "a";
  if (capacity) made->capacity = Quantity::Parse(*capacity).value();
  if (largest) made->maximum_volume_size = Quantity::Parse(*largest).value();
  return made;
}

// A node of zone "a", and a claim of 10Gi that waits for its first consumer.
class StorageCapacityTest : public testing::Test {
 protected:
  StorageCapacityTest() {
    cluster_.AddNode("n", "4", {{"zone", "a"}});
    driver_->spec.storage_capacity = true;
    claim_->spec.storage_class_name = "disks";
    claim_->spec.resources.requests["storage"] = Quantity::Parse("10Gi").value();
  }
  // What VolumeBinding says of the node; "": nothing against it.
  std::string Said(const std::vector<Ptr<Capacity>>& capacities) {
    Snapshot snapshot = cluster_.MakeSnapshot();
    snapshot.storage.claim = [this](const auto&, const auto&) { return claim_; };
    snapshot.storage.storage_class = [this](const auto&) {
      if (class_is_there_-- <= 0) return std::shared_ptr<storage_v1::StorageClass>();
      auto storage_class = std::make_shared<storage_v1::StorageClass>();
      storage_class->provisioner = "disks.example.com";
      storage_class->volume_binding_mode = "WaitForFirstConsumer";
      return storage_class;
    };
    snapshot.storage.csi_driver = [this](const std::string& name) {
      return name == "disks.example.com" ? driver_ : nullptr;
    };
    snapshot.storage.capacities = [&](const std::string& name) {
      return name == "disks" ? std::make_shared<const ClassCapacities>(capacities) : nullptr;
    };
    const PodInfoPtr pod = PodOf("p", 0, "1", [](core_v1::Pod& made) {
      made.spec.volumes.emplace_back().persistent_volume_claim.Ensure().claim_name = "c";
    });
    const Prepared prepared = PrepareVolumeBinding(*pod, snapshot);
    if (!prepared.filter) return "rejected";
    const Verdict verdict = prepared.filter(*snapshot.nodes[0]);
    return verdict.fits() ? "" : verdict.Reasons()[0];
  }

  int class_is_there_ = INT_MAX;  // So many times it is asked for.
  const std::string no_room_ = "node(s) did not have enough free storage";
  SchedulingFixture cluster_;
  std::shared_ptr<storage_v1::CSIDriver> driver_ = std::make_shared<storage_v1::CSIDriver>();
  std::shared_ptr<core_v1::PersistentVolumeClaim> claim_ =
      std::make_shared<core_v1::PersistentVolumeClaim>();
};

TEST_F(StorageCapacityTest, AVolumeIsMadeWhereThereIsRoomForIt) {
  EXPECT_EQ(Said({}), no_room_);
  EXPECT_EQ(Said({CapacityOf("9Gi")}), no_room_);
  EXPECT_EQ(Said({CapacityOf("10Gi")}), "");
  EXPECT_EQ(Said({CapacityOf("9Gi"), CapacityOf("11Gi")}), "");
  EXPECT_EQ(Said({CapacityOf("6Gi"), CapacityOf("6Gi")}), no_room_) << "one volume, one place";
  EXPECT_EQ(Said({CapacityOf("20Gi", "9Gi")}), no_room_) << "all of it, but not in one volume";
  EXPECT_EQ(Said({CapacityOf(std::nullopt, "10Gi")}), "");
  EXPECT_EQ(Said({CapacityOf(std::nullopt)}), no_room_);
}

TEST_F(StorageCapacityTest, RoomElsewhereDoesNotHelp) {
  const auto elsewhere = CapacityOf("20Gi");
  elsewhere->node_topology.Ensure().match_labels["zone"] = "b";
  EXPECT_EQ(Said({elsewhere}), no_room_);
  const auto nowhere = CapacityOf("20Gi");
  nowhere->node_topology = {};
  EXPECT_EQ(Said({nowhere}), no_room_);
  const auto chosen = CapacityOf("20Gi");
  auto& expression = chosen->node_topology.Ensure().match_expressions.emplace_back();
  expression.key = "zone";
  expression.operator_ = "In";
  expression.values = {"b", "c"};
  EXPECT_EQ(Said({chosen}), no_room_);
  expression.values = {"a"};
  EXPECT_EQ(Said({chosen}), "");
}

TEST_F(StorageCapacityTest, OnlyDriversThatSayWhatTheyHaveAreAsked) {
  driver_->spec.storage_capacity = false;
  EXPECT_EQ(Said({}), "");
  driver_ = nullptr;
  EXPECT_EQ(Said({}), "");
}

TEST_F(StorageCapacityTest, AClassThatGoesMeanwhileMakesNoVolume) {
  class_is_there_ = 2;  // For the claim, and for the node.
  EXPECT_EQ(Said({CapacityOf("20Gi")}), no_room_);
}

TEST_F(StorageCapacityTest, EachNodeHasTheCapacitiesOfAllItsLabels) {
  const auto of_region = CapacityOf("20Gi");
  of_region->node_topology = {};
  of_region->node_topology.Ensure().match_labels["region"] = "r";
  const auto everywhere = CapacityOf("4Gi");
  everywhere->node_topology = {};
  everywhere->node_topology.Ensure();
  const ClassCapacities capacities({CapacityOf("10Gi"), of_region, everywhere});
  constexpr int64_t kGi = 1 << 30;
  EXPECT_TRUE(capacities.HaveRoom({{"zone", "a"}}, 10 * kGi));
  EXPECT_FALSE(capacities.HaveRoom({{"zone", "a"}}, 11 * kGi));
  EXPECT_TRUE(capacities.HaveRoom({{"region", "r"}, {"zone", "a"}}, 20 * kGi));
  EXPECT_FALSE(capacities.HaveRoom({{"zone", "b"}}, 10 * kGi));
  EXPECT_TRUE(capacities.HaveRoom({{"zone", "b"}}, 4 * kGi));
}

TEST_F(StorageCapacityTest, OnlyMoreRoomIsWorthALook) {
  EXPECT_TRUE(RaisesCapacity(nullptr, *CapacityOf("1Gi")));
  EXPECT_TRUE(RaisesCapacity(CapacityOf("1Gi").get(), *CapacityOf("2Gi")));
  EXPECT_TRUE(RaisesCapacity(CapacityOf(std::nullopt).get(), *CapacityOf("1Gi")));
  EXPECT_FALSE(RaisesCapacity(CapacityOf("2Gi").get(), *CapacityOf("2Gi")));
  EXPECT_FALSE(RaisesCapacity(CapacityOf("2Gi").get(), *CapacityOf("4Gi", "1Gi")));
}

}  // namespace
}  // namespace skiff::scheduler
