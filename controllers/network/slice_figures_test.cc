#include "controllers/network/slice_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::HasSubstr;

TEST(SliceFiguresTest, WhatIsDoneToSlicesAndHowTheyArePackedIsCounted) {
  MetricRegistry registry;
  SliceFigures figures(&registry);
  figures.Synced("success");
  figures.Synced("stale");
  figures.Synced("success");
  figures.Changed("create");
  figures.Has({"default", "a"}, {.endpoints = 150, .slices = 3, .fewest = 2});
  figures.Has({"default", "b"}, {.endpoints = 1, .slices = 1, .fewest = 1});
  figures.Has({"default", "a"}, {.endpoints = 101, .slices = 2, .fewest = 2});
  figures.Turned({.added = 5, .removed = 3, .updated = 1});
  figures.ChangedAtOnce(2, /*has_hints=*/false, "PreferClose");
  figures.ChangedAtOnce(2, /*has_hints=*/true, "PreferClose");
  figures.Distributes({"default", "a"}, "PreferClose");
  figures.Distributes({"default", "b"}, "PreferClose");
  figures.Distributes({"default", "b"}, std::nullopt);
  const std::string text = registry.Text();
  for (const char* line :
       {"changes{operation=\"create\"} 1\n", "desired_endpoint_slices 3\n",
        "endpoints_desired 102\n", "num_endpoint_slices 3\n", "syncs{result=\"stale\"} 1\n",
        "syncs{result=\"success\"} 2\n", "endpoints_added_per_sync_sum 5\n",
        "endpoints_removed_per_sync_bucket{le=\"4\"} 1\n",
        "endpointslices_changed_per_sync_sum{topology=\"Disabled\",traffic_distribution="
        "\"PreferClose\"} 2\n",
        "endpointslices_changed_per_sync_sum{topology=\"Auto\",traffic_distribution=\"\"} 2\n",
        "services_count_by_traffic_distribution{traffic_distribution=\"PreferClose\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\nendpoint_slice_controller_") + line));
  }
  figures.Forget({"default", "a"});
  figures.Forget({"default", "a"});
  EXPECT_THAT(registry.Text(), HasSubstr("endpoint_slice_controller_endpoints_desired 1\n"));
}

TEST(SliceFiguresTest, ThoseThatAreMirroredHaveOthers) {
  MetricRegistry registry;
  SliceFigures figures(&registry, SliceFigures::Of::kEndpoints);
  figures.Has({"default", "a"}, {.endpoints = 7, .slices = 1, .fewest = 1});
  figures.Turned({.added = 0, .removed = 0, .updated = 4});
  figures.Mirrored(3, 5ms);
  const std::string text = registry.Text();
  for (const char* line :
       {"endpoints_desired 7\n", "endpoints_updated_per_sync_sum 4\n",
        "addresses_skipped_per_sync_sum 3\n", "endpoints_sync_duration_bucket{le=\"0.008\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\nendpoint_slice_mirroring_controller_") + line));
  }
  EXPECT_EQ(text.find("_syncs"), text.npos);
}

discovery_v1::EndpointSlice SliceWith(const std::string& name, const std::string& addresses) {
  discovery_v1::EndpointSlice slice;
  slice.metadata.name = name;
  for (const char address : addresses) {
    slice.endpoints.emplace_back().addresses = {std::string(1, address)};
  }
  return slice;
}

TEST(SliceFiguresTest, AnEndpointThatMovesFromSliceToSliceNeitherComesNorGoes) {
  const auto first = std::make_shared<const discovery_v1::EndpointSlice>(SliceWith("1", "abc"));
  const auto second = std::make_shared<const discovery_v1::EndpointSlice>(SliceWith("2", "de"));
  const auto third = std::make_shared<const discovery_v1::EndpointSlice>(SliceWith("3", "x"));
  SliceChanges changes;
  changes.update = {SliceWith("1", "abd")};
  changes.update[0].endpoints[0].node_name = "n";
  changes.remove = {second};
  changes.create = {SliceWith("4", "fg")};
  changes.keep = {third};
  const auto turnover = TurnoverOf(changes, {first, second, third});
  EXPECT_EQ(turnover.added, 2);    // f, g
  EXPECT_EQ(turnover.removed, 2);  // c, e
  EXPECT_EQ(turnover.updated, 1);  // a
}

TEST(SliceFiguresTest, NobodyHasToAsk) {
  SliceFigures figures(nullptr);
  figures.Synced("error");
  figures.Changed("delete");
  figures.Has({"default", "a"}, {.endpoints = 1, .slices = 1, .fewest = 1});
  figures.Forget({"default", "a"});
}

TEST(SliceFiguresTest, TheLastSliceMayBePartlyFull) {
  EXPECT_EQ(FewestSlices(0, 100), 0);
  EXPECT_EQ(FewestSlices(100, 100), 1);
  EXPECT_EQ(FewestSlices(101, 100), 2);
}

}  // namespace
}  // namespace skiff
