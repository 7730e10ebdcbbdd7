#include <gmock/gmock.h>

#include "cli/describe_pod.h"
#include "cli/policy_rules.h"

namespace skiff::cli {
namespace {

std::string Described(const Json& volume, bool of_volume) {
  DescribeWriter out(/*aligned=*/false);
  WriteVolumeSource(out, 2, volume, of_volume);
  return out.Flush();
}

TEST(DescribeVolumesTest, SourcesAreDescribedByTheirFields) {
  const Json iscsi = {{"iscsi",
                       {{"targetPortal", "1.2.3.4:5"},
                        {"iqn", "iqn"},
                        {"lun", 1},
                        {"iscsiInterface", "default"},
                        {"portals", {"a", "b"}},
                        {"chapAuthDiscovery", true},
                        {"secretRef", {{"name", "s"}}}}}};
  EXPECT_EQ(Described(iscsi, true),
            "    Type:\tISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine "
            "and then exposed to the pod)\n"
            "    TargetPortal:\t1.2.3.4:5\n    IQN:\tiqn\n    Lun:\t1\n"
            "    ISCSIInterface\tdefault\n    FSType:\t\n    ReadOnly:\tfalse\n"
            "    Portals:\t[a b]\n    DiscoveryCHAPAuth:\ttrue\n    SessionCHAPAuth:\tfalse\n"
            "    SecretRef:\t&SecretReference{Name:s,Namespace:,}\n    InitiatorName:\t<none>\n");
  EXPECT_THAT(Described(iscsi, false), testing::HasSubstr("&LocalObjectReference{Name:s,}"));
  const Json flex = {{"flexVolume", {{"driver", "d"}, {"options", {{"b", "2"}, {"a", "1"}}}}}};
  EXPECT_THAT(Described(flex, false),
              testing::EndsWith("    SecretRef:\tnil\n    ReadOnly:\tfalse\n"
                                "    Options:\tmap[a:1 b:2]\n"));
  EXPECT_EQ(Described({{"azureFile", {{"secretName", "s"}, {"shareName", "n"}}}}, false),
            "    Type:\tAzureFile (an Azure File Service mount on the host and bind mount to the "
            "pod)\n    SecretName:\ts\n    ShareName:\tn\n    ReadOnly:\tfalse\n")
      << "of a pod its secret is in the pod's namespace";
  EXPECT_EQ(Described({{"none", {{"a", "b"}}}}, true), "  <unknown>\n");
}

TEST(DescribeVolumesTest, AClaimOfAPodsOwnHasItsClass) {
  const Json volume = {
      {"ephemeral", {{"volumeClaimTemplate", {{"spec", {{"storageClassName", "fast"}}}}}}}};
  EXPECT_EQ(
      Described(volume, false),
      "    Type:\tEphemeralVolume (an inline specification for a volume that gets created and "
      "deleted with the pod)\n    StorageClass:\tfast\n    Volume:\t\n"
      "    Labels:\t    <none>\n    Annotations:\t    <none>\n    Capacity:\t\n"
      "    Access Modes:\t\n");
}

TEST(DescribeVolumesTest, PairsOfAPodsOwnClaimAreIndentedTwice) {
  const Json volume = {
      {"ephemeral",
       {{"volumeClaimTemplate", {{"metadata", {{"labels", {{"a", "b"}, {"c", "d"}}}}}}}}}};
  EXPECT_THAT(Described(volume, false),
              testing::HasSubstr("    Labels:\t    a=b\n        \t    c=d\n"));
}

TEST(DescribeVolumesTest, WhatIsNotSaidOfAVolumeIsSaidToBeUnset) {
  EXPECT_THAT(Described({{"emptyDir", {{"sizeLimit", "0"}}}}, false),
              testing::EndsWith("    SizeLimit:\t<unset>\n"));
  EXPECT_THAT(Described({{"emptyDir", {{"sizeLimit", "1Mi"}}}}, false),
              testing::EndsWith("    SizeLimit:\t1Mi\n"));
  EXPECT_THAT(Described({{"csi", {{"driver", "d"}}}}, false),
              testing::EndsWith("    ReadOnly:\tfalse\n    VolumeAttributes:\t<none>\n"));
}

TEST(PolicyRulesTest, RulesOfOneResourceWithTheSameNameAreOne) {
  const Json rules = {
      {{"apiGroups", {""}},
       {"resources", {"s"}},
       {"resourceNames", {"b", "a"}},
       {"verbs", {"get"}}},
      {{"apiGroups", {""}}, {"resources", {"s"}}, {"resourceNames", {"a"}}, {"verbs", {"watch"}}}};
  EXPECT_EQ(PolicyRuleRows(rules),
            (std::vector<std::string>{"s\t[]\t[a]\t[get watch]", "s\t[]\t[b]\t[get]"}));
}

}  // namespace
}  // namespace skiff::cli
