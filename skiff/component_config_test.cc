#include "skiff/component_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "skiff/cluster_ranges.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kScheduler[] =
    "apiVersion: kubescheduler.config.k8s.io/v1\n"
    "kind: KubeSchedulerConfiguration\n";
constexpr char kProxy[] =
    "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n"
    "kind: KubeProxyConfiguration\n";

std::string SchedulerError(const std::string& rest) {
  const auto parsed = ParseSchedulerConfig(kScheduler + rest);
  return parsed ? "" : parsed.error().message;
}

TEST(ComponentConfigTest, ASchedulerConfigurationWithoutFieldsIsTheDefault) {
  const auto config = ParseSchedulerConfig(kScheduler);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->leader.elect);
  EXPECT_EQ(config->leader.name, "kube-scheduler");
  EXPECT_EQ(config->leader.lease_duration, 15s);
  ASSERT_EQ(config->profiles.size(), 1u);
  EXPECT_EQ(config->profiles[0].percentage_of_nodes_to_score, 0);
  EXPECT_EQ(config->profiles[0].name, "default-scheduler");
}

TEST(ComponentConfigTest, ASchedulerConfigurationSaysWhomItServes) {
  const auto config = ParseSchedulerConfig(std::string(kScheduler) + R"(
clientConnection: {kubeconfig: /etc/kubernetes/scheduler.conf, qps: 20.5}
leaderElection: {leaderElect: false, leaseDuration: 1m, resourceNamespace: here}
percentageOfNodesToScore: 30
profiles:
- schedulerName: default-scheduler
- schedulerName: other
  pluginConfig: []
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kubeconfig, "/etc/kubernetes/scheduler.conf");
  EXPECT_THAT(config->unused_fields, ElementsAre());
  EXPECT_EQ(config->limit, (RateLimit{.qps = 20.5, .burst = 100}));
  EXPECT_FALSE(config->leader.elect);
  EXPECT_EQ(config->leader.lease_duration, 1min);
  EXPECT_EQ(config->leader.namespace_, "here");
  ASSERT_EQ(config->profiles.size(), 2u);
  EXPECT_EQ(config->profiles[0].percentage_of_nodes_to_score, 30);
  EXPECT_EQ(config->profiles[1].name, "other");
}

TEST(ComponentConfigTest, WhatIsWrongInAConfigurationIsNamedByItsField) {
  EXPECT_EQ(SchedulerError("percentageOfNodesToScore: 101"),
            "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]");
  EXPECT_EQ(SchedulerError("leaderElection: {leaderElect: 3}"),
            "leaderElection.leaderElect: must be a boolean");
  EXPECT_EQ(SchedulerError("leaderElection: {leaseDuration: soon}"),
            "leaderElection.leaseDuration: time: invalid duration \"soon\"");
  EXPECT_EQ(SchedulerError("profiles: [{schedulerName: a}, {schedulerName: a}]"),
            "profiles[1].schedulerName: Duplicate value: {}");
  EXPECT_EQ(SchedulerError("profiles: [{schedulerName: a}, {}]"),
            "profiles[1].schedulerName: Required value");
  EXPECT_EQ(
      SchedulerError("profiles: [{schedulerName: a}, {schedulerName: b, plugins: {queueSort: "
                     "{enabled: [{name: Mine}], disabled: [{name: '*'}]}}}]"),
      "profiles[1].plugins.queueSort: Invalid value: {\"Enabled\":[{\"Name\":\"Mine\","
      "\"Weight\":0}],\"Disabled\":[{\"Name\":\"*\",\"Weight\":0}]}: must be the same for all "
      "profiles");
  EXPECT_EQ(SchedulerError("profiles: [{plugins: {queueSort: {enabled: [{name: PrioritySort}, "
                           "{name: Mine}]}}}]"),
            "profiles[0].plugins.queueSort.Enabled: Invalid value: 2: only one queue sort plugin "
            "can be enabled");
  EXPECT_EQ(SchedulerError("profiles: [{plugins: {filter: {enabled: [{name: EBSLimits}]}}}]"),
            "profiles[0].plugins.filter.enabled[0]: Invalid value: \"EBSLimits\": was invalid in "
            "version \"v1\" (KubeSchedulerConfiguration is version "
            "\"kubescheduler.config.k8s.io/v1\")");
  EXPECT_TRUE(ParseSchedulerConfig(std::string(kScheduler) + "extenders: []"));
  EXPECT_EQ(SchedulerError("nodes: 3"), "strict decoding error: unknown field \"nodes\"");
  EXPECT_EQ(SchedulerError("leaderElection: {lead: true}"),
            "strict decoding error: unknown field \"leaderElection.lead\"");
  EXPECT_EQ(SchedulerError("leaderElection: {resourceLock: endpoints}"),
            "leaderElection.resourceLock: Invalid value: \"endpoints\": resourceLock value must be "
            "\"leases\"");
  EXPECT_EQ(SchedulerError("parallelism: 0"),
            "parallelism: Invalid value: 0: should be an integer value greater than zero");
  EXPECT_EQ(SchedulerError("podInitialBackoffSeconds: 0"),
            "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0");
  EXPECT_EQ(SchedulerError("podInitialBackoffSeconds: 11"),
            "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to "
            "PodInitialBackoffSeconds");
  EXPECT_EQ(SchedulerError("leaderElection: {leaseDuration: 1s, renewDeadline: 2s}"),
            "leaderElection.leaseDuration: Invalid value: \"2s\": must be greater than "
            "`RenewDeadline`");
  EXPECT_EQ(SchedulerError("leaderElection: {leaseDuration: 0s, renewDeadline: 0s, resourceLock: "
                           "''}"),
            "");
  EXPECT_EQ(SchedulerError("parallelism: -1\npercentageOfNodesToScore: 200\n"
                           "podInitialBackoffSeconds: -1\npodMaxBackoffSeconds: -2\n"
                           "profiles: [{schedulerName: a, percentageOfNodesToScore: 300}, "
                           "{schedulerName: a, pluginConfig: [{name: CinderLimits}]}]\n"
                           "extenders: [{urlPrefix: 'http://e', prioritizeVerb: p, weight: -1}]"),
            "[parallelism: Invalid value: -1: should be an integer value greater than zero, "
            "profiles[0].percentageOfNodesToScore: Invalid value: 300: not in valid range [0-100], "
            "profiles[1].pluginConfig[0]: Invalid value: \"CinderLimits\": was invalid in version "
            "\"v1\" (KubeSchedulerConfiguration is version "
            "\"kubescheduler.config.k8s.io/v1\"), profiles[1].schedulerName: Duplicate value: {}, "
            "percentageOfNodesToScore: Invalid value: 200: not in valid range [0-100], "
            "podInitialBackoffSeconds: Invalid value: -1: must be greater than 0, "
            "podMaxBackoffSeconds: Invalid value: -2: must be greater than or equal to "
            "PodInitialBackoffSeconds, extenders[0].weight: Invalid value: -1: must have a "
            "positive weight applied to it]");
}

TEST(ComponentConfigTest, WhatCannotBeHadIsRefusedAndWhatIsSaidAsItIsAnywayIsNot) {
  for (const char* field :
       {"clientConnection: {contentType: text/plain}",
        "clientConnection: {acceptContentTypes: 'text/plain,application/yaml'}"}) {
    EXPECT_THAT(SchedulerError(field), HasSubstr("must not be ignored")) << field;
  }
  // As kube-scheduler has them where nothing is said.
  EXPECT_EQ(SchedulerError("parallelism: 16\npodInitialBackoffSeconds: 1\n"
                           "podMaxBackoffSeconds: 10\ndelayCacheUntilActive: false\n"
                           "enableProfiling: false\nleaderElection: {resourceLock: leases}\n"
                           "clientConnection: {contentType: application/json, qps: 0, burst: 0}"),
            "");
  EXPECT_EQ(SchedulerError("clientConnection: {acceptContentTypes: "
                           "'application/vnd.kubernetes.protobuf, application/json;q=0.5'}"),
            "");
}

TEST(ComponentConfigTest, WhatIsNoConfigurationIsRefused) {
  EXPECT_EQ(ParseSchedulerConfig(kProxy).error().message,
            "no kind \"KubeProxyConfiguration\" is registered for version "
            "\"kubeproxy.config.k8s.io/v1alpha1\" in scheme \"pkg/runtime/scheme.go:111\"");
  EXPECT_EQ(ParseSchedulerConfig("").error().message, "Object 'Kind' is missing in ''");
  EXPECT_THAT(SchedulerError("parallelism: 1\nparallelism: 2"),
              HasSubstr("strict decoding error: yaml: unmarshal errors:\n  line "));
  EXPECT_FALSE(ParseSchedulerConfig("apiVersion: 1\nkind: [x]\n"));
  EXPECT_FALSE(ParseSchedulerConfig("{"));
  EXPECT_FALSE(ParseSchedulerConfig(""));
}

TEST(ComponentConfigTest, WhoWaitsToLeadHearsOfEverythingUnlessItIsSaid) {
  const auto is_cold = [](const std::string& more) {
    return ParseSchedulerConfig(std::string(kScheduler) + more)->is_cold_standby;
  };
  EXPECT_FALSE(is_cold(""));
  EXPECT_FALSE(is_cold("delayCacheUntilActive: false"));
  EXPECT_TRUE(is_cold("delayCacheUntilActive: true"));
}

TEST(ComponentConfigTest, HowLongPodsBackOffIsSaidToTheQueue) {
  const auto config = ParseSchedulerConfig(std::string(kScheduler) +
                                           "podInitialBackoffSeconds: 3\npodMaxBackoffSeconds: 60");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->delays.first, 3s);
  EXPECT_EQ(config->delays.most, 60s);
}

TEST(ComponentConfigTest, AFileOfKubeSchedulersOwnIsTaken) {
  const auto config = ParseSchedulerConfig(std::string(kScheduler) + R"(
clientConnection: {acceptContentTypes: "", burst: 100, kubeconfig: "", qps: 50,
  contentType: application/vnd.kubernetes.protobuf}
enableContentionProfiling: true
enableProfiling: true
leaderElection: {leaderElect: true, leaseDuration: 15s, renewDeadline: 10s, resourceLock: leases,
  resourceName: kube-scheduler, resourceNamespace: kube-system, retryPeriod: 2s}
parallelism: 16
percentageOfNodesToScore: 0
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 10
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->unused_fields,
              ElementsAre(HasSubstr("enableProfiling"), HasSubstr("enableContentionProfiling")));
  EXPECT_EQ(config->limit, (RateLimit{.qps = 50, .burst = 100}));
}

TEST(ComponentConfigTest, AProxyConfigurationIsRead) {
  const auto config = ParseProxyConfig(std::string(kProxy) + R"(
clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: -1}
clusterCIDR: 10.244.0.0/16
hostnameOverride: n1
mode: iptables
metricsBindAddress: ""
iptables: {masqueradeAll: true, localhostNodePorts: false}
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->limit, (RateLimit{.qps = -1, .burst = 10}));
  EXPECT_EQ(config->cluster_cidr, "10.244.0.0/16");
  EXPECT_EQ(config->hostname_override, "n1");
  EXPECT_EQ(config->healthz_bind_address, "0.0.0.0:10256");
  EXPECT_EQ(config->metrics_bind_address, "");
  EXPECT_TRUE(config->masquerade_all);
  EXPECT_FALSE(config->localhost_node_ports);
}

TEST(ComponentConfigTest, NodePortsLocalTrafficAndPeriodsOfAProxyAreRead) {
  const auto config = ParseProxyConfig(std::string(kProxy) + R"(
nodePortAddresses: [192.0.2.0/24]
detectLocalMode: InterfaceNamePrefix
detectLocal: {interfaceNamePrefix: veth}
iptables: {syncPeriod: 1m, minSyncPeriod: 2s, masqueradeBit: 3}
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->node_port_addresses, ElementsAre("192.0.2.0/24"));
  EXPECT_EQ(config->interface_name_prefix, "veth");
  EXPECT_EQ(config->sync_period, 1min);
  EXPECT_EQ(config->min_sync_period, 2s);
  EXPECT_EQ(config->masquerade_bit, 3);
  EXPECT_TRUE(ValidateProxyConfig(*config));
  EXPECT_THAT(config->unused_fields, ElementsAre());
}

TEST(ComponentConfigTest, AProxysRestrictionsAreCheckedAndWhatHasNoEffectIsSaid) {
  const auto error = [](const ProxyConfig& config) {
    const auto valid = ValidateProxyConfig(config);
    return valid ? std::string() : valid.error().message;
  };
  EXPECT_EQ(error({.node_port_addresses = {"10.0.0.1"}}),
            "KubeProxyConfiguration.nodePortAddresses[0]: Invalid value: \"10.0.0.1\": must be a "
            "valid CIDR block");
  EXPECT_EQ(error({.node_port_addresses = {"primary"}}), "");
  EXPECT_NE(error({.node_port_addresses = {"primary", "10.0.0.0/8"}}), "");
  EXPECT_NE(error({.detect_local_mode = "Guess"}), "");
  EXPECT_NE(error({.detect_local_mode = "BridgeInterface"}), "");
  EXPECT_NE(error({.sync_period = 1s, .min_sync_period = 2s}), "");
  const auto config = ParseProxyConfig(std::string(kProxy) + R"(
conntrack: {maxPerCore: null, min: 3}
configSyncPeriod: 0s
oomScoreAdj: -999
ipvs: {scheduler: rr}
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->unused_fields,
              ElementsAre("conntrack of the configuration file has no effect",
                          "oomScoreAdj of the configuration file has no effect"));
}

TEST(ComponentConfigTest, BothFamiliesAreProxiedWhereverPodsAreKnownToBe) {
  const auto families = [](const std::string& cluster_cidr) {
    return ProxiedFamilies(CidrsOf(cluster_cidr));
  };
  EXPECT_THAT(families(""), ElementsAre(ProxiedFamily{false, ""}, ProxiedFamily{true, ""}));
  EXPECT_THAT(families("10.0.0.0/8"),
              ElementsAre(ProxiedFamily{false, "10.0.0.0/8"}, ProxiedFamily{true, ""}));
  EXPECT_THAT(families("fd00::/48"),
              ElementsAre(ProxiedFamily{true, "fd00::/48"}, ProxiedFamily{false, ""}));
  EXPECT_THAT(families("fd00::/48,10.0.0.0/8"),
              ElementsAre(ProxiedFamily{true, "fd00::/48"}, ProxiedFamily{false, "10.0.0.0/8"}));
}

TEST(ComponentConfigTest, AddressesMayHaveAPort) {
  const auto text = [](const std::string& address) {
    const auto parsed = ParseHostPort(address, 7);
    return parsed ? parsed->host + " " + std::to_string(parsed->port) : "error";
  };
  EXPECT_EQ(text("0.0.0.0:10256"), "0.0.0.0 10256");
  EXPECT_EQ(text("10.0.0.1"), "10.0.0.1 7");
  EXPECT_EQ(text("[::]:80"), ":: 80");
  EXPECT_EQ(text("fd00::1"), "fd00::1 7");
  EXPECT_EQ(text("0.0.0.0:x"), "error");
  EXPECT_EQ(text("0.0.0.0:99999"), "error");
}

}  // namespace
}  // namespace skiff
