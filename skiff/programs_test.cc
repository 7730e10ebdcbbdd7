// The command lines of the programs apart: what is taken, refused, or told to have no effect.
#include "skiff/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "apiserver/auth/pki.h"
#include "controllers/identity/certificate_rules.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProgramFlagsTest : public testing::Test {
 protected:
  ProgramFlagsTest()
      : directory_(testing::TempDir() + "/skiff-programs-" + std::to_string(getpid())) {
    std::filesystem::create_directories(directory_);
  }
  ~ProgramFlagsTest() override { std::filesystem::remove_all(directory_); }
  std::string File(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
    return directory_ + "/" + name;
  }
  const std::string directory_;
};

TEST_F(ProgramFlagsTest, WhatHasNoEffectIsSaidAndARestrictionActsOrIsRefused) {
  const auto manager = ParseControllerManagerFlags(
      {"--concurrent-service-syncs=3", "--profiling=false", "--enable-garbage-collector=false"});
  ASSERT_TRUE(manager) << manager.error().message;
  EXPECT_THAT((*manager)->log.notes,
              ElementsAre("--concurrent-service-syncs=3 has no effect: kube-controller-manager has "
                          "no clouds any more"));
  EXPECT_EQ((*manager)->controllers.controllers.at(0), "-garbage-collector-controller");
  EXPECT_EQ(ParseSchedulerFlags({"--tls-cipher-suites=TLS_NULL"}).error().message,
            "Cipher suite TLS_NULL not supported or doesn't exist");
  EXPECT_EQ((*ParseSchedulerFlags({"--tls-min-version=VersionTLS13"}))->serving.tls_min_version,
            "VersionTLS13");
  EXPECT_THAT(ParseSchedulerFlags({"--emulated-version=kube=1.34"}).error().message,
              HasSubstr("must not be ignored"));
  const auto proxy = ParseKubeProxyFlags(
      {"--nodeport-addresses=192.0.2.0/24,10.0.0.0/8", "--iptables-min-sync-period=3s",
       "--detect-local-mode=BridgeInterface", "--pod-bridge-interface=cni0", "--conntrack-min=1"});
  ASSERT_TRUE(proxy) << proxy.error().message;
  EXPECT_THAT((*proxy)->proxy.node_port_addresses, ElementsAre("192.0.2.0/24", "10.0.0.0/8"));
  EXPECT_EQ((*proxy)->proxy.min_sync_period, 3s);
  EXPECT_THAT((*proxy)->log.notes,
              ElementsAre("--conntrack-min=1 has no effect: connection tracking keeps this "
                          "machine's settings"));
  EXPECT_FALSE(ParseKubeProxyFlags({"--nodeport-addresses=everywhere"}));
  EXPECT_FALSE(ParseKubeProxyFlags({"--init-only"}));
}

TEST_F(ProgramFlagsTest, AControllerManagerStartsWithKubeadmsCommandLine) {
  const auto authority = *CertificateAuthority::Create("kubernetes", SystemClock().Now());
  const std::string certificate = File("ca.crt", authority.pem().certificate_pem);
  const std::string key = File("ca.key", authority.pem().key_pem);
  const auto parsed = ParseControllerManagerFlags(
      {"--allocate-node-cidrs=true", "--authentication-kubeconfig=/etc/kubernetes/cm.conf",
       "--authorization-kubeconfig=/etc/kubernetes/cm.conf", "--bind-address=127.0.0.1",
       "--client-ca-file=" + certificate, "--cluster-cidr=10.244.0.0/16",
       "--cluster-name=kubernetes", "--cluster-signing-cert-file=" + certificate,
       "--cluster-signing-key-file=" + key, "--controllers=*,bootstrapsigner,tokencleaner",
       "--kubeconfig=/etc/kubernetes/cm.conf", "--leader-elect=true",
       "--requestheader-client-ca-file=" + certificate, "--root-ca-file=" + certificate,
       "--service-account-private-key-file=" + key, "--service-cluster-ip-range=10.96.0.0/12",
       "--use-service-account-credentials=true"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const ControllerManagerFlags& flags = **parsed;
  EXPECT_EQ(flags.api.kubeconfig, "/etc/kubernetes/cm.conf");
  EXPECT_EQ(flags.serving.bind_address, "127.0.0.1");
  EXPECT_EQ(flags.serving.secure_port, 10257);
  EXPECT_TRUE(flags.leader.elect);
  EXPECT_EQ(flags.leader.name, "kube-controller-manager");
  EXPECT_TRUE(flags.controllers.allocate_node_cidrs);
  EXPECT_EQ(flags.controllers.root_ca, authority.pem().certificate_pem);
  EXPECT_EQ(flags.controllers.signing_authorities.size(), 3u);
  const SigningFiles& followed =
      flags.controllers.signing_files.at(std::string(certificates::kKubeletClientSigner));
  EXPECT_EQ(followed.certificate, certificate);
  EXPECT_EQ(followed.key, key);
  EXPECT_THAT(flags.controllers.controllers, ElementsAre("*", "bootstrapsigner", "tokencleaner"));
  ASSERT_TRUE(flags.controllers.sign_token);
  EXPECT_TRUE(flags.controllers.sign_token(Json{{"iss", "kubernetes/serviceaccount"}}));
  EXPECT_FALSE((*ParseControllerManagerFlags({}))->controllers.sign_token);
}

TEST_F(ProgramFlagsTest, FlagsOfTheAutoscalerReachIt) {
  const auto given =
      ParseControllerManagerFlags({"--concurrent-horizontal-pod-autoscaler-syncs=2",
                                   "--horizontal-pod-autoscaler-sync-period=5s",
                                   "--horizontal-pod-autoscaler-downscale-stabilization=1m",
                                   "--horizontal-pod-autoscaler-cpu-initialization-period=2m",
                                   "--horizontal-pod-autoscaler-initial-readiness-delay=10s",
                                   "--horizontal-pod-autoscaler-tolerance=0.25"});
  ASSERT_TRUE(given) << given.error().message;
  const AutoscalerOptions& options = (*given)->controllers.autoscaler;
  EXPECT_EQ(options.workers, 2);
  EXPECT_EQ(options.sync_period, 5s);
  EXPECT_EQ(options.downscale_stabilization, 1min);
  EXPECT_EQ(options.cpu_initialization_period, 2min);
  EXPECT_EQ(options.initial_readiness_delay, 10s);
  EXPECT_EQ(options.tolerance, 0.25);
  EXPECT_TRUE((*given)->log.notes.empty());
}

TEST_F(ProgramFlagsTest, ThePeriodOfQuotasIsSaidToTheirController) {
  const auto given = ParseControllerManagerFlags({"--resource-quota-sync-period=10s"});
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ((*given)->controllers.resource_quota_sync_period, 10s);
  EXPECT_EQ((*ParseControllerManagerFlags({}))->controllers.resource_quota_sync_period, 5min);
}

TEST_F(ProgramFlagsTest, MaxUnavailableOfStatefulSetsActsWhereItsGateIsOn) {
  const auto acts = [](const std::string& gates) {
    const auto given = ParseControllerManagerFlags({"--feature-gates=" + gates});
    return given ? (*given)->controllers.uses_max_unavailable : false;
  };
  EXPECT_FALSE(acts(""));
  EXPECT_TRUE(acts("MaxUnavailableStatefulSet=true"));
  EXPECT_TRUE(acts("AllBeta=true"));
  EXPECT_FALSE(acts("MaxUnavailableStatefulSet=false,AllBeta=true"));
  EXPECT_EQ(ParseControllerManagerFlags({"--feature-gates=GangScheduling=true"}).error().message,
            "--feature-gates=GangScheduling=true cannot be had here, and must not be ignored: it "
            "is always off");
}

TEST_F(ProgramFlagsTest, TheSizeOfNodesBlocksIsThatOfTheFamilyThatThereIs) {
  const auto given = ParseControllerManagerFlags(
      {"--allocate-node-cidrs", "--cluster-cidr=fd00::/64", "--node-cidr-mask-size=80"});
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ((*given)->controllers.node_cidr_mask_size_ipv6, 80);
}

TEST_F(ProgramFlagsTest, HowMuchAControllerDoesAtOnceIsSaidToIt) {
  const auto given =
      ParseControllerManagerFlags({"--concurrent-rc-syncs=1", "--concurrent-cron-job-syncs=20"});
  ASSERT_TRUE(given) << given.error().message;
  const std::map<std::string, int>& workers = (*given)->controllers.workers;
  EXPECT_EQ(workers.at("replicationcontroller"), 1);
  EXPECT_EQ(workers.at("cronjob-controller"), 20);
  EXPECT_EQ(workers.at("deployment"), 5) << "nothing was said";
  EXPECT_TRUE((*given)->log.notes.empty());
}

TEST_F(ProgramFlagsTest, ABadControllerManagerFlagIsRefusedInItsWords) {
  const auto error = [](const std::vector<std::string>& args) {
    const auto parsed = ParseControllerManagerFlags(args);
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(error({"--no-such"}), "unknown flag: --no-such");
  EXPECT_EQ(error({"--concurrent-gc-syncs=0"}),
            "concurrent-gc-syncs must be greater than 0, but got 0");
  EXPECT_EQ(error({"--concurrent-serviceaccount-token-syncs=-1"}),
            "--concurrent-serviceaccount-token-syncs can not be negative value");
  EXPECT_EQ(error({"--min-resync-period=-1s"}), "--min-resync-period can not be negative value");
  EXPECT_EQ(error({"--requestheader-username-headers= "}),
            "empty value in \"requestheader-username-headers\"");
  EXPECT_THAT(error({"--tls-sni-cert-key=one.crt"}), HasSubstr("certificate and key file paths"));
  EXPECT_THAT(error({"--namespace-sync-period=soon"}), HasSubstr("time: invalid duration"));
  EXPECT_EQ(error({"--mirroring-max-endpoints-per-subset=0"}),
            "mirroring-max-endpoints-per-subset must not be less than 1, but got 0");
  EXPECT_EQ(error({"--max-endpoints-per-slice=0"}),
            "max-endpoints-per-slice must not be less than 1, but got 0");
  EXPECT_EQ(error({"--max-endpoints-per-slice=1001"}),
            "max-endpoints-per-slice must not be more than 1000, but got 1001");
  EXPECT_EQ(error({"--concurrent-service-endpoint-syncs=51"}),
            "concurrent-service-endpoint-syncs must not be more than 50, but got 51");
  EXPECT_EQ(error({"--service-cluster-ip-range=10.0.0.0/24,fd00::/108,10.1.0.0/24"}),
            "--service-cluster-ip-range can not contain more than two entries");
  EXPECT_EQ(error({"--allocate-node-cidrs", "--cluster-cidr=pods"}),
            "invalid CIDR[0]: <nil> (invalid CIDR address: pods)");
  EXPECT_EQ(error({"--allocate-node-cidrs"}), "invalid CIDR[0]: <nil> (invalid CIDR address: )");
  EXPECT_EQ(error({"--mirroring-concurrent-service-endpoint-syncs=51"}),
            "mirroring-concurrent-service-endpoint-syncs must not be more than 50, but got 51");
  EXPECT_EQ(error({"--concurrent-horizontal-pod-autoscaler-syncs=0"}),
            "concurrent-horizontal-pod-autoscaler-syncs must be greater than 0, but got 0");
  EXPECT_EQ(error({"--concurrent-deployment-syncs=0"}),
            "concurrent-deployment-syncs must be greater than 0, but got 0");
  EXPECT_EQ(error({"--concurrent-job-syncs=10001"}),
            "concurrent-job-syncs must not be more than 10000, but got 10001");
  EXPECT_EQ(error({"--horizontal-pod-autoscaler-sync-period=0s"}),
            "--horizontal-pod-autoscaler-sync-period must be greater than 0, but got 0s");
  EXPECT_THAT(error({"--horizontal-pod-autoscaler-tolerance=x"}), HasSubstr("strconv.ParseFloat"));
  EXPECT_EQ(error({"--legacy-service-account-token-clean-up-period=0s"}),
            "failed to start the legacy service account token cleaner: invalid CleanUpPeriod: 0s");
  EXPECT_EQ(error({"--controllers=*,-attachdetach,-persistentvolumeclaim-protection-controller"}),
            "");
  // As k3s starts it, and others.
  EXPECT_EQ(error({"--controllers=*,tokencleaner,-service,-route,-cloud-node-lifecycle,-svm"}), "");
  EXPECT_EQ(error({"--controllers=*,device-taint-eviction-controller"}), "");
  EXPECT_EQ(error({"--controllers=*,-selinux-warning-controller"}), "");
  EXPECT_EQ(error({"--controllers=*,selinux-warning-controller"}),
            "--controllers: there is no selinux-warning-controller here: it warns of pods that "
            "could not share a volume mounted with an SELinux label, and no volume is mounted with "
            "one here");
  EXPECT_EQ(error({"--controllers=*,nobody"}),
            "\"nobody\" is not in the list of known controllers");
  EXPECT_THAT(error({"--cluster-signing-cert-file=/x"}), HasSubstr("both the certificate and"));
  EXPECT_THAT(error({"--unhealthy-zone-threshold=x"}), HasSubstr("strconv.ParseFloat"));
  EXPECT_THAT(error({"--service-account-private-key-file=/no/such"}),
              HasSubstr("error reading key for service account token controller"));
  EXPECT_THAT(error({"--service-account-private-key-file=" + File("empty", "")}),
              HasSubstr("does not contain any valid RSA or ECDSA"));
  const auto authority = *CertificateAuthority::Create("kubernetes", SystemClock().Now());
  const auto other = *CertificateAuthority::Create("kubernetes", SystemClock().Now());
  EXPECT_THAT(
      error({"--cluster-signing-cert-file=" + File("a.crt", authority.pem().certificate_pem),
             "--cluster-signing-key-file=" + File("b.key", other.pem().key_pem)}),
      HasSubstr("key does not belong"));
}

TEST_F(ProgramFlagsTest, HalfOfASignersFilesIsRefusedInItsWords) {
  const auto error = [](const std::vector<std::string>& args) {
    const auto parsed = ParseControllerManagerFlags(args);
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(error({"--cluster-signing-kubelet-client-key-file=/x"}),
            R"("cluster-signing-kube-apiserver-client": cannot specify key without cert)");
  EXPECT_EQ(error({"--cluster-signing-kubelet-serving-cert-file=/x"}),
            R"("cluster-signing-kubelet-serving": cannot specify cert without key)");
  EXPECT_EQ(error({"--cluster-signing-kube-apiserver-client-key-file=/x"}),
            R"("cluster-signing-kube-apiserver": cannot specify key without cert)");
  EXPECT_EQ(error({"--cluster-signing-legacy-unknown-key-file=/x"}),
            R"("cluster-signing-legacy-unknown": cannot specify key without cert)");
  EXPECT_THAT(error({"--cluster-signing-legacy-unknown-cert-file=/no/such",
                     "--cluster-signing-legacy-unknown-key-file=/no/such"}),
              HasSubstr("/no/such"));
}

TEST_F(ProgramFlagsTest, WhatIsDoneAllTheTimeIsRefusedOnlyWhereKubernetesDoes) {
  const auto error = [](const std::vector<std::string>& args) {
    const auto parsed = ParseControllerManagerFlags(args);
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_EQ(error({"--concurrent-service-endpoint-syncs=0"}),
            "concurrent-service-endpoint-syncs must not be less than 1, but got 0");
  EXPECT_EQ(error({"--attach-detach-reconcile-sync-period=0s"}),
            "duration time must be greater than one second as set via command line option "
            "reconcile-sync-loop-period");
  EXPECT_EQ(error({"--node-monitor-period=0s"}), "");
}

TEST_F(ProgramFlagsTest, WhatCannotBeOtherwiseIsRefusedAndTheSameIsTakenInSilence) {
  // As kube-controller-manager has them where nothing is said, or as it is here.
  const auto taken = ParseControllerManagerFlags(
      {"--min-resync-period=12h0m0s", "--namespace-sync-period=5m",
       "--controller-start-interval=0s", "--pvclaimbinder-sync-period=15s",
       "--pv-recycler-minimum-timeout-nfs=300", "--cloud-provider=external",
       "--kube-api-content-type=application/json", "--controller-shutdown-timeout=10s",
       "--cluster-name=kubernetes", "--concurrent-serviceaccount-token-syncs=5",
       "--cidr-allocator-type=RangeAllocator", "--authentication-skip-lookup",
       "--permit-address-sharing", "--profiling=false",
       "--kube-api-content-type=application/vnd.kubernetes.protobuf",
       "--authentication-tolerate-lookup-failure=false",
       "--concurrent-serviceaccount-token-syncs=0", "--http2-max-streams-per-connection=-1"});
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_THAT((*taken)->log.notes, ElementsAre());
  for (const char* flag :
       {"--cloud-provider=aws", "--cloud-config=/x", "--enable-leader-migration",
        "--leader-migration-config=/x", "--pv-recycler-minimum-timeout-nfs=10",
        "--controller-start-interval=1s", "--kube-api-content-type=application/cbor",
        "--endpoint-updates-batch-period=1s", "--external-cloud-volume-plugin=x",
        "--profiling=true", "--contention-profiling=true", "--vmodule=a=1",
        "--log-text-split-stream", "--log-json-info-buffer-size=1Mi", "--disabled-metrics=up"}) {
    const auto parsed = ParseControllerManagerFlags({flag});
    ASSERT_FALSE(parsed) << flag;
    EXPECT_THAT(parsed.error().message, HasSubstr("must not be ignored")) << flag;
  }
}

TEST_F(ProgramFlagsTest, WhatRealCommandLinesHoldIsTakenAndToldToHaveNoEffect) {
  // Of RKE2, kind, Cluster API and k3s, and Kubernetes' own values of what is otherwise here.
  for (const char* flag :
       {"--cluster-name=mine", "--node-sync-period=10s", "--allow-untagged-cloud"}) {
    const auto parsed = ParseControllerManagerFlags({flag});
    ASSERT_TRUE(parsed) << flag << ": " << parsed.error().message;
    EXPECT_THAT((*parsed)->log.notes, ElementsAre(HasSubstr("has no effect: "))) << flag;
  }
}

TEST_F(ProgramFlagsTest, HostPathsAreProvisionedWhereThatIsAskedFor) {
  const auto options = [](const std::vector<std::string>& args) {
    return (*ParseControllerManagerFlags(args))->controllers;
  };
  EXPECT_EQ(options({"--enable-hostpath-provisioner=false"}).local_path_directory, "");
  const ControllerOptions alone = options({"--enable-hostpath-provisioner"});
  EXPECT_EQ(alone.local_path_directory, "/tmp/hostpath_pv");
  EXPECT_THAT(alone.local_path_provisioners, ElementsAre("kubernetes.io/host-path"));
  const ControllerOptions beside =
      options({"--enable-hostpath-provisioner", "--local-path-directory=/v"});
  EXPECT_EQ(beside.local_path_directory, "/v");
  EXPECT_EQ(beside.local_path_provisioners.size(), 2u);
  EXPECT_FALSE(options({"--enable-dynamic-provisioning=false"}).provisions_volumes);
}

TEST_F(ProgramFlagsTest, NoTwoLeadAtOnceWhateverTheFlagsSay) {
  const auto error = [](const std::vector<std::string>& args) {
    const auto manager = ParseControllerManagerFlags(args);
    const auto scheduler = ParseSchedulerFlags(args);
    EXPECT_EQ(manager.has_value(), scheduler.has_value());
    return manager ? "" : manager.error().message;
  };
  EXPECT_EQ(error({"--leader-elect-lease-duration=10s"}),
            "leaseDuration must be greater than renewDeadline");
  EXPECT_EQ(error({"--leader-elect-retry-period=9s"}),
            "renewDeadline must be greater than retryPeriod*JitterFactor");
  EXPECT_EQ(error({"--leader-elect-retry-period=0s"}), "retryPeriod must be greater than zero");
  EXPECT_EQ(error({"--leader-elect-lease-duration=0s", "--leader-elect-renew-deadline=-1s",
                   "--leader-elect-retry-period=-2s"}),
            "leaseDuration must be greater than zero");
  EXPECT_EQ(error({"--leader-elect=false", "--leader-elect-retry-period=0s"}), "");
  EXPECT_EQ(error({"--leader-elect-lease-duration=60s", "--leader-elect-renew-deadline=40s"}), "");
}

TEST_F(ProgramFlagsTest, HowLongAPodWaitsInVainReachesTheScheduler) {
  const auto wait = [](const std::vector<std::string>& args) {
    return (*ParseSchedulerFlags(args))->scheduler.delays.unschedulable;
  };
  EXPECT_EQ(wait({}), 5min);
  EXPECT_EQ(wait({"--pod-max-in-unschedulable-pods-duration=2m"}), 2min);
  EXPECT_EQ(wait({"--pod-max-in-unschedulable-pods-duration=0s"}), 30s);
}

TEST_F(ProgramFlagsTest, DriversOfFlexVolumesAreNotLeftAlone) {
  EXPECT_TRUE(ParseControllerManagerFlags({"--flex-volume-plugin-dir=/no/such/directory"}));
  const std::string driver = File("driver", "");
  const auto parsed = ParseControllerManagerFlags({"--flex-volume-plugin-dir=" + directory_});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("there is a driver of them, "));
}

TEST_F(ProgramFlagsTest, EachProgramAsksAtTheRateOfItsNamesake) {
  EXPECT_EQ((*ParseControllerManagerFlags({}))->api.limit, (RateLimit{.qps = 20, .burst = 30}));
  EXPECT_EQ((*ParseSchedulerFlags({}))->api.limit, (RateLimit{.qps = 50, .burst = 100}));
  EXPECT_EQ((*ParseKubeProxyFlags({}))->api.limit, (RateLimit{.qps = 5, .burst = 10}));
  const auto given = ParseControllerManagerFlags(
      {"--kube-api-qps=0.5", "--kube-api-burst=3", "--use-service-account-credentials"});
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ((*given)->api.limit, (RateLimit{.qps = 0.5, .burst = 3}));
  EXPECT_TRUE((*given)->by_service_accounts);
  EXPECT_TRUE(ParseControllerManagerFlags({"--kube-api-qps=-1", "--kube-api-burst=0"}));
  EXPECT_THAT(ParseControllerManagerFlags({"--kube-api-burst=0"}).error().message,
              HasSubstr("burst is required to be greater than 0"));
  EXPECT_THAT(ParseControllerManagerFlags({"--kube-api-qps=x"}).error().message,
              HasSubstr("strconv.ParseFloat"));
  const std::string config = File("rate.yaml",
                                  "apiVersion: kubescheduler.config.k8s.io/v1\n"
                                  "kind: KubeSchedulerConfiguration\n"
                                  "clientConnection: {qps: 7}\n");
  EXPECT_EQ((*ParseSchedulerFlags({"--config", config, "--kube-api-qps=9"}))->api.limit,
            (RateLimit{.qps = 7, .burst = 100}));
}

TEST_F(ProgramFlagsTest, FlagsOfConnectionsAndWorkReachThem) {
  const auto given = ParseControllerManagerFlags(
      {"--concurrent-gc-syncs=3", "--requestheader-allowed-names=proxy",
       "--requestheader-username-headers=X-User", "--authorization-kubeconfig=/z",
       "--authorization-webhook-cache-unauthorized-ttl=1s", "--http2-max-streams-per-connection=7",
       "--disable-http2-serving", "--permit-port-sharing"});
  ASSERT_TRUE(given) << given.error().message;
  const ControllerManagerFlags& flags = **given;
  EXPECT_EQ(flags.controllers.workers.at("garbage-collector"), 3);
  EXPECT_THAT(flags.serving.front_proxy.allowed_names, ElementsAre("proxy"));
  EXPECT_THAT(flags.serving.front_proxy.username_headers, ElementsAre("X-User"));
  EXPECT_EQ(flags.serving.authorization_kubeconfig, "/z");
  EXPECT_EQ(flags.serving.denied_ttl, 1s);
  EXPECT_EQ(flags.serving.http2_streams_max, 7);
  EXPECT_TRUE(flags.serving.disable_http2);
  EXPECT_TRUE(flags.serving.shares_port);
  EXPECT_THAT(flags.log.notes, ElementsAre());
}

TEST_F(ProgramFlagsTest, AFlagNamesControllersByOldAndNewNames) {
  EXPECT_EQ(ControllerNameOf("csrsigning"), "certificatesigningrequest-signing-controller");
  EXPECT_EQ(ControllerNameOf("deployment"), "deployment-controller");
  EXPECT_EQ(ControllerNameOf("deployment-controller"), "deployment-controller");
  EXPECT_EQ(ControllerNameOf("*"), "*");
}

TEST_F(ProgramFlagsTest, ASchedulerReadsItsConfigurationFile) {
  const std::string config = File("scheduler.yaml",
                                  "apiVersion: kubescheduler.config.k8s.io/v1\n"
                                  "kind: KubeSchedulerConfiguration\n"
                                  "leaderElection: {leaderElect: false}\n"
                                  "profiles: [{schedulerName: mine}]\n");
  const auto parsed = ParseSchedulerFlags({"--config", config, "--secure-port=0", "-v=2"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE((*parsed)->leader.elect);
  ASSERT_EQ((*parsed)->scheduler.profiles.size(), 1u);
  EXPECT_EQ((*parsed)->scheduler.profiles[0].name, "mine");
  EXPECT_EQ((*parsed)->serving.secure_port, 0);
  EXPECT_EQ((*ParseSchedulerFlags({}))->serving.secure_port, 10259);
  EXPECT_FALSE(ParseSchedulerFlags({"--config=/no/such/file"}));
}

TEST_F(ProgramFlagsTest, AProxyReadsKubeadmsConfigurationFile) {
  const std::string config = File("config.conf",
                                  "apiVersion: kubeproxy.config.k8s.io/v1alpha1\n"
                                  "kind: KubeProxyConfiguration\nmode: \"\"\n"
                                  "clientConnection: {kubeconfig: /var/lib/kube-proxy/k.conf}\n"
                                  "clusterCIDR: 10.244.0.0/16\n");
  const auto parsed = ParseKubeProxyFlags({"--config=" + config, "--hostname-override=n1"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ((*parsed)->api.kubeconfig, "/var/lib/kube-proxy/k.conf");
  EXPECT_EQ((*parsed)->proxy.hostname_override, "n1");
  EXPECT_EQ((*parsed)->proxy.cluster_cidr, "10.244.0.0/16");
  EXPECT_FALSE(ParseKubeProxyFlags({"--proxy-mode=ipvs"}));
  EXPECT_TRUE(ParseKubeProxyFlags({"--cluster-cidr=10.244.0.0/16,fd00:10:244::/56"}));
  EXPECT_THAT(ParseKubeProxyFlags({"--cluster-cidr=10.244.0.0/16,10.0.0.0/16"}).error().message,
              HasSubstr("dual-stack pair of CIDRs"));
  EXPECT_THAT(ParseKubeProxyFlags({"--cluster-cidr=foo"}).error().message,
              HasSubstr("Invalid value: \"foo\": must be a valid CIDR block (e.g. 10.100.0.0/16 or "
                        "fde4:8dba:82e1::/48)"));
}

}  // namespace
}  // namespace skiff
