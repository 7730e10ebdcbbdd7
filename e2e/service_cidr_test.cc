// Ranges of Service addresses that come and go, on the real server.
#include <gtest/gtest.h>

#include "api/gen/networking_v1.h"
#include "api/pods/conditions.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using core_v1::Service;
using networking_v1::ServiceCIDR;

class ServiceCidrTest : public testing::Test {
 protected:
  void AddRange(const std::string& name, const std::string& prefix) {
    ServiceCIDR range;
    range.metadata.name = name;
    range.spec.cidrs = {prefix};
    cluster_.Apply(range).RunFor(1s);
  }
  void AddService(const std::string& name, const std::string& address) {
    Service service;
    service.metadata.name = name;
    service.metadata.namespace_ = "default";
    service.spec.cluster_ip = address;
    service.spec.ports.emplace_back().port = 80;
    cluster_.Apply(service).RunFor(1s);
  }
  // "Status/Reason: message" of the condition Ready; "" when the range is gone.
  std::string Ready(const std::string& name) {
    const auto range = cluster_.Get<ServiceCIDR>({"", name});
    const auto* ready = range ? FindCondition(range->status.conditions, "Ready") : nullptr;
    if (ready == nullptr) return "";
    return ready->status + "/" + ready->reason + ": " + ready->message;
  }
  static constexpr const char* kHeld =
      "False/Terminating: There are still IPAddresses referencing the ServiceCIDR, please remove "
      "them or create a new ServiceCIDR";
  TestCluster cluster_;
};

TEST_F(ServiceCidrTest, OneIsReadyAndHeldByItsFinalizer) {
  AddRange("more", "10.9.0.0/24");
  EXPECT_EQ(Ready("more"), "True/: Kubernetes Service CIDR is ready");
  // The API server's own words do not stay.
  EXPECT_EQ(Ready("kubernetes"), "True/: Kubernetes Service CIDR is ready");
  for (const char* name : {"more", "kubernetes"}) {
    const auto range = cluster_.Get<ServiceCIDR>({"", name});
    EXPECT_EQ(range->metadata.finalizers,
              std::vector<std::string>{"networking.k8s.io/service-cidr-finalizer"});
  }
}

TEST_F(ServiceCidrTest, OneGoesAfterItsLastAddress) {
  AddRange("more", "10.9.0.0/24");
  AddService("web", "10.9.0.7");
  cluster_.Delete<ServiceCIDR>({"", "more"}).RunFor(1min);
  EXPECT_EQ(Ready("more"), kHeld);
  cluster_.Delete<Service>({"default", "web"}).RunFor(1min);
  EXPECT_EQ(cluster_.Get<ServiceCIDR>({"", "more"}), nullptr);
}

TEST_F(ServiceCidrTest, AnUnusedOneStaysForTheServersToHearOfIt) {
  AddRange("more", "10.9.0.0/24");
  cluster_.Delete<ServiceCIDR>({"", "more"}).RunFor(8s);
  EXPECT_NE(cluster_.Get<ServiceCIDR>({"", "more"}), nullptr);
  cluster_.RunFor(3s);
  EXPECT_EQ(cluster_.Get<ServiceCIDR>({"", "more"}), nullptr);
}

TEST_F(ServiceCidrTest, OneThatTakesOverItsAddressesLetsItGo) {
  AddRange("more", "10.9.0.0/24");
  AddService("web", "10.9.0.7");
  cluster_.Delete<ServiceCIDR>({"", "more"}).RunFor(1min);
  EXPECT_EQ(Ready("more"), kHeld);
  AddRange("whole", "10.9.0.0/16");
  cluster_.RunFor(1min);
  EXPECT_EQ(cluster_.Get<ServiceCIDR>({"", "more"}), nullptr);
  cluster_.Delete<ServiceCIDR>({"", "whole"}).RunFor(1min);
  EXPECT_EQ(Ready("whole"), kHeld);
}

}  // namespace
}  // namespace skiff
