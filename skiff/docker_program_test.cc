#include "skiff/docker_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DockerProgramTest, WhatItsServersAreToldIsPassedOn) {
  const auto options = DockerOptionsOf(
      {"--docker", "--server-arg=--ingress", "--secrets-encryption",
       "--kube-apiserver-arg=tls-cipher-suites=A,B", "--kube-controller-manager-arg=cluster-name=x",
       "--kube-scheduler-arg=config=/FILE", "--kube-apiserver-arg=event-ttl=2h"});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_THAT(options->server_arguments, ElementsAre("--ingress", "--secrets-encryption",
                                                     "--kube-apiserver-arg=tls-cipher-suites=A,B",
                                                     "--kube-apiserver-arg=event-ttl=2h",
                                                     "--kube-controller-manager-arg=cluster-name=x",
                                                     "--kube-scheduler-arg=config=/FILE"));
}

TEST(DockerProgramTest, AWordThatIsNoTruthIsToldOfItsFlag) {
  EXPECT_TRUE(IsAboutDocker({"--nodes=2", "--docker"}));
  EXPECT_FALSE(IsAboutDocker({"--docker=false"}));
  ASSERT_TRUE(IsAboutDocker({"--docker=x"}));
  const auto options = DockerOptionsOf({"--docker=x"});
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error().message, HasSubstr("\"x\" for \"--docker\""));
}

TEST(DockerProgramTest, ServersOverAnEtcdMakeNoKeyEach) {
  const auto options = DockerOptionsOf({"--docker", "--etcd=3", "--secrets-encryption"});
  ASSERT_FALSE(options);
  EXPECT_THAT(options.error().message, HasSubstr("--encryption-provider-config=/FILE"));
}

TEST(DockerProgramTest, WhoeverForgotThatNodesAreContainersIsReminded) {
  EXPECT_THAT(DockerHint({"--nodes=3", "--etcd=3"}), HasSubstr("with --docker"));
  EXPECT_THAT(DockerHint({"--name=dev", "--publish=8080:80"}), HasSubstr("with --docker"));
  EXPECT_EQ(DockerHint({"--nodes=3", "--nonsense"}), "");
  EXPECT_EQ(DockerHint({"--etcd=many"}), "");
}

}  // namespace
}  // namespace skiff
