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
  EXPECT_THAT(ErrorOf({"--runtime-config=api/all=false,apps/v1=true",
                       "--enable-priority-and-fairness=false"}),
              HasSubstr("must not be ignored"));
  EXPECT_THAT(ErrorOf({"--runtime-config=api/v1=false"}), HasSubstr("must not be ignored"));
  EXPECT_THAT(NotesOf({"--runtime-config=api/v1=true,v1=true,apps/v1=true,batch/v1"}), IsEmpty());
  EXPECT_THAT(NotesOf({"--runtime-config=api/all=true"}),
              ElementsAre("--runtime-config=api/all=true has an effect on "
                          "admissionregistration.k8s.io/v1alpha1, "
                          "admissionregistration.k8s.io/v1beta1 alone: what else there is here is "
                          "served anyway"));
  EXPECT_THAT(NotesOf({"--runtime-config=api/beta=false,resource.k8s.io/v1alpha3=false"}),
              IsEmpty());
  EXPECT_THAT(NotesOf({"--runtime-config=api/alpha=true,resource.k8s.io/v1alpha3=true"}),
              ElementsAre("--runtime-config=api/alpha=true has an effect on "
                          "admissionregistration.k8s.io/v1alpha1 alone: there is no other such "
                          "version here",
                          "--runtime-config=resource.k8s.io/v1alpha3=true has no effect: there is "
                          "no such version here"));
  EXPECT_THAT(NotesOf({"--runtime-config="}), IsEmpty());
}

TEST(FlagChecksTest, FeatureGatesAreThoseOfKubernetes) {
  EXPECT_EQ(ErrorOf({"--feature-gates=WatchList=true,Nonsense=true"}),
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

TEST(FlagChecksTest, AServerHasALeaseThatTellsOfItUnlessItIsToHaveNone) {
  const auto has_lease = [](const std::vector<std::string>& args) {
    return (*ParseApiServerFlags(args))->has_identity_lease;
  };
  EXPECT_TRUE(has_lease({}));
  EXPECT_FALSE(has_lease({"--feature-gates=APIServerIdentity=false"}));
  EXPECT_THAT(NotesOf({"--feature-gates=APIServerIdentity=false"}), IsEmpty());
  // It is beta. What is named itself goes before all of a kind, wherever it stands.
  EXPECT_FALSE(has_lease({"--feature-gates=AllBeta=false"}));
  EXPECT_TRUE(has_lease({"--feature-gates=APIServerIdentity=true,AllBeta=false"}));
  EXPECT_FALSE(has_lease({"--feature-gates=APIServerIdentity=false,AllBeta=true"}));
  EXPECT_THAT(
      NotesOf({"--feature-gates=AllBeta=false"}),
      ElementsAre("--feature-gates=AllBeta=false has an effect on APIServerIdentity, "
                  "MaxUnavailableStatefulSet and MutatingAdmissionPolicy alone: what else is there "
                  "is on, and what is not cannot be turned on"));
}

TEST(FlagChecksTest, MaxUnavailableOfStatefulSetsIsKeptWhereItsGateIsOn) {
  const auto keeps = [](const std::vector<std::string>& args) {
    return (*ParseApiServerFlags(args))->keeps_max_unavailable;
  };
  EXPECT_FALSE(keeps({}));
  EXPECT_TRUE(keeps({"--feature-gates=MaxUnavailableStatefulSet=true"}));
  EXPECT_TRUE(keeps({"--feature-gates=AllBeta=true"}));
  EXPECT_FALSE(keeps({"--feature-gates=AllBeta=true,MaxUnavailableStatefulSet=false"}));
  EXPECT_THAT(NotesOf({"--feature-gates=MaxUnavailableStatefulSet=true"}), IsEmpty());
  EXPECT_EQ(ErrorOf({"--feature-gates=NodeDeclaredFeatures=true"}),
            "--feature-gates=NodeDeclaredFeatures=true cannot be had here, and must not be "
            "ignored: it is always off");
}

// kube-apiserver does not start with the gate alone, and with the version alone lets them do
// nothing.
TEST(FlagChecksTest, MutatingPoliciesAreServedAndActWhenAskedTo) {
  const auto asked = [](const std::vector<std::string>& args) {
    const auto parsed = ParseApiServerFlags(args);
    EXPECT_TRUE(parsed) << parsed.error().message;
    return std::pair((*parsed)->kinds_on_request.size(), (*parsed)->mutating_policies_act);
  };
  const std::string on = "--feature-gates=MutatingAdmissionPolicy=true";
  const std::string version = "--runtime-config=admissionregistration.k8s.io/v1beta1=true";
  EXPECT_EQ(asked({}), std::pair(size_t{0}, false));
  EXPECT_EQ(asked({version}), std::pair(size_t{2}, false));
  EXPECT_EQ(asked({on, version}), std::pair(size_t{2}, true));
  EXPECT_EQ(asked({"--runtime-config=api/beta=true", on}), std::pair(size_t{2}, true));
  const std::string all = "--feature-gates=AllBeta=true";
  EXPECT_EQ(asked({all, version}), std::pair(size_t{2}, true));
  EXPECT_EQ(asked({all + ",MutatingAdmissionPolicy=false", version}), std::pair(size_t{2}, false));
  EXPECT_EQ(asked({all}), std::pair(size_t{0}, false));
  const std::string alpha = "admissionregistration.k8s.io/v1alpha1=";
  EXPECT_EQ(asked({version + "," + alpha + "true", on}), std::pair(size_t{4}, true));
  EXPECT_EQ(asked({"--runtime-config=" + alpha + "true"}), std::pair(size_t{2}, false));
  EXPECT_EQ(asked({"--runtime-config=api/alpha=true"}), std::pair(size_t{2}, false));
  EXPECT_EQ(asked({"--runtime-config=api/v1=true"}), std::pair(size_t{0}, false))
      << "the core group, and no beta";
  EXPECT_EQ(asked({"--runtime-config=api/all=true,admissionregistration.k8s.io/v1beta1=false," +
                   alpha + "false"}),
            std::pair(size_t{0}, false));
  EXPECT_THAT(NotesOf({on, version + "," + alpha + "true"}), IsEmpty());
  EXPECT_EQ(asked({on + ",MutatingAdmissionPolicy=false"}), std::pair(size_t{0}, false));
  EXPECT_EQ(ErrorOf({on}), "--feature-gates=MutatingAdmissionPolicy=true needs "
                           "--runtime-config=admissionregistration.k8s.io/v1beta1=true");
  EXPECT_THAT(ErrorOf({on, "--runtime-config=" + alpha + "true"}), HasSubstr("v1beta1=true"))
      << "kube-apiserver waits for v1beta1";
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
  EXPECT_THAT(ErrorOf({"--request-timeout=0"}), HasSubstr("must be greater than 0"));
  EXPECT_THAT(ErrorOf({"--min-request-timeout=x"}), HasSubstr("strconv.ParseInt"));
  EXPECT_EQ(ErrorOf({"--min-request-timeout=-1"}),
            "--min-request-timeout can not be negative value");
  EXPECT_EQ(ErrorOf({"--data-dir="}), "--data-dir must not be empty without --etcd-servers");
  EXPECT_EQ(ErrorOf({"--advertise-address=192.0.2.1", "--bind-address=::", "--secure-port=6443"}),
            "");
}

struct Wrong {
  std::vector<std::string> args;
  std::string message;
};

TEST(FlagChecksTest, WhatKubeApiserverRefusesIsRefusedByItsWords) {
  const Wrong wrongs[] = {
      {{"--runtime-config=api/all=false"},
       "--runtime-config=api/all=false conflicts with --enable-priority-and-fairness=true"},
      {{"--runtime-config=api/ga=false,flowcontrol.apiserver.k8s.io/v1=false"},
       "--runtime-config=flowcontrol.apiserver.k8s.io/v1=false conflicts with "
       "--enable-priority-and-fairness=true"},
      {{"--runtime-config=api/all=false", "--enable-priority-and-fairness=false"},
       "invalid key with only api/all=false"},
      {{"--runtime-config=api/all=perhaps"}, "invalid value api/all=perhaps"},
      {{"--runtime-config=apps"}, "runtime-config invalid key apps"},
      {{"--runtime-config=example.com/v1=true"}, "unknown api groups example.com"},
      {{"--runtime-config=apps/v9=true"}, "group version apps/v9 that has not been registered"},
      {{"--runtime-config=apps/v1=perhaps"},
       "invalid value of apps/v1: perhaps, err: strconv.ParseBool: parsing \"perhaps\": invalid "
       "syntax"},
      {{"--runtime-config=apps/v1/Deployments=true"},
       "invalid key apps/v1/Deployments: group/version/resource and resource is always lowercase "
       "plural, not \"Deployments\""},
      {{"--logging-format=xml"}, "format: Invalid value: \"xml\": Unsupported log format"},
      {{"--service-cluster-ip-range=nonsense"}, "service-cluster-ip-range[0] is not a valid cidr"},
      {{"--service-cluster-ip-range=10.0.0.0/30"},
       "error determining service IP ranges for primary service cidr: the service cluster IP range "
       "must be at least 8 IP addresses"},
      {{"--service-cluster-ip-range=10.0.0.0/24,nonsense"},
       "service-cluster-ip-range[1] is not an ip net"},
      {{"--service-cluster-ip-range=10.0.0.0/24,10.1.0.0/24"},
       "--service-cluster-ip-range[0] and --service-cluster-ip-range[1] must be of different IP "
       "family"},
      {{"--service-cluster-ip-range=10.0.0.0/24,fd00::/108,10.2.0.0/24"},
       "--service-cluster-ip-range must not contain more than two entries"},
      {{"--advertise-address=2001:db8::1"},
       "service IP family \"10.0.0.0/24\" must match public address family \"2001:db8::1\""},
      {{"--service-node-port-range=x"},
       "invalid argument \"x\" for \"--service-node-port-range\" flag: strconv.Atoi: parsing "
       "\"x\": invalid syntax"},
      {{"--service-node-port-range=32767-30000"},
       "invalid argument \"32767-30000\" for \"--service-node-port-range\" flag: end port cannot "
       "be less than start port: 32767-30000"},
      {{"--service-node-port-range=30000+99999"},
       "invalid argument \"30000+99999\" for \"--service-node-port-range\" flag: the port range "
       "cannot be greater than 65535: 30000+99999"},
      {{"--enable-admission-plugins=Nonsense"},
       "enable-admission-plugins plugin \"Nonsense\" is unknown"},
      {{"--disable-admission-plugins=Nonsense"},
       "disable-admission-plugins plugin \"Nonsense\" is unknown"},
      {{"--enable-admission-plugins=LimitRanger,AlwaysPullImages",
        "--disable-admission-plugins=AlwaysPullImages,LimitRanger"},
       "[AlwaysPullImages LimitRanger] in enable-admission-plugins and disable-admission-plugins "
       "overlapped"}};
  for (const auto& [args, message] : wrongs) EXPECT_EQ(ErrorOf(args), message) << args[0];
  for (const char* range : {"30000+100", "30000", " 30000-30100 "}) {
    EXPECT_EQ(ErrorOf({std::string("--service-node-port-range=") + range}), "") << range;
  }
  EXPECT_EQ(ErrorOf({"--advertise-address=2001:db8::1", "--endpoint-reconciler-type=none"}), "");
  EXPECT_EQ(ErrorOf({"--advertise-address=2001:db8::1",
                     "--service-cluster-ip-range=fd00::/108,10.0.0.0/16"}),
            "");
}

TEST(FlagChecksTest, FlagsWithoutEffectAreLookedAtAllTheSame) {
  const std::vector<std::string> log = {"--audit-log-path=/x", "--audit-policy-file=/y"};
  const auto with_log = [&](const std::vector<std::string>& more) {
    std::vector<std::string> args = log;
    args.insert(args.end(), more.begin(), more.end());
    return args;
  };
  const Wrong wrongs[] = {
      {{"--livez-grace-period=-1s"}, "--livez-grace-period can not be a negative value"},
      {{"--shutdown-watch-termination-grace-period=-1s"},
       "shutdown-watch-termination-grace-period, if provided, can not be a negative value"},
      {{"--storage-media-type=text/plain"},
       "--storage-media-type \"text/plain\" invalid, allowed values: application/json, "
       "application/vnd.kubernetes.protobuf, application/yaml"},
      {{"--watch-cache-sizes=pods#10,nodes"}, "invalid value of watch cache size: nodes"},
      {{"--watch-cache-sizes=pods#ten"}, "invalid size of watch cache size: pods#ten"},
      {{"--watch-cache-sizes=pods#-1"}, "watch cache size cannot be negative: pods#-1"},
      {{"--emulation-forward-compatible"},
       "ServerRunOptions.EmulationForwardCompatible cannot be set to true if the emulation version "
       "is the same as the binary version"},
      {{"--runtime-config-emulation-forward-compatible=true"},
       "ServerRunOptions.RuntimeConfigEmulationForwardCompatible cannot be set to true if the "
       "emulation version is the same as the binary version"},
      {{"--peer-ca-file=/x"},
       "--peer-ca-file requires UnknownVersionInteroperabilityProxy feature to be turned on"},
      {{"--coordinated-leadership-lease-duration=10s"},
       "--coordinated-leadership-lease-duration must be greater than "
       "--coordinated-leadership-renew-deadline"},
      {{"--coordinated-leadership-retry-period=10s"},
       "--coordinated-leadership-renew-deadline must be greater than "
       "--coordinated-leadership-retry-period"},
      {{"--show-hidden-metrics-for-version=1.20"},
       "--show-hidden-metrics-for-version must be omitted or have the value '1.34'. Only the "
       "previous minor version is allowed"},
      {{"--allow-metric-labels=one=x"},
       "--allow-metric-labels must have a list of kv pair with format "
       "`metricName,labelName=labelValue, labelValue,...`"},
      {{"--kubernetes-service-node-port=70000"},
       "--kubernetes-service-node-port 70000 must be between 0 and 65535, inclusive. If 0, the "
       "Kubernetes master service will be of type ClusterIP"},
      {with_log({"--audit-log-version=audit.k8s.io/v1beta1"}),
       "invalid group version, allowed versions are [\"audit.k8s.io/v1\"]"},
      {with_log({"--audit-log-mode=batch", "--audit-log-batch-buffer-size=0"}),
       "invalid audit batch log buffer size 0, must be a positive number"},
      {with_log({"--audit-log-mode=batch", "--audit-log-batch-max-size=-1"}),
       "invalid audit batch log max batch size -1, must be a positive number"},
      {with_log({"--audit-log-mode=batch", "--audit-log-batch-throttle-enable=true"}),
       "invalid audit batch log throttle QPS 0, must be a positive number"},
      {with_log({"--audit-log-truncate-max-event-size=0"}),
       "invalid audit truncate log max event size 0, must be a positive number"},
      {with_log({"--audit-log-truncate-max-batch-size=5"}),
       "invalid audit truncate log max batch size 5, must be greater than max event size "
       "(102400)"}};
  for (const auto& [args, message] : wrongs) EXPECT_EQ(ErrorOf(args), message) << args.back();
  EXPECT_EQ(ErrorOf(with_log({"--audit-log-batch-buffer-size=0"})), "");
  EXPECT_EQ(ErrorOf({"--audit-log-truncate-max-batch-size=5"}), "");
  EXPECT_EQ(
      ErrorOf({"--peer-ca-file=/x", "--feature-gates=UnknownVersionInteroperabilityProxy=true"}),
      "");
  EXPECT_EQ(ErrorOf({"--allow-metric-labels=metric1,label1=v1", "--watch-cache-sizes=pods#10",
                     "--show-hidden-metrics-for-version=1.34"}),
            "");
}

}  // namespace
}  // namespace skiff
