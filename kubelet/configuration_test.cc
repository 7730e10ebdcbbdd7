#include "kubelet/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kubelet/program.h"

namespace skiff::kubelet {
namespace {

constexpr char kHead[] = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

std::string ErrorOf(const std::string& text) {
  const auto decoded = DecodeKubeletConfiguration(text);
  return decoded ? "" : decoded.error().message;
}

TEST(KubeletConfigurationTest, NumbersHaveEnds) {
  const std::string head = std::string(kHead) + "podPidsLimit: ";
  const auto most = DecodeKubeletConfiguration(head + "9223372036854775807\n");
  ASSERT_TRUE(most) << most.error().message;
  EXPECT_EQ(most->pod_pids_limit, 9223372036854775807);
  EXPECT_THAT(ErrorOf(head + "9223372036854775808\n"), testing::HasSubstr("of type int64"));
  EXPECT_THAT(ErrorOf(std::string(kHead) + "maxPods: 18446744073709551615\n"),
              testing::HasSubstr("of type int32"));
}

TEST(KubeletConfigurationTest, WhatKubeadmWritesIsUnderstood) {
  const auto decoded = DecodeKubeletConfiguration(std::string(kHead) + R"(
authentication: {anonymous: {enabled: false}, webhook: {cacheTTL: 0s, enabled: true},
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}
authorization: {mode: Webhook, webhook: {cacheAuthorizedTTL: 0s, cacheUnauthorizedTTL: 0s}}
cgroupDriver: systemd
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzPort: 10248
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}, verbosity: 4}
memorySwap: {}
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
evictionHard: {memory.available: 200Mi}
registerWithTaints: [{key: a, value: b, effect: NoSchedule}]
)");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->client_ca_file, "/etc/kubernetes/pki/ca.crt");
  EXPECT_EQ(decoded->cluster_dns, std::vector<std::string>{"10.96.0.10"});
  EXPECT_EQ(decoded->static_pod_path, "/etc/kubernetes/manifests");
  EXPECT_EQ(decoded->file_check_frequency, 20s);
  EXPECT_EQ(decoded->eviction_pressure_transition_period, 300s);
  EXPECT_EQ(decoded->eviction_hard->at("memory.available"), "200Mi");
  EXPECT_EQ(decoded->register_with_taints.at(0).effect, "NoSchedule");
  EXPECT_EQ(decoded->verbosity, 4);
}

TEST(KubeletConfigurationTest, UnknownFieldsAndRepeatedOnesAreErrors) {
  EXPECT_EQ(ErrorOf(std::string(kHead) + "maxPodz: 3\nauthentication: {x508: {}}\n"),
            "strict decoding error: unknown field \"authentication.x508\", unknown field "
            "\"maxPodz\"");
  EXPECT_EQ(ErrorOf(std::string(kHead) + "maxPods: 3\nmaxPods: 4\n"),
            "strict decoding error: line 4: key \"maxPods\" already set in map");
}

TEST(KubeletConfigurationTest, ValuesThatDoNotFitAreToldAsGoTellsThem) {
  EXPECT_EQ(ErrorOf(std::string(kHead) + "maxPods: many\n"),
            "json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of "
            "type int32");
  EXPECT_EQ(ErrorOf(std::string(kHead) + "syncFrequency: soon\n"),
            "time: invalid duration \"soon\"");
  EXPECT_EQ(ErrorOf("kind: Pod\napiVersion: v1\n"),
            "no kind \"Pod\" is registered for version \"v1\"");
}

TEST(KubeletConfigurationTest, AllThatIsWrongIsSaidAtOnce) {
  KubeletConfiguration configuration;
  EXPECT_TRUE(ValidateKubeletConfiguration(configuration));
  configuration.max_pods = -1;
  configuration.port = 0;
  const auto invalid = ValidateKubeletConfiguration(configuration);
  ASSERT_FALSE(invalid);
  EXPECT_EQ(invalid.error().message,
            "[invalid configuration: maxPods (--max-pods) -1 must not be a negative number, "
            "invalid configuration: port (--port) 0 must be between 1 and 65535, inclusive]");
}

TEST(KubeletConfigurationTest, WhatLimitsPodsIsRead) {
  const auto decoded = DecodeKubeletConfiguration(std::string(kHead) + R"(
podPidsLimit: 70
cpuCFSQuota: false
singleProcessOOMKill: true
enforceNodeAllocatable: [none]
maxParallelImagePulls: 4
imageMaximumGCAge: 24h
crashLoopBackOff: {maxContainerRestartPeriod: 5s}
enableDebuggingHandlers: false
enableSystemLogHandler: false
logging: {format: json}
)");
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->unused_fields, std::vector<std::string>{});
  EXPECT_EQ(decoded->pod_pids_limit, 70);
  EXPECT_FALSE(decoded->cpu_cfs_quota);
  EXPECT_TRUE(decoded->single_process_oom_kill);
  EXPECT_EQ(decoded->enforce_node_allocatable, std::vector<std::string>{"none"});
  EXPECT_FALSE(decoded->PullsOneByOne());
  EXPECT_EQ(decoded->image_maximum_gc_age, std::chrono::hours(24));
  EXPECT_EQ(decoded->max_container_restart_period, 5s);
  EXPECT_FALSE(decoded->enable_debugging_handlers);
  EXPECT_FALSE(decoded->enable_system_log_handler);
  EXPECT_EQ(decoded->logging_format, "json");
  EXPECT_TRUE(ValidateKubeletConfiguration(*decoded));
  EXPECT_TRUE(KubeletConfiguration().PullsOneByOne());
}

TEST(KubeletConfigurationTest, LimitsThatCannotBeAreSaidInTheKubeletsWords) {
  const auto wrong = [](auto change) {
    KubeletConfiguration given;
    change(given);
    const auto valid = ValidateKubeletConfiguration(given);
    return valid ? "" : valid.error().message;
  };
  using Given = KubeletConfiguration;
  EXPECT_EQ(wrong([](Given& given) { given.max_container_restart_period = 400s; }),
            "invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: 400 seconds) "
            "must be set between 1s and 300s");
  EXPECT_EQ(wrong([](Given& given) { given.image_maximum_gc_age = 60s; }),
            "invalid configuration: imageMaximumGCAge 1m0s must be greater than imageMinimumGCAge "
            "2m0s");
  EXPECT_EQ(wrong([](Given& given) {
              given.serialize_image_pulls = true;
              given.max_parallel_image_pulls = 2;
            }),
            "invalid configuration: maxParallelImagePulls cannot be larger than 1 unless "
            "SerializeImagePulls (--serialize-image-pulls) is set to false");
  EXPECT_EQ(wrong([](Given& given) {
              given.enforce_node_allocatable = {"pods", "none"};
            }),
            "invalid configuration: enforceNodeAllocatable (--enforce-node-allocatable) may not "
            "contain additional enforcements when \"none\" is specified");
  EXPECT_EQ(wrong([](Given& given) { given.enforce_node_allocatable = {"kube-reserved"}; }),
            "invalid configuration: kubeReservedCgroup (--kube-reserved-cgroup) must be specified "
            "when \"kube-reserved\" or \"kube-reserved-compressible\" included in "
            "enforceNodeAllocatable (--enforce-node-allocatable)");
  EXPECT_EQ(wrong([](Given& given) { given.enforce_node_allocatable.clear(); }), "");
  EXPECT_EQ(wrong([](Given& given) {
              given.system_reserved = {{"pid", "100"}, {"disk", "1"}};
            }),
            "--system-reserved value failed to parse: cannot reserve \"disk\" resource");
  EXPECT_EQ(wrong([](Given& given) { given.kube_reserved["memory"] = "-1"; }),
            "--kube-reserved value failed to parse: resource quantity for \"memory\" cannot be "
            "negative: -1");
  EXPECT_NE(wrong([](Given& given) {
              given.pod_pids_limit = 9;
              given.cgroup_driver = "systemd";
            }),
            "");
  EXPECT_NE(wrong([](Given& given) {
              given.system_reserved["pid"] = "100";
              given.cgroup_driver = "systemd";
            }),
            "");
}

class KubeletFlagsTest : public testing::Test {
 protected:
  KubeletFlagsTest() {
    char name[] = "/tmp/skiff-kubelet-flags-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  ~KubeletFlagsTest() override { std::filesystem::remove_all(directory_); }
  static std::string ErrorOf(const std::vector<std::string>& args) {
    const auto flags = ParseKubeletFlags(args);
    return flags ? "" : flags.error().message;
  }
  std::string directory_;
};

TEST_F(KubeletFlagsTest, FlagsWinOverTheFile) {
  std::ofstream(directory_ + "/config.yaml")
      << kHead << "maxPods: 7\nport: 17251\nstaticPodPath: manifests\nclusterDNS: [10.0.0.1]\n";
  const auto flags = ParseKubeletFlags({"--config=" + directory_ + "/config.yaml", "--max-pods=9",
                                        "--cluster-dns=10.0.0.2", "--v=5"});
  ASSERT_TRUE(flags) << flags.error().message;
  const KubeletConfiguration& made = (*flags)->configuration;
  EXPECT_EQ(made.max_pods, 9);
  EXPECT_EQ(made.port, 17251);
  EXPECT_EQ(made.static_pod_path, directory_ + "/manifests");
  EXPECT_EQ(made.cluster_dns, std::vector<std::string>{"10.0.0.2"});
  EXPECT_EQ(made.verbosity, 5);
}

TEST_F(KubeletFlagsTest, AConfigThatIsADirectoryHoldsManifests) {
  const auto flags = ParseKubeletFlags({"--config=" + directory_});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->configuration.static_pod_path, directory_);
}

TEST_F(KubeletFlagsTest, WhatHasNoEffectIsSaidAndARestrictionIsRefused) {
  std::ofstream(directory_ + "/config.yaml")
      << kHead << "registryBurst: 7\nkubeAPIQPS: 9\neventBurst: 0\n";
  const auto flags = ParseKubeletFlags(
      {"--config=" + directory_ + "/config.yaml", "--cgroups-per-qos=true", "--event-qps=3",
       "--registry-qps=3", "--protect-kernel-defaults", "--enable-server=false"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->notes,
            (std::vector<std::string>{"--registry-qps=3 has no effect: pulls are not held back",
                                      "registryBurst of the configuration file has no effect"}));
  EXPECT_TRUE((*flags)->configuration.protect_kernel_defaults);
  EXPECT_EQ((*flags)->configuration.kube_api_qps, 9);
  EXPECT_EQ((*flags)->configuration.kube_api_burst, 100);
  EXPECT_EQ((*flags)->configuration.event_qps, 3);
  EXPECT_EQ((*flags)->configuration.event_burst, 100);
  EXPECT_THAT(ErrorOf({"--kube-api-qps=-1"}),
              testing::HasSubstr("kubeAPIQPS (--kube-api-qps) -1 must not be a negative number"));
  EXPECT_FALSE((*flags)->configuration.enable_server);
  EXPECT_NE(ErrorOf({"--read-only-port=10255"}), "");
  EXPECT_NE(ErrorOf({"--config-dir=/etc/kubelet.d"}), "");
  EXPECT_EQ(ErrorOf({"--pod-max-pids=-1", "--cpu-manager-policy=none"}), "");
  EXPECT_EQ((*ParseKubeletFlags({"--pod-max-pids=10"}))->configuration.pod_pids_limit, 10);
  EXPECT_EQ(ErrorOf({"--pod-max-pids=x"}),
            "invalid argument \"x\" for \"--pod-max-pids\" flag: strconv.ParseInt: parsing \"x\": "
            "invalid syntax");
}

TEST_F(KubeletFlagsTest, TwoAddressesOfANodeAreSaid) {
  EXPECT_EQ(ErrorOf({"--node-ip=::"}), "");
  EXPECT_EQ(ErrorOf({"--node-ip=10.0.0.1,2001:db8::1"}), "");
  for (const std::string two : {"0.0.0.0,::", "10.0.0.1,::"}) {
    EXPECT_EQ(ErrorOf({"--node-ip=" + two}),
              "bad --node-ip \"" + two + "\": dual-stack node IP cannot include '0.0.0.0' or '::'");
  }
  EXPECT_EQ(ErrorOf({"--node-ip=10.0.0.1,10.0.0.2"}),
            "bad --node-ip \"10.0.0.1,10.0.0.2\": must contain either a single IP or a dual-stack "
            "pair of IPs");
}

TEST_F(KubeletFlagsTest, TheLecturesCommandLineIsUnderstood) {
  const auto flags = ParseKubeletFlags({"--kubeconfig=/etc/kubernetes/kubelet.conf", "--v=2",
                                        "--address=0.0.0.0", "--enable_server",
                                        "--hostname_override=127.0.0.1", "--config=" + directory_});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->hostname_override, "127.0.0.1");
  EXPECT_EQ((*flags)->configuration.static_pod_path, directory_);
  EXPECT_EQ(ErrorOf({"--api_servers=http://localhost:8080"}), "unknown flag: --api_servers");
}

TEST_F(KubeletFlagsTest, AContainerdOfItsOwnIsForThoseWhoNameNoRuntime) {
  KubeletFlags defaults;
  defaults.containerd_dir = "/var/lib/skiff";
  defaults.leave_nothing = true;
  std::ofstream(directory_ + "/empty.yaml") << kHead << "containerRuntimeEndpoint: \"\"\n";
  std::ofstream(directory_ + "/other.yaml")
      << kHead << "containerRuntimeEndpoint: unix:///run/crio.sock\n";
  const auto directory = [&](const std::vector<std::string>& args) {
    const auto flags = ParseKubeletFlags(args, defaults);
    return flags ? (*flags)->containerd_dir : flags.error().message;
  };
  EXPECT_EQ(directory({}), "/var/lib/skiff");
  EXPECT_EQ(directory({"--config=" + directory_ + "/empty.yaml"}), "/var/lib/skiff");
  EXPECT_EQ(directory({"--containerd-dir=/data"}), "/data");
  EXPECT_EQ(directory({"--config=" + directory_ + "/other.yaml"}), "");
  EXPECT_EQ(directory({"--container-runtime-endpoint=unix:///run/crio.sock"}), "");
  EXPECT_TRUE((*ParseKubeletFlags({}, defaults))->leave_nothing);
  EXPECT_FALSE((*ParseKubeletFlags({"--leave-nothing=false"}, defaults))->leave_nothing);
}

TEST_F(KubeletFlagsTest, ListsOfPairsAreTakenApart) {
  const auto flags = ParseKubeletFlags(
      {"--node-labels=a=b,c=", "--register-with-taints=k=v:NoSchedule,x:NoExecute",
       "--eviction-hard=memory.available<200Mi,nodefs.available<5%"});
  ASSERT_TRUE(flags) << flags.error().message;
  EXPECT_EQ((*flags)->node_labels, (std::map<std::string, std::string>{{"a", "b"}, {"c", ""}}));
  const KubeletConfiguration& made = (*flags)->configuration;
  ASSERT_EQ(made.register_with_taints.size(), 2u);
  EXPECT_EQ(made.register_with_taints[1].key, "x");
  EXPECT_EQ(made.register_with_taints[1].effect, "NoExecute");
  EXPECT_EQ(made.eviction_hard->at("nodefs.available"), "5%");
}

TEST_F(KubeletFlagsTest, OfMinusOneImagesAllAreTold) {
  const auto told = [](const char* text) {
    return ParseKubeletFlags({std::string("--node-status-max-images=") + text})
        .value()
        ->configuration.ImagesToldMax();
  };
  EXPECT_EQ(told("-1"), std::nullopt);
  EXPECT_EQ(told("0"), 0u);
  EXPECT_EQ(told("7"), 7u);
}

TEST_F(KubeletFlagsTest, MistakesAreToldInTheKubeletsWords) {
  EXPECT_EQ(ErrorOf({"--no-such-flag"}), "unknown flag: --no-such-flag");
  EXPECT_EQ(ErrorOf({"--register-with-taints=a=b:Never"}),
            "invalid taint effect: Never, unsupported taint effect");
  EXPECT_EQ(ErrorOf({"--config=/no/such"}),
            "failed to load kubelet config file, path: /no/such, error: failed to read kubelet "
            "config file \"/no/such\", error: open /no/such: no such file or directory");
  EXPECT_EQ(ErrorOf({"--max-pods=-1"}),
            "failed to validate kubelet configuration, error: invalid configuration: maxPods "
            "(--max-pods) -1 must not be a negative number, path: ");
  EXPECT_EQ(ErrorOf({"--cluster-cidr=10.244.0.0"}),
            "invalid value \"10.244.0.0\" for flag --cluster-cidr: no CIDR");
  EXPECT_TRUE(ErrorOf({"--node-labels=node-role.kubernetes.io/worker=x"})
                  .starts_with("unknown 'kubernetes.io' or 'k8s.io' labels specified with "
                               "--node-labels: [node-role.kubernetes.io/worker]\n"));
}

}  // namespace
}  // namespace skiff::kubelet
