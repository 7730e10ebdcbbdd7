#include <gtest/gtest.h>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using Labels = std::map<std::string, std::string>;

constexpr char kZone[] = "topology.kubernetes.io/zone";
constexpr char kRegion[] = "topology.kubernetes.io/region";
constexpr char kOldZone[] = "failure-domain.beta.kubernetes.io/zone";

// What the rule says of a node with those labels to a pod whose claim is bound to a volume with
// these; nullopt: there is no such volume.
std::string Said(const std::optional<Labels>& volume, const Labels& node) {
  SchedulingFixture cluster;
  cluster.AddNode("n", "4", node);
  Snapshot snapshot = cluster.MakeSnapshot();
  snapshot.storage.claim = [&](const std::string&, const std::string&) {
    auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
    if (volume) claim->spec.volume_name = "v";
    return claim;
  };
  snapshot.storage.volume = [&](const std::string&) {
    auto made = std::make_shared<core_v1::PersistentVolume>();
    made->metadata.labels = *volume;
    return made;
  };
  const PodInfoPtr pod = PodOf("p", 0, "1", [](core_v1::Pod& made) {
    made.spec.volumes.emplace_back().persistent_volume_claim.Ensure().claim_name = "c";
  });
  const Prepared prepared = PrepareVolumeZone(*pod, snapshot);
  if (!prepared.filter) return "";
  const Verdict verdict = prepared.filter(*snapshot.nodes[0]);
  EXPECT_NE(verdict.code, Verdict::Code::kUnschedulable) << "no pod that goes helps";
  return verdict.fits() ? "" : verdict.Reasons()[0];
}

TEST(VolumeZoneTest, ANodeIsInOneOfThePlacesOfTheVolume) {
  const std::string refused = "node(s) had no available volume zone";
  EXPECT_EQ(Said(Labels{{kZone, "a"}}, {{kZone, "a"}}), "");
  EXPECT_EQ(Said(Labels{{kZone, "a"}}, {{kZone, "b"}}), refused);
  EXPECT_EQ(Said(Labels{{kZone, "a__b"}}, {{kZone, "b"}}), "");
  EXPECT_EQ(Said(Labels{{kZone, "a__b"}}, {{kZone, "a__b"}}), refused);
  EXPECT_EQ(Said(Labels{{kZone, "a"}, {kRegion, "r"}}, {{kZone, "a"}, {kRegion, "s"}}), refused);
  EXPECT_EQ(Said(Labels{{kZone, "a"}, {kRegion, "r"}}, {{kZone, "a"}}), refused);
  EXPECT_EQ(Said(Labels{{kOldZone, "a"}}, {{kZone, "a"}}), "") << "by its name of today";
  EXPECT_EQ(Said(Labels{{kOldZone, "a"}}, {{kOldZone, "b"}, {kZone, "a"}}), refused);
}

TEST(VolumeZoneTest, WhoSaysNothingOfPlacesIsNotAsked) {
  EXPECT_EQ(Said(Labels{{kZone, "a"}}, {}), "");
  EXPECT_EQ(Said(Labels{}, {{kZone, "a"}}), "");
  EXPECT_EQ(Said(Labels{{kZone, "a__"}}, {{kZone, "b"}}), "") << "a label that says nothing";
  EXPECT_EQ(Said(std::nullopt, {{kZone, "a"}}), "");
}

TEST(VolumeZoneTest, AVolumeThatIsNotThereIsSaidOfNoNode) {
  SchedulingFixture cluster;
  Snapshot snapshot = cluster.MakeSnapshot();
  snapshot.storage.claim = [](const std::string&, const std::string&) {
    auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
    claim->spec.volume_name = "v";
    return claim;
  };
  const PodInfoPtr pod = PodOf("p", 0, "1", [](core_v1::Pod& made) {
    made.spec.volumes.emplace_back().persistent_volume_claim.Ensure().claim_name = "c";
  });
  const Prepared prepared = PrepareVolumeZone(*pod, snapshot);
  EXPECT_EQ(prepared.rejection.code, Verdict::Code::kUnresolvable);
  EXPECT_EQ(prepared.rejection.Reasons(),
            std::vector<std::string>{"persistentvolume \"v\" not found"});
}

}  // namespace
}  // namespace skiff::scheduler
