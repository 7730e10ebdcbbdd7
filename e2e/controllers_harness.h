// The controllers on the real server and store, with pods that run at once: a fixture for tests of
// what the world looks like after the controllers had their way.
//
//   TEST_P(JobsTest, ...) { cluster_.Apply(...).RunFor(1min); EXPECT_EQ(PodCount(), 3u); }
#pragma once

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"
#include "e2e/harness.h"

namespace skiff {

// One container named main of `image`, and the label app.
void FillTemplate(core_v1::PodTemplateSpec& pod_template, const std::string& app,
                  const std::string& image);
// In the namespace default; its pods have the label app=`name` and the image image:1.
apps_v1::Deployment DeploymentOf(const std::string& name, int replicas);
// A node that says it is Ready.
core_v1::Node NodeOf(const std::string& name);

// Every test runs under several orders of events: instantiate with kOrders. The node node1 is
// there and reports.
class ControllersTest : public testing::TestWithParam<uint64_t> {
 protected:
  ControllersTest();

  // What cluster_ is made with. It refers to this fixture.
  TestCluster::Options Options() const;
  static void AddNode(TestCluster& cluster);
  size_t PodCount() { return cluster_.List<core_v1::Pod>("default").size(); }

  std::set<std::string> silent_;  // Nodes that do not report.
  bool pods_start_ = true;        // Else they stay Pending.
  TestCluster cluster_;
};
inline const auto kOrders = testing::Range<uint64_t>(1, 6);

}  // namespace skiff
