#include "controllers/scheduler/devices/device_slices.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/devices/device_fixture.h"

namespace skiff::scheduler {
namespace {

// "pool: gpu-0 gpu-1; other: incomplete"
std::string PoolsOf(const DeviceWorld& world, const std::string& node,
                    const std::map<std::string, std::string>& labels = {}) {
  core_v1::Node object;
  object.metadata.name = node;
  object.metadata.labels = labels;
  std::string text;
  for (const DevicePool& pool : DeviceSlices(world.slices).PoolsFor(object)) {
    text += (text.empty() ? "" : "; ") + pool.key.second + ":";
    if (pool.is_incomplete) text += " incomplete";
    if (pool.is_invalid) text += " invalid";
    for (const auto* slice : pool.slices) {
      for (const auto& device : slice->spec.devices) text += " " + device.name;
    }
  }
  return text;
}

TEST(DeviceSlicesTest, ANodeReachesItsOwnDevicesThoseOfAllAndThoseThatSelectIt) {
  DeviceWorld world;
  world.AddSlice("a", {.node = "n1", .pool = "own", .devices = {DeviceNamed("gpu-0")}});
  world.AddSlice("b", {.node = "n2", .pool = "others", .devices = {DeviceNamed("gpu-1")}});
  world.AddSlice("c", {.pool = "network", .devices = {DeviceNamed("net-0")}});
  world.AddSlice(
      "d", {.selected = {{"zone", "z1"}}, .pool = "zone", .devices = {DeviceNamed("disk-0")}});
  EXPECT_EQ(PoolsOf(world, "n1", {{"zone", "z1"}}), "network: net-0; own: gpu-0; zone: disk-0");
  EXPECT_EQ(PoolsOf(world, "n2"), "network: net-0; others: gpu-1");
}

TEST(DeviceSlicesTest, OnlyTheNewestGenerationCounts) {
  DeviceWorld world;
  world.AddSlice("a", {.node = "n1", .generation = 1, .devices = {DeviceNamed("old")}});
  world.AddSlice("b", {.node = "n1", .generation = 2, .devices = {DeviceNamed("new")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "pool: new");
}

TEST(DeviceSlicesTest, APoolOfWhichASliceIsMissingIsIncomplete) {
  DeviceWorld world;
  world.AddSlice("a", {.node = "n1", .slices = 2, .devices = {DeviceNamed("gpu-0")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "pool: incomplete");
  // One of another node makes it whole, though its devices cannot be reached.
  world.AddSlice("b", {.node = "n2", .slices = 2, .devices = {DeviceNamed("gpu-1")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "pool: gpu-0");
  EXPECT_EQ(PoolsOf(world, "n2"), "pool: gpu-1");
  // A third is one too many.
  world.AddSlice("c", {.node = "n2", .slices = 2, .devices = {DeviceNamed("gpu-2")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "pool: incomplete");
}

TEST(DeviceSlicesTest, APoolThatIsBeingReplacedElsewhereHasNothing) {
  DeviceWorld world;
  world.AddSlice("a",
                 {.node = "n1", .generation = 1, .slices = 2, .devices = {DeviceNamed("gpu-0")}});
  world.AddSlice("b",
                 {.node = "n2", .generation = 2, .slices = 2, .devices = {DeviceNamed("gpu-1")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "");
  EXPECT_EQ(PoolsOf(world, "n2"), "pool: incomplete");
}

TEST(DeviceSlicesTest, APoolWithTwoDevicesOfOneNameIsInvalid) {
  DeviceWorld world;
  world.AddSlice("a", {.node = "n1", .slices = 2, .devices = {DeviceNamed("gpu-0")}});
  world.AddSlice("b", {.node = "n1", .slices = 2, .devices = {DeviceNamed("gpu-0")}});
  EXPECT_EQ(PoolsOf(world, "n1"), "pool: invalid");
}

TEST(DeviceSlicesTest, SlicesOfFeaturesThatAreOffArePassedOver) {
  DeviceWorld world;
  auto slice = std::make_shared<resource_v1::ResourceSlice>();
  slice->metadata.name = "a";
  slice->spec.driver = kDriver;
  slice->spec.pool.name = "pool";
  slice->spec.pool.resource_slice_count = 1;
  slice->spec.per_device_node_selection = true;
  slice->spec.devices = {DeviceNamed("gpu-0")};
  slice->spec.devices[0].all_nodes = true;
  world.slices.push_back(slice);
  EXPECT_EQ(PoolsOf(world, "n1"), "");
}

}  // namespace
}  // namespace skiff::scheduler
