#include "apiserver/server/flag_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ErrorOf(const std::vector<std::string>& args) {
  const auto parsed = ParseApiServerFlags(args);
  return parsed ? "" : parsed.error().message;
}

std::vector<std::string> NotesOf(const std::vector<std::string>& args) {
  const auto parsed = ParseApiServerFlags(args);
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? (*parsed)->log.notes : std::vector<std::string>();
}

TEST(FlagChecksTest, AVersionThatIsToBeLeftOutIsNotServedInSilence) {
  EXPECT_THAT(ErrorOf({"--runtime-config=apps/v1=false"}), HasSubstr("must not be ignored"));
  EXPECT_THAT(ErrorOf({"--runtime-config=v1/pods=false"}), HasSubstr("must not be ignored"));
  EXPECT_THAT(ErrorOf({"--runtime-config=api/all=false,apps/v1=true"}),
              HasSubstr("must not be ignored"));
  EXPECT_THAT(ErrorOf({"--runtime-config=apps/v1=perhaps"}), HasSubstr("runtime-config invalid"));
  EXPECT_THAT(NotesOf({"--runtime-config=api/all=true,apps/v1=true,batch/v1"}), IsEmpty());
  EXPECT_THAT(NotesOf({"--runtime-config=api/beta=false,resource.k8s.io/v1alpha3=false"}),
              IsEmpty());
  EXPECT_THAT(NotesOf({"--runtime-config=api/alpha=true,resource.k8s.io/v1alpha3=true"}),
              ElementsAre("--runtime-config=api/alpha=true has no effect: no alpha version is here",
                          "--runtime-config=resource.k8s.io/v1alpha3=true has no effect: there is "
                          "no such version here"));
  EXPECT_THAT(NotesOf({"--runtime-config="}), IsEmpty());
}

TEST(FlagChecksTest, FeatureGatesAreThoseOfKubernetes) {
  EXPECT_EQ(ErrorOf({"--feature-gates=WatchList=true,Nonsense=true"}),
            "invalid argument \"WatchList=true,Nonsense=true\" for \"--feature-gates\" flag: "
            "unrecognized feature gate: Nonsense");
  EXPECT_THAT(ErrorOf({"--feature-gates=SidecarContainers=false"}),
              HasSubstr("cannot set feature gate SidecarContainers to false, feature is locked to "
                        "true"));
  EXPECT_THAT(ErrorOf({"--feature-gates=WatchList"}), HasSubstr("missing bool value for WatchList"));
  EXPECT_THAT(ErrorOf({"--feature-gates=WatchList=maybe"}),
              HasSubstr("invalid value of WatchList=maybe, err: strconv.ParseBool: parsing "
                        "\"maybe\": invalid syntax"));
  EXPECT_THAT(NotesOf({"--feature-gates=AllAlpha=false, kube:WatchList=true"}),
              ElementsAre(HasSubstr("has no effect")));
  EXPECT_THAT(NotesOf({"--feature-gates=MutatingAdmissionPolicy=false,WatchList=true"}),
              ElementsAre("--feature-gates=WatchList=true has no effect: what is there is on, and "
                          "what is not cannot be turned on"));
}

// kube-apiserver does not start with the gate alone, and with the version alone lets them do
// nothing.
TEST(FlagChecksTest, MutatingPoliciesAreServedAndActWhenAskedTo) {
  const auto asked = [](const std::vector<std::string>& args) {
    const auto parsed = ParseApiServerFlags(args);
    EXPECT_TRUE(parsed) << parsed.error().message;
    EXPECT_THAT((*parsed)->log.notes, IsEmpty());
    return std::pair((*parsed)->kinds_on_request.size(), (*parsed)->mutating_policies_act);
  };
  const std::string on = "--feature-gates=MutatingAdmissionPolicy=true";
  const std::string version = "--runtime-config=admissionregistration.k8s.io/v1beta1=true";
  EXPECT_EQ(asked({}), std::pair(size_t{0}, false));
  EXPECT_EQ(asked({version}), std::pair(size_t{2}, false));
  EXPECT_EQ(asked({on, version}), std::pair(size_t{2}, true));
  EXPECT_EQ(asked({"--runtime-config=api/beta=true", on}), std::pair(size_t{2}, true));
  EXPECT_EQ(asked({"--runtime-config=api/all=true,admissionregistration.k8s.io/v1beta1=false"}),
            std::pair(size_t{0}, false));
  EXPECT_EQ(asked({on + ",MutatingAdmissionPolicy=false"}), std::pair(size_t{0}, false));
  EXPECT_EQ(ErrorOf({on}), "--feature-gates=MutatingAdmissionPolicy=true needs "
                           "--runtime-config=admissionregistration.k8s.io/v1beta1=true");
}

TEST(FlagChecksTest, WhatCannotBeIsRefusedInKubernetesWords) {
  EXPECT_EQ(ErrorOf({"--advertise-address=foo"}),
            "invalid argument \"foo\" for \"--advertise-address\" flag: failed to parse IP: "
            "\"foo\"");
  EXPECT_THAT(ErrorOf({"--bind-address=foo"}), HasSubstr("failed to parse IP"));
  EXPECT_EQ(ErrorOf({"--secure-port=0"}),
            "--secure-port 0 must be between 1 and 65535, inclusive. It cannot be turned off with "
            "0");
  EXPECT_EQ(ErrorOf({"--event-ttl=-1h"}), "--event-ttl can not be negative value");
  EXPECT_EQ(ErrorOf({"--max-requests-inflight=-1"}),
            "--max-requests-inflight can not be negative value");
  EXPECT_EQ(ErrorOf({"--max-mutating-requests-inflight=-1"}),
            "--max-mutating-requests-inflight can not be negative value");
  EXPECT_THAT(ErrorOf({"--max-requests-inflight=0", "--max-mutating-requests-inflight=0"}),
              HasSubstr("they must add up to something positive"));
  EXPECT_EQ(ErrorOf({"--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
                     "--enable-priority-and-fairness=false"}),
            "");
  EXPECT_EQ(ErrorOf({"--request-timeout=-1s"}), "--request-timeout can not be negative value");
  EXPECT_THAT(ErrorOf({"--min-request-timeout=x"}), HasSubstr("strconv.ParseInt"));
  EXPECT_EQ(ErrorOf({"--data-dir="}), "--data-dir must not be empty without --etcd-servers");
  EXPECT_EQ(ErrorOf({"--advertise-address=192.0.2.1", "--bind-address=::", "--secure-port=6443"}),
            "");
}

}  // namespace
}  // namespace skiff
