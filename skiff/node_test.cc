#include "skiff/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;

TEST(NodeTest, ThePortsThatNoPodTakesAreThoseOfTheMachinesOwnPrograms) {
  ClusterOptions options;
  options.kubelet_port = 10250;
  options.secure_port = 6443;
  options.cluster_dns_port = 10053;
  options.service_cidr = "10.96.0.0/16";
  EXPECT_THAT(OwnPorts(options), ElementsAre(10250, 6443, 10053));
  options.controller_manager_args = {"secure-port=10257"};
  options.scheduler_args = {"--secure-port=10260", "bind-address=::"};
  EXPECT_THAT(OwnPorts(options), ElementsAre(10250, 6443, 10053, 10257, 10260));
  options.controller_manager_args = options.scheduler_args = {};
  options.is_server = false;
  EXPECT_THAT(OwnPorts(options), ElementsAre(10250, 10053));
  options.cluster_dns = "off";
  EXPECT_THAT(OwnPorts(options), ElementsAre(10250));
  options.cluster_dns = "on";
  options.kubelet_port = 0;
  EXPECT_THAT(OwnPorts(options), ElementsAre(10053));
}

}  // namespace
}  // namespace skiff
