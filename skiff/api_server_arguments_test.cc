#include "skiff/api_server_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

ApiServerFlags Set() {
  ApiServerFlags flags;
  flags.authorization_modes = {"Node", "RBAC"};
  flags.enable_admission_plugins = {"NodeRestriction"};
  flags.data_dir = "/somewhere";
  return flags;
}

TEST(ApiServerArgumentsTest, WhatIsNotGivenStaysAsItIsSet) {
  const auto flags =
      WithGivenArguments(Set(), {"tls-min-version=VersionTLS13", "--max-requests-inflight=77"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ(flags->port.tls_min_version, "VersionTLS13");
  EXPECT_EQ(flags->flow_control.reading_max, 77);
  EXPECT_THAT(flags->authorization_modes, ElementsAre("Node", "RBAC"));
  EXPECT_EQ(flags->data_dir, "/somewhere");
}

TEST(ApiServerArgumentsTest, NodesStayRestrictedUnlessSomebodySaysOtherwise) {
  EXPECT_THAT(WithGivenArguments(Set(), {"enable-admission-plugins=AlwaysPullImages"})
                  ->enable_admission_plugins,
              UnorderedElementsAre("AlwaysPullImages", "NodeRestriction"));
  EXPECT_THAT(WithGivenArguments(Set(), {"enable-admission-plugins=AlwaysPullImages",
                                         "disable-admission-plugins=NodeRestriction"})
                  ->enable_admission_plugins,
              ElementsAre("AlwaysPullImages"));
}

TEST(ApiServerArgumentsTest, WhatUpDecidesItselfIsRefusedAndSoIsWhatNobodyKnows) {
  for (const char* own : {"secure-port=1", "--etcd-servers=http://x", "data_dir=/x",
                          "requestheader-allowed-names=x"}) {
    EXPECT_THAT(WithGivenArguments(Set(), {own}).error().message,
                HasSubstr("`skiff up` sets that itself"))
        << own;
  }
  EXPECT_EQ(WithGivenArguments(Set(), {"colour=blue"}).error().message,
            "--kube-apiserver-arg: unknown flag: --colour");
  EXPECT_FALSE(WithGivenArguments(Set(), {"help"}));
  EXPECT_FALSE(WithGivenArguments(Set(), {""}));
}

}  // namespace
}  // namespace skiff
