#include "skiff/program_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class ProgramArgumentsTest : public ::testing::Test {
 protected:
  static ApiServerFlags Set() {
    ApiServerFlags flags;
    flags.authorization_modes = {"Node", "RBAC"};
    flags.enable_admission_plugins = {"NodeRestriction"};
    flags.data_dir = "/somewhere";
    return flags;
  }
  Result<ApiServerFlags> ApiServer(const std::vector<std::string>& given) {
    return WithApiServerArgs(Set(), given, notes_);
  }
  std::vector<std::string> notes_;
};

TEST_F(ProgramArgumentsTest, WhatIsNotGivenStaysAsItIsSet) {
  const auto flags = ApiServer({"tls-min-version=VersionTLS13", "--max-requests-inflight=77"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ(flags->port.tls_min_version, "VersionTLS13");
  EXPECT_EQ(flags->flow_control.reading_max, 77);
  EXPECT_THAT(flags->authorization_modes, ElementsAre("Node", "RBAC"));
  EXPECT_EQ(flags->data_dir, "/somewhere");
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_TRUE(ApiServer({"watch-cache-sizes=pods#10"}));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("--watch-cache-sizes=pods#10 has no effect")));
}

TEST_F(ProgramArgumentsTest, NodesStayRestrictedUnlessSomebodySaysOtherwise) {
  EXPECT_THAT(ApiServer({"enable-admission-plugins=AlwaysPullImages"})->enable_admission_plugins,
              UnorderedElementsAre("AlwaysPullImages", "NodeRestriction"));
  EXPECT_THAT(ApiServer({"enable-admission-plugins=AlwaysPullImages",
                         "disable-admission-plugins=NodeRestriction"})
                  ->enable_admission_plugins,
              ElementsAre("AlwaysPullImages"));
  const auto without = ApiServer({"disable-admission-plugins=NodeRestriction"});
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_THAT(without->enable_admission_plugins, IsEmpty());
}

TEST_F(ProgramArgumentsTest, WhatUpDecidesItselfIsRefusedAndSoIsWhatNobodyKnows) {
  for (const char* own : {"secure-port=1", "--etcd-servers=http://x", "data_dir=/x",
                          "requestheader-allowed-names=x"}) {
    EXPECT_THAT(ApiServer({own}).error().message, HasSubstr("`skiff up` sets that itself")) << own;
  }
  EXPECT_EQ(ApiServer({"colour=blue"}).error().message,
            "--kube-apiserver-arg: unknown flag: --colour; see skiff apiserver --help");
  EXPECT_FALSE(ApiServer({"help"}));
  EXPECT_FALSE(ApiServer({""}));
  EXPECT_THAT(WithControllerManagerArgs({}, {"controllers=*"}, notes_).error().message,
              HasSubstr("--kube-controller-manager-arg=controllers=*: `skiff up` sets that"));
  EXPECT_THAT(WithSchedulerArgs({"leader-elect=false"}, notes_).error().message,
              HasSubstr("--kube-scheduler-arg=leader-elect=false"));
  EXPECT_FALSE(WithSchedulerArgs({"help"}, notes_));
}

TEST_F(ProgramArgumentsTest, ControllersKeepTheirNumbersButForThoseThatAreGiven) {
  ControllerOptions set;
  set.controllers = {"*", "token-cleaner-controller"};
  set.workers["deployment"] = 77;
  set.network_policies_are_enforced = false;
  const auto given = WithControllerManagerArgs(
      set, {"horizontal-pod-autoscaler-sync-period=5s", "concurrent-job-syncs=3"}, notes_);
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->autoscaler.sync_period, 5s);
  EXPECT_EQ(given->workers.at("job"), 3);
  EXPECT_EQ(given->workers.at("deployment"), 77);
  EXPECT_EQ(given->workers.size(), 2U);
  EXPECT_EQ(given->controllers, set.controllers);
  EXPECT_FALSE(given->network_policies_are_enforced);
  set.allocate_node_cidrs = true;
  set.cluster_cidrs = {"10.244.0.0/16"};
  EXPECT_EQ(
      WithControllerManagerArgs(set, {"node-cidr-mask-size=26"}, notes_)->node_cidr_mask_size_ipv4,
      26);
  EXPECT_FALSE(WithControllerManagerArgs(set, {"node-cidr-mask-size=8"}, notes_));
  EXPECT_THAT(WithControllerManagerArgs(set, {"concurrent-job-syncs=0"}, notes_).error().message,
              HasSubstr("--kube-controller-manager-arg: "));
}

TEST_F(ProgramArgumentsTest, WhatIsOfAPortWantsOne) {
  const std::string port = "secure-port=10257";
  for (const std::string argument :
       {"disable-http2-serving=true", "http2-max-streams-per-connection=9", "--bind_address=::1",
        "authorization-always-allow-paths=/x", "tls-min-version=VersionTLS13"}) {
    EXPECT_THAT(WithControllerManagerArgs({}, {argument}, notes_).error().message,
                HasSubstr("--kube-controller-manager-arg=secure-port=PORT makes one"))
        << argument;
    EXPECT_THAT(WithSchedulerArgs({argument}, notes_).error().message,
                HasSubstr("--kube-scheduler-arg=secure-port=PORT makes one"));
    EXPECT_TRUE(WithControllerManagerArgs({}, {argument, port}, notes_)) << argument;
    EXPECT_TRUE(WithSchedulerArgs({port, argument}, notes_)) << argument;
    EXPECT_FALSE(WithSchedulerArgs({"secure-port=0", argument}, notes_)) << "there is none, either";
  }
  EXPECT_EQ(ControllerManagerServing({port, "bind-address=::1"})->bind_address, "::1");
  EXPECT_EQ(ControllerManagerServing({port})->secure_port, 10257);
  EXPECT_EQ(SchedulerServing({"--secure_port=1"})->secure_port, 1);
  EXPECT_EQ(SchedulerServing({"pod-max-in-unschedulable-pods-duration=1m"})->secure_port, 0);
  // Who asks is asked of the server that it runs with.
  EXPECT_FALSE(WithSchedulerArgs({port, "authentication-kubeconfig=/x"}, notes_));
  EXPECT_FALSE(WithSchedulerArgs({port, "profiling=true"}, notes_));
  EXPECT_TRUE(WithSchedulerArgs({"secure-port=0"}, notes_));
  EXPECT_THAT(WithSchedulerArgs({"secure-port=65536"}, notes_).error().message,
              HasSubstr("--secure-port 65536 must be between 0 and 65535, inclusive."));
  EXPECT_THAT(WithControllerManagerArgs({}, {port, "bind-address=x"}, notes_).error().message,
              HasSubstr("for \"--bind-address\" flag: failed to parse IP: \"x\""));
}

TEST_F(ProgramArgumentsTest, TheSchedulerIsConfiguredByAFile) {
  const std::string path = ::testing::TempDir() + "scheduler.yaml";
  std::ofstream(path) << "apiVersion: kubescheduler.config.k8s.io/v1\n"
                         "kind: KubeSchedulerConfiguration\n"
                         "clientConnection: {qps: 5}\n"
                         "profiles: [{schedulerName: packing}]\n";
  const auto options = WithSchedulerArgs({"config=" + path}, notes_);
  ASSERT_TRUE(options) << options.error().message;
  ASSERT_EQ(options->profiles.size(), 1U);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("clientConnection.qps and burst of the")));
  EXPECT_FALSE(WithSchedulerArgs({"config=/nowhere"}, notes_));
}

}  // namespace
}  // namespace skiff
