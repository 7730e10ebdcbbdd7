// Disks that one pod writes at a time.
#include "controllers/scheduler/rules/shared_disks.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using core_v1::Volume;
using VolumeEdit = std::function<void(Volume&)>;

core_v1::Pod PodOfVolume(const VolumeEdit& edit) {
  core_v1::Pod pod;
  pod.spec.volumes.emplace_back().empty_dir.Ensure();
  edit(pod.spec.volumes.emplace_back());
  return pod;
}

VolumeEdit Gce(const std::string& name, bool read_only) {
  return [=](Volume& volume) {
    auto& disk = volume.gce_persistent_disk.Ensure();
    disk.pd_name = name;
    disk.read_only = read_only;
  };
}

VolumeEdit Aws(const std::string& id, bool read_only) {
  return [=](Volume& volume) {
    auto& disk = volume.aws_elastic_block_store.Ensure();
    disk.volume_id = id;
    disk.read_only = read_only;
  };
}

VolumeEdit Iscsi(const std::string& iqn, bool read_only, int lun = 0) {
  return [=](Volume& volume) {
    auto& disk = volume.iscsi.Ensure();
    disk.iqn = iqn;
    disk.lun = lun;
    disk.read_only = read_only;
  };
}

VolumeEdit Rbd(const std::vector<std::string>& monitors, const std::string& pool,
               const std::string& image, bool read_only) {
  return [=](Volume& volume) {
    auto& disk = volume.rbd.Ensure();
    disk.monitors = monitors;
    disk.pool = pool;
    disk.image = image;
    disk.read_only = read_only;
  };
}

TEST(SharedDisksTest, OneWritesOrAllRead) {
  struct Row {
    VolumeEdit one, other;
    bool clash;
  };
  const Row rows[] = {
      {Gce("a", false), Gce("a", false), true},
      {Gce("a", true), Gce("a", false), true},
      {Gce("a", true), Gce("a", true), false},
      {Gce("a", false), Gce("b", false), false},
      {Aws("a", false), Aws("a", false), true},
      {Aws("a", true), Aws("a", true), true},
      {Aws("a", false), Aws("b", false), false},
      {Iscsi("a", false), Iscsi("a", true), true},
      {Iscsi("a", false), Iscsi("a", false, 1), true},
      {Iscsi("a", true), Iscsi("a", true), false},
      {Iscsi("a", false), Iscsi("b", false), false},
      {Rbd({"m", "n"}, "p", "i", false), Rbd({"n", "o"}, "p", "i", false), true},
      {Rbd({"m"}, "p", "i", true), Rbd({"m"}, "p", "i", false), true},
      {Rbd({"m"}, "p", "i", true), Rbd({"m"}, "p", "i", true), false},
      {Rbd({"m"}, "p", "i", false), Rbd({"n"}, "p", "i", false), false},
      {Rbd({"m"}, "p", "i", false), Rbd({"m"}, "q", "i", false), false},
      {Rbd({"m"}, "p", "i", false), Rbd({"m"}, "p", "j", false), false},
      {Gce("a", false), Aws("a", false), false},
  };
  for (const Row& row : rows) {
    const core_v1::Pod one = PodOfVolume(row.one), other = PodOfVolume(row.other);
    EXPECT_EQ(ShareDisk(one, other), row.clash) << &row - rows;
    EXPECT_EQ(ShareDisk(other, one), row.clash) << &row - rows;
  }
}

TEST(SharedDisksTest, ANodeThatHasThePodWithTheDiskIsRefused) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.AddNode("b", "4");
  const auto with_disk = [](core_v1::Pod& pod) {
    Gce("data", false)(pod.spec.volumes.emplace_back());
  };
  cluster.Place(PodOf("there", 0, "1", with_disk), "a");
  const auto pod = PodOf("p", 0, "1", with_disk);
  const Snapshot snapshot = cluster.MakeSnapshot();
  const Prepared prepared = PrepareVolumeRestrictions(*pod, snapshot);
  ASSERT_TRUE(prepared.filter);
  for (const NodeInfo* node : snapshot.nodes) {
    const Verdict verdict = prepared.filter(*node);
    EXPECT_EQ(verdict.fits(), node->name() == "b");
    if (node->name() != "a") continue;
    EXPECT_EQ(verdict.Reasons()[0], "node(s) had no available disk");
    EXPECT_EQ(verdict.code, Verdict::Code::kUnschedulable) << "preemption may help";
  }
}

}  // namespace
}  // namespace skiff::scheduler
