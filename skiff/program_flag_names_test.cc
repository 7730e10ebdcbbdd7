// Every flag of kube-controller-manager and kube-scheduler v1.35 is known by its name: it acts, or
// it says why it does not. What is no flag there is none here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "skiff/programs.h"

namespace skiff {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kShared[] =
    "allow-metric-labels allow-metric-labels-manifest authentication-kubeconfig "
    "authentication-skip-lookup authentication-token-webhook-cache-ttl "
    "authentication-tolerate-lookup-failure authorization-always-allow-paths "
    "authorization-kubeconfig authorization-webhook-cache-authorized-ttl "
    "authorization-webhook-cache-unauthorized-ttl bind-address cert-dir client-ca-file "
    "contention-profiling disable-http2-serving disabled-metrics emulated-version "
    "feature-gates http2-max-streams-per-connection kube-api-burst kube-api-content-type "
    "kube-api-qps kubeconfig leader-elect leader-elect-lease-duration "
    "leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name "
    "leader-elect-resource-namespace leader-elect-retry-period log-flush-frequency "
    "log-json-info-buffer-size log-json-split-stream log-text-info-buffer-size "
    "log-text-split-stream logging-format master min-compatibility-version "
    "permit-address-sharing permit-port-sharing profiling requestheader-allowed-names "
    "requestheader-client-ca-file requestheader-extra-headers-prefix "
    "requestheader-group-headers requestheader-uid-headers requestheader-username-headers "
    "secure-port show-hidden-metrics-for-version tls-cert-file tls-cipher-suites "
    "tls-min-version tls-private-key-file tls-sni-cert-key v vmodule ";
constexpr char kOfControllerManager[] =
    "allocate-node-cidrs allow-untagged-cloud attach-detach-reconcile-sync-period "
    "cidr-allocator-type cloud-config cloud-provider cluster-cidr cluster-name "
    "cluster-signing-cert-file cluster-signing-duration cluster-signing-key-file "
    "cluster-signing-kube-apiserver-client-cert-file "
    "cluster-signing-kube-apiserver-client-key-file cluster-signing-kubelet-client-cert-file "
    "cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file "
    "cluster-signing-kubelet-serving-key-file cluster-signing-legacy-unknown-cert-file "
    "cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs "
    "concurrent-daemonset-syncs concurrent-deployment-syncs "
    "concurrent-device-taint-eviction-syncs concurrent-endpoint-syncs "
    "concurrent-ephemeralvolume-syncs concurrent-gc-syncs "
    "concurrent-horizontal-pod-autoscaler-syncs concurrent-job-syncs "
    "concurrent-namespace-syncs concurrent-rc-syncs concurrent-replicaset-syncs "
    "concurrent-resource-quota-syncs concurrent-service-endpoint-syncs "
    "concurrent-service-syncs concurrent-serviceaccount-token-syncs "
    "concurrent-statefulset-syncs concurrent-ttl-after-finished-syncs "
    "concurrent-validating-admission-policy-status-syncs configure-cloud-routes "
    "controller-shutdown-timeout controller-start-interval controllers "
    "disable-attach-detach-reconcile-sync disable-force-detach-on-timeout "
    "enable-dynamic-provisioning enable-garbage-collector enable-hostpath-provisioner "
    "enable-leader-migration endpoint-updates-batch-period endpointslice-updates-batch-period "
    "external-cloud-volume-plugin flex-volume-plugin-dir "
    "horizontal-pod-autoscaler-cpu-initialization-period "
    "horizontal-pod-autoscaler-downscale-stabilization "
    "horizontal-pod-autoscaler-initial-readiness-delay horizontal-pod-autoscaler-sync-period "
    "horizontal-pod-autoscaler-tolerance large-cluster-size-threshold leader-migration-config "
    "legacy-service-account-token-clean-up-period max-endpoints-per-slice min-resync-period "
    "mirroring-concurrent-service-endpoint-syncs mirroring-endpointslice-updates-batch-period "
    "mirroring-max-endpoints-per-subset namespace-sync-period node-cidr-mask-size "
    "node-cidr-mask-size-ipv4 node-cidr-mask-size-ipv6 node-eviction-rate "
    "node-monitor-grace-period node-monitor-period node-startup-grace-period node-sync-period "
    "pv-recycler-increment-timeout-nfs pv-recycler-minimum-timeout-hostpath "
    "pv-recycler-minimum-timeout-nfs pv-recycler-pod-template-filepath-hostpath "
    "pv-recycler-pod-template-filepath-nfs pv-recycler-timeout-increment-hostpath "
    "pvclaimbinder-sync-period resource-quota-sync-period root-ca-file "
    "route-reconciliation-period secondary-node-eviction-rate "
    "service-account-private-key-file service-cluster-ip-range terminated-pod-gc-threshold "
    "unhealthy-zone-threshold use-service-account-credentials ";
constexpr char kOfScheduler[] = "config pod-max-in-unschedulable-pods-duration write-config-to ";

std::vector<std::string> WordsOf(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

// Of a line with nothing but that flag; "": it is taken.
std::string ErrorOfManager(const std::string& flag) {
  const auto given = ParseControllerManagerFlags({flag});
  return given ? "" : given.error().message;
}
std::string ErrorOfScheduler(const std::string& flag) {
  const auto given = ParseSchedulerFlags({flag});
  return given ? "" : given.error().message;
}

TEST(ProgramFlagNamesTest, EachOfTheControllerManagersIsKnown) {
  for (const std::string& name : WordsOf(std::string(kShared) + kOfControllerManager)) {
    EXPECT_THAT(ErrorOfManager("--" + name + "=\x01"), Not(HasSubstr("unknown flag"))) << name;
  }
  for (const std::string& name : WordsOf(kOfScheduler)) {
    EXPECT_EQ(ErrorOfManager("--" + name + "=x"), "unknown flag: --" + name);
  }
}

TEST(ProgramFlagNamesTest, EachOfTheSchedulersIsKnown) {
  for (const std::string& name : WordsOf(std::string(kShared) + kOfScheduler)) {
    EXPECT_THAT(ErrorOfScheduler("--" + name + "=\x01"), Not(HasSubstr("unknown flag"))) << name;
  }
  for (const std::string& name : WordsOf(kOfControllerManager)) {
    EXPECT_EQ(ErrorOfScheduler("--" + name + "=x"), "unknown flag: --" + name);
  }
}

// Also of those that have no effect: who writes such a line means something by it.
TEST(ProgramFlagNamesTest, WhatCannotBeIsRefusedInKubernetesWords) {
  for (const auto& error_of : {&ErrorOfManager, &ErrorOfScheduler}) {
    EXPECT_EQ(error_of("--log-flush-frequency=0s"),
              "flushFrequency: Invalid value: \"0s\": Must be greater than zero");
    EXPECT_EQ(error_of("--log-flush-frequency=-1m"),
              "flushFrequency: Invalid value: \"-1m0s\": Must be greater than zero");
    EXPECT_THAT(error_of("--log-flush-frequency=often"), HasSubstr("invalid duration"));
    EXPECT_EQ(error_of("--log-flush-frequency=1m"), "");
    EXPECT_THAT(error_of("--show-hidden-metrics-for-version=1.20"),
                HasSubstr("must be omitted or have the value '1.34'"));
    EXPECT_EQ(error_of("--show-hidden-metrics-for-version=1.34"), "");
    EXPECT_THAT(error_of("--allow-metric-labels=one=x"),
                HasSubstr("--allow-metric-labels must have a list of kv pair"));
    EXPECT_EQ(error_of("--allow-metric-labels=metric,label=x"), "");
  }
  EXPECT_EQ(ErrorOfManager("--concurrent-device-taint-eviction-syncs=0"),
            "concurrent-device-taint-eviction-syncs must be greater than zero, got 0");
  EXPECT_EQ(ErrorOfManager("--concurrent-device-taint-eviction-syncs=3"), "");
}

}  // namespace
}  // namespace skiff
