// The verbs that follow workloads, on controllers that run: rolling-update, rollout status, drain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/cli_harness.h"
#include "e2e/pod_runner.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TestCluster::Options WithRunningPods() {
  return {.run_controllers = true, .add_parts = [](Manager& manager) { AddPodRunner(manager); }};
}

class CliWorkloadsTest : public testing::Test {
 protected:
  CliWorkloadsTest() { cli_.SettleAfterWrites(); }
  CliCluster cli_{WithRunningPods()};
};

std::string Controller(const std::string& name, const std::string& version, int replicas) {
  return "{apiVersion: v1, kind: ReplicationController, metadata: {name: " + name +
         "}, spec: {replicas: " + std::to_string(replicas) +
         ", selector: {app: demo, version: " + version +
         "}, template: {metadata: {labels: {app: demo, version: " + version +
         "}}, spec: {containers: [{name: c, image: " + version + "}]}}}}";
}

TEST_F(CliWorkloadsTest, RollsFromOneControllerToAnother) {
  cli_.Out("create -f -", Controller("nautilus", "one", 2));
  const Ran ran =
      cli_.Run("rolling-update nautilus --update-period=5s -f -", Controller("kitten", "two", 2));
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "Created kitten\n"
            "Scaling up kitten from 0 to 2, scaling down nautilus from 2 to 0 (keep 2 pods "
            "available, don't exceed 3 pods)\n"
            "Scaling kitten up to 1\nScaling nautilus down to 1\n"
            "Scaling kitten up to 2\nScaling nautilus down to 0\n"
            "Update succeeded. Deleting nautilus\n"
            "replicationcontroller/kitten rolling updated to \"kitten\"\n");
  EXPECT_EQ(ran.err, "Command \"rolling-update\" is deprecated, use \"rollout\" instead\n");
  EXPECT_EQ(cli_.Out("get rc -o name"), "replicationcontroller/kitten\n");
  EXPECT_EQ(cli_.Object("rc/kitten")["metadata"].value("annotations", Json()), Json());
  EXPECT_EQ(cli_.Object("rc/kitten")["status"]["readyReplicas"], 2);
}

TEST_F(CliWorkloadsTest, RefusesARollingUpdateThatCannotBe) {
  cli_.Out("create -f -", Controller("nautilus", "one", 1));
  EXPECT_THAT(cli_.Run("rolling-update nautilus -f -", Controller("kitten", "one", 1)).err,
              HasSubstr("must specify a matching key with non-equal value in Selector for"));
  EXPECT_THAT(cli_.Run("rolling-update nautilus -f -", Controller("nautilus", "two", 1)).err,
              HasSubstr("cannot have the same name as the existing ReplicationController"));
  EXPECT_THAT(cli_.Run("rolling-update nautilus").err,
              HasSubstr("Must specify --filename or --image for new controller"));
}

TEST_F(CliWorkloadsTest, FollowsARolloutToItsEnd) {
  cli_.Out("create deployment web --image=a --replicas=2");
  EXPECT_EQ(cli_.Out("rollout status deploy/web"), "deployment \"web\" successfully rolled out\n");
  EXPECT_EQ(cli_.Out("wait deploy/web --for=condition=Available"),
            "deployment.apps/web condition met\n");
  EXPECT_EQ(cli_.Out("scale deploy/web --replicas=3 --timeout=1m"), "deployment.apps/web scaled\n");
  EXPECT_EQ(cli_.Out("set image deploy/web a=b"), "deployment.apps/web image updated\n");
  EXPECT_EQ(cli_.Out("rollout status deploy/web"), "deployment \"web\" successfully rolled out\n");
  EXPECT_EQ(cli_.Out("get deploy web"),
            "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    3/3     3            3           "
            "0s\n");
  const std::string described = cli_.Out("describe deploy web");
  EXPECT_THAT(described, HasSubstr("Replicas:               3 desired | 3 updated | 3 total | 3 "
                                   "available | 0 unavailable\n"));
  EXPECT_THAT(described, HasSubstr("OldReplicaSets:  web-"));
  EXPECT_THAT(described, HasSubstr("ScalingReplicaSet"));
}

TEST_F(CliWorkloadsTest, DrainsTheManagedPodsOfANode) {
  cli_.Out("create -f -", "{apiVersion: v1, kind: Node, metadata: {name: node1}}");
  cli_.Out("create deployment web --image=a");
  const Ran ran = cli_.Run("drain node1");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, StartsWith("node/node1 cordoned\nevicting pod default/web-"));
  EXPECT_THAT(ran.out, HasSubstr(" evicted\nnode/node1 drained\n"));
}

TEST_F(CliWorkloadsTest, WaitsUntilWhatItDeletesIsGone) {
  cli_.Out("create deployment web --image=a");
  EXPECT_EQ(cli_.Out("delete deploy web"),
            "deployment.apps \"web\" deleted from default namespace\n");
  EXPECT_EQ(cli_.Run("get deploy,rs,pods").err, "No resources found in default namespace.\n");
}

}  // namespace
}  // namespace skiff
