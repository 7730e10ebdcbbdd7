#include "kubelet/configuration_unused.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/configuration.h"

namespace skiff::kubelet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Result<KubeletConfiguration> DecodeFields(const std::string& fields) {
  return DecodeKubeletConfiguration(
      "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n" + fields);
}

TEST(UnusedConfiguration, WhatHasNoEffectIsSaidAndWhatHasIsNot) {
  const auto decoded = DecodeFields(
      "maxPods: 7\nauthentication: {webhook: {enabled: false}, x509: {clientCAFile: ca.crt}}\n"
      "authorization: {mode: AlwaysAllow}\n"
      "registryPullQPS: 3\nhairpinMode: ''\nsyncFrequency: 0s\n"
      "evictionHard: {memory.available: 1Mi}\n"
      "protectKernelDefaults: true\npodsPerCore: 4\n");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_THAT(decoded->unused_fields,
              ElementsAre("authorization.mode of the configuration file has no effect",
                          "registryPullQPS of the configuration file has no effect"));
  EXPECT_FALSE(decoded->takes_tokens);
  EXPECT_TRUE(decoded->protect_kernel_defaults);
  EXPECT_EQ(decoded->pods_per_core, 4);
}

TEST(UnusedConfiguration, FeatureGatesAreThoseOfTheFlag) {
  EXPECT_THAT(
      DecodeFields("featureGates: {ImageVolume: true, NodeLogQuery: false, EventedPLEG: true}\n")
          ->unused_fields,
      ElementsAre("featureGates.EventedPLEG of the configuration file has no effect",
                  "featureGates.ImageVolume of the configuration file has no effect"));
  EXPECT_EQ(DecodeFields("featureGates: {NodeLogQuery: true}\n").error().message,
            "--feature-gates=NodeLogQuery=true cannot be had here, and must not be ignored: it is "
            "always off");
  EXPECT_EQ(DecodeFields("featureGates: {Nonsense: false}\n").error().message,
            "unrecognized feature gate: Nonsense");
}

TEST(UnusedConfiguration, ARestrictionThatCannotBeHadIsRefused) {
  EXPECT_THAT(DecodeFields("podPidsLimit: -1\ncpuManagerPolicy: none\n")->unused_fields, IsEmpty());
  EXPECT_EQ(DecodeFields("cpuManagerPolicy: static\n").error().message,
            "cpuManagerPolicy: \"static\" cannot be had here, and must not be ignored: no CPU is "
            "kept for a pod");
  for (const char* field :
       {"shutdownGracePeriodByPodPriority: [{priority: high}]", "readOnlyPort: 10255",
        "reservedSystemCPUs: 0-1", "memorySwap: {swapBehavior: LimitedSwap}",
        "systemReservedCgroup: /system", "staticPodURL: http://h/p", "enableSystemLogQuery: true",
        "cpuCFSQuotaPeriod: 5ms", "topologyManagerScope: pod", "qosReserved: {memory: 50%}"}) {
    EXPECT_FALSE(DecodeFields(std::string(field) + "\n")) << field;
  }
  EXPECT_TRUE(
      DecodeFields("shutdownGracePeriod: 0s\nreservedMemory: []\nreadOnlyPort: 0\n"
                   "cpuCFSQuotaPeriod: 100ms\nqosReserved: {}\nenableSystemLogQuery: false\n"));
  EXPECT_THAT(DecodeFields("tlsCipherSuites: [TLS_AES_128_GCM_SHA256]\n")->tls_cipher_suites,
              ElementsAre("TLS_AES_128_GCM_SHA256"));
}

}  // namespace
}  // namespace skiff::kubelet
