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
  EXPECT_EQ(registry.Text(),
            R"(# HELP endpoint_slice_controller_changes [ALPHA] What was done to EndpointSlices.
# TYPE endpoint_slice_controller_changes counter
endpoint_slice_controller_changes{operation="create"} 1
# HELP endpoint_slice_controller_desired_endpoint_slices [ALPHA] EndpointSlices that they would have room in.
# TYPE endpoint_slice_controller_desired_endpoint_slices gauge
endpoint_slice_controller_desired_endpoint_slices 3
# HELP endpoint_slice_controller_endpoints_desired [ALPHA] Endpoints of all Services.
# TYPE endpoint_slice_controller_endpoints_desired gauge
endpoint_slice_controller_endpoints_desired 102
# HELP endpoint_slice_controller_num_endpoint_slices [ALPHA] EndpointSlices that they are in.
# TYPE endpoint_slice_controller_num_endpoint_slices gauge
endpoint_slice_controller_num_endpoint_slices 3
# HELP endpoint_slice_controller_syncs [ALPHA] How often a Service was looked at for its slices.
# TYPE endpoint_slice_controller_syncs counter
endpoint_slice_controller_syncs{result="stale"} 1
endpoint_slice_controller_syncs{result="success"} 2
)");
  figures.Forget({"default", "a"});
  figures.Forget({"default", "a"});
  EXPECT_THAT(registry.Text(), HasSubstr("endpoint_slice_controller_endpoints_desired 1\n"));
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
