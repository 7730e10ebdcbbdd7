#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <set>

#include "api/rules/core/ip.h"
#include "base/flags.h"
#include "base/version.h"
#include "base/whole_file.h"
#include "kubelet/node_addresses.h"
#include "kubelet/program.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// Flags whose values need more than their type.
struct RawFlags {
  std::vector<std::string> node_labels, taints;
  std::vector<std::string> eviction_hard, eviction_soft, eviction_soft_grace, eviction_reclaim;
  std::vector<std::string> system_reserved, kube_reserved;
  std::string pod_max_pids;
  bool version_asked = false;
};

void AddServingFlags(Flags& flags, KubeletFlags& to) {
  KubeletConfiguration& it = to.configuration;
  flags.Add("address", it.address, "The IP address the kubelet serves on.");
  flags.Add("port", it.port, "The port the kubelet serves on.");
  flags.Add("healthz-bind-address", it.healthz_bind_address, "The address of /healthz.");
  flags.Add("healthz-port", it.healthz_port, "The port of /healthz; 0 serves none.");
  flags.Add("tls-cert-file", it.tls_cert_file, "File with the certificate that is served.");
  flags.Add("tls-private-key-file", it.tls_private_key_file, "File with its private key.");
  flags.Add("tls-min-version", it.tls_min_version,
            "The oldest TLS that is spoken: VersionTLS12 or VersionTLS13.");
  flags.Add("tls-cipher-suites", it.tls_cipher_suites,
            "The cipher suites of TLS 1.2 that are spoken, in Go's names.");
  flags.Add("client-ca-file", it.client_ca_file,
            "Clients that show a certificate of these authorities are its common name.");
  flags.Add("authentication-token-webhook", it.takes_tokens,
            "Clients that show a bearer token are whom the API server takes it for.");
  flags.Add("enable-debugging-handlers", it.enable_debugging_handlers,
            "Serve logs, commands, ports and what tells of the kubelet itself.");
  flags.Add("cert-dir", to.cert_dir, "Where certificates of the kubelet's own making lie.");
  flags.Add("v", it.verbosity, "Log level; 4 and above show details.");
  flags.Add("logging-format", it.logging_format, "text or json.");
}

void AddNodeFlags(Flags& flags, KubeletFlags& to, RawFlags& raw) {
  KubeletConfiguration& it = to.configuration;
  flags.Add("kubeconfig", to.kubeconfig,
            "How to reach the API server; without it the kubelet runs static pods alone.");
  flags.Add("hostname-override", to.hostname_override, "The node's name; the host's by default.");
  flags.Add("node-ip", to.node_ips,
            "The node's IP address, or two, one of each family, with a comma between; that of the "
            "default route. 0.0.0.0 and :: are this machine's own, of that family if it has one.");
  flags.Add("root-dir", to.root_dir, "Where the kubelet keeps volumes and the like.");
  flags.Add("register-node", it.register_node, "Create the Node object.");
  flags.Add("node-labels", raw.node_labels, "Labels the node is registered with, k=v,...");
  flags.Add("register-with-taints", raw.taints, "Taints it is registered with, k=v:Effect,...");
  flags.Add("max-pods", it.max_pods, "How many pods may run here.");
  flags.Add("provider-id", it.provider_id, "The machine's id at its provider.");
  flags.Add("cluster-dns", it.cluster_dns, "DNS servers of pods with dnsPolicy ClusterFirst.");
  flags.Add("cluster-domain", it.cluster_domain, "The domain of the cluster's names.");
  flags.Add("resolv-conf", it.resolv_conf, "The resolver configuration pods inherit.");
  flags.Add("node-status-max-images", it.node_status_max_images,
            "How many images the node's status names at most; -1: all.");
  flags.Add("node-status-update-frequency", it.node_status_update_frequency,
            "How often the node's status is computed.");
}

void AddRuntimeFlags(Flags& flags, KubeletFlags& to) {
  KubeletConfiguration& it = to.configuration;
  flags.Add("config", to.config,
            "A KubeletConfiguration file; a directory is taken for --pod-manifest-path.");
  flags.Add("pod-manifest-path", it.static_pod_path, "A file or directory of static pods.");
  flags.Add("file-check-frequency", it.file_check_frequency, "How often it is looked at besides.");
  flags.Add("container-runtime-endpoint", it.container_runtime_endpoint, "The runtime's socket.");
  flags.Add("containerd-dir", to.containerd_dir,
            "Where no runtime's socket is given: run containerd in this directory, with a network "
            "from the node's pod CIDR.");
  flags.Add("cluster-cidr", to.cluster_cidrs,
            "Routes in that network lead to other nodes' pods in these ranges alone; not given: in "
            "private ones.");
  flags.Add("image-dir", to.image_dir, "Whose archives (*.tar) it loads at the start.");
  flags.Add("leave-nothing", to.leave_nothing,
            "End that containerd, all pods and their network with the kubelet.");
  flags.Add("image-credential-provider-config", to.image_credential_provider_config,
            "Which programs give credentials for images, a file or a directory.");
  flags.Add("image-credential-provider-bin-dir", to.image_credential_provider_bin_dir,
            "Where these programs lie.");
  flags.Add("runtime-request-timeout", it.runtime_request_timeout, "Of its calls.");
  flags.Add("enable-server", it.enable_server, "Serve the kubelet's port at all.");
  flags.Add("protect-kernel-defaults", it.protect_kernel_defaults,
            "Refuse to start where the kernel's settings are not those that pods rely on.");
  flags.Add("pods-per-core", it.pods_per_core,
            "How many pods may run here a core; 0: --max-pods alone counts.");
  flags.Add("cgroup-driver", it.cgroup_driver,
            "cgroupfs or systemd; where the runtime says which, that is taken.");
  flags.Add("cgroup-root", it.cgroup_root, "The cgroup that pods' cgroups lie in.");
  flags.Add("pod-logs-dir", it.pod_logs_dir, "Where containers' logs lie.");
  flags.Add("container-log-max-size", it.container_log_max_size, "A longer log is rotated.");
  flags.Add("container-log-max-files", it.container_log_max_files, "How many are kept.");
}

void AddLimitFlags(Flags& flags, KubeletFlags& to, RawFlags& raw) {
  KubeletConfiguration& it = to.configuration;
  flags.Add("kube-api-qps", it.kube_api_qps, "Requests a second to the API server.");
  flags.Add("kube-api-burst", it.kube_api_burst, "Requests at once before that.");
  flags.Add("event-qps", it.event_qps, "Events a second that are told.");
  flags.Add("event-burst", it.event_burst, "Events at once before that.");
  flags.Add("pod-max-pids", raw.pod_max_pids, "How many processes a pod may have; -1: any number.");
  flags.Add("cpu-cfs-quota", it.cpu_cfs_quota, "Hold containers to their limits of CPU.");
  flags.Add("enforce-node-allocatable", it.enforce_node_allocatable,
            "pods: what they have together is held to what the node can give; none: it is not.");
  flags.Add("serialize-image-pulls", it.serialize_image_pulls, "Pull one image after the other.");
  flags.Add("fail-swap-on", it.fail_swap_on, "Refuse to start where the machine has swap.");
  flags.Add("fail-cgroupv1", it.fail_cgroup_v1, "Refuse to start with cgroups of version 1.");
  flags.Add("image-gc-high-threshold", it.image_gc_high_threshold_percent,
            "Disk usage above which images are removed.");
  flags.Add("minimum-image-ttl-duration", it.image_minimum_gc_age,
            "A younger image is not removed.");
  flags.Add("image-gc-low-threshold", it.image_gc_low_threshold_percent,
            "Disk usage down to which they are.");
  flags.Add(
      "allowed-unsafe-sysctls", it.allowed_unsafe_sysctls,
      "Kernel parameters, and patterns that end in *, that pods may set beside the safe ones.");
  flags.Add("seccomp-default", it.seccomp_default,
            "Containers that name no seccomp profile get the runtime's own.");
  flags.Add("eviction-hard", raw.eviction_hard, "Thresholds, memory.available<100Mi,...");
  flags.Add("eviction-soft", raw.eviction_soft, "Thresholds that may be met for a while.");
  flags.Add("eviction-soft-grace-period", raw.eviction_soft_grace, "For how long.");
  flags.Add("eviction-minimum-reclaim", raw.eviction_reclaim, "How much is freed at least.");
  flags.Add("eviction-pressure-transition-period", it.eviction_pressure_transition_period,
            "How long a pressure condition stays at least.");
  flags.Add("eviction-max-pod-grace-period", it.eviction_max_pod_grace_period,
            "Grace of pods evicted for a soft threshold, seconds.");
  flags.Add("system-reserved", raw.system_reserved, "Kept from pods, cpu=...,memory=...");
  flags.Add("kube-reserved", raw.kube_reserved, "Kept from pods for Kubernetes.");
}

constexpr bool kSwitch = true;
constexpr bool kRefused = true;

// Of whom the kubelet lets in. It lets in fewer than it is asked to, never more.
void AddUnusedAccessFlags(Flags& flags) {
  const std::string who = "the API server says who each is, and what they may do";
  flags.AddUnused({"anonymous-auth", who, {"false"}, kSwitch});
  flags.AddUnused({"authorization-mode", who, {"Webhook"}});
  for (const char* name :
       {"authentication-token-webhook-cache-ttl", "authorization-webhook-cache-authorized-ttl",
        "authorization-webhook-cache-unauthorized-ttl"}) {
    flags.Ignore(name, who);
  }
  flags.Ignore("streaming-connection-idle-timeout", "a stream ends when one of its ends does");
  flags.AddUnused(
      {"read-only-port", "whoever asks has to say who they are", {"0"}, false, kRefused});
  flags.AddUnused({"rotate-certificates", "`skiff join` does that", {"false"}, kSwitch});
  flags.AddUnused({"rotate-server-certificates", "`skiff join` does that", {"false"}, kSwitch});
  flags.Ignore("bootstrap-kubeconfig", "`skiff join` makes the kubeconfig");
}

// Of what pods get, and must not get.
void AddUnusedPodFlags(Flags& flags) {
  flags.AddUnused(
      {"cpu-manager-policy", "no CPU is kept for a pod", {"", "none"}, false, kRefused});
  flags.AddUnused(
      {"memory-manager-policy", "no memory is kept for a pod", {"", "None"}, false, kRefused});
  flags.AddUnused(
      {"topology-manager-policy", "no topology is looked at", {"", "none"}, false, kRefused});
  flags.AddUnused({"cgroups-per-qos", "pods always have cgroups", {"true"}, kSwitch});
  flags.AddUnused({"cpu-cfs-quota-period",
                   "it requires feature gate CustomCPUCFSQuotaPeriod",
                   {"100ms"},
                   false,
                   kRefused});
  flags.AddUnused(
      {"local-storage-capacity-isolation", "disks are always watched", {"true"}, kSwitch});
  flags.Ignore("image-service-endpoint",
               "images are the runtime's of --container-runtime-endpoint");
  for (const char* name : {"registry-qps", "registry-burst"}) {
    flags.Ignore(name, "pulls are not held back");
  }
  for (const char* name : {"minimum-container-ttl-duration", "maximum-dead-containers",
                           "maximum-dead-containers-per-container"}) {
    flags.Ignore(name, "one ended container of each is kept");
  }
}

// Of cAdvisor, which kube-kubelet has within it, and of what looks after single processors.
void AddUnusedMeasuringFlags(Flags& flags) {
  for (const char* name :
       {"application-metrics-count-limit", "boot-id-file", "container-hints", "containerd",
        "containerd-namespace", "event-storage-age-limit", "event-storage-event-limit",
        "global-housekeeping-interval", "housekeeping-interval", "http-check-frequency",
        "machine-id-file", "storage-driver-buffer-duration", "storage-driver-db",
        "storage-driver-host", "storage-driver-password", "storage-driver-table",
        "storage-driver-user"}) {
    flags.Ignore(name, "what pods use is read from cgroups and files when it is asked for");
  }
  for (const char* name : {"enable-load-reader", "log-cadvisor-usage", "storage-driver-secure"}) {
    flags.AddUnused({name, "there is no cAdvisor", {"false"}, kSwitch});
  }
  flags.AddUnused({"kernel-memcg-notification", "memory is looked at often", {"false"}, kSwitch});
  flags.Ignore("cpu-manager-reconcile-period", "no CPU is kept for a pod");
  flags.AddUnused(
      {"cpu-manager-policy-options", "no CPU is kept for a pod", {""}, false, kRefused});
  flags.AddUnused(
      {"topology-manager-policy-options", "no topology is looked at", {""}, false, kRefused});
  flags.AddUnused(
      {"topology-manager-scope", "no topology is looked at", {"", "container"}, false, kRefused});
  flags.AddUnused({"reserved-cpus", "no CPU is kept for anybody", {""}, false, kRefused});
  flags.AddUnused({"reserved-memory", "no memory is kept for a pod", {""}, false, kRefused});
  flags.AddUnused({"qos-reserved", "no memory is kept for a class of pods", {""}, false, kRefused});
  for (const char* name : {"kube-reserved-cgroup", "system-reserved-cgroup"}) {
    flags.AddUnused({name, "reserved amounts are kept from pods alone", {""}, false, kRefused});
  }
  flags.AddUnused({"experimental-allocatable-ignore-eviction",
                   "thresholds of eviction are kept from pods",
                   {"false"},
                   kSwitch});
}

// Of the machine and of the kubelet's own process.
void AddUnusedMachineFlags(Flags& flags) {
  flags.AddUnused(
      {"config-dir", "one configuration file is read, --config", {""}, false, kRefused});
  flags.AddUnused({"enable-controller-attach-detach", "nothing is attached", {"true"}, kSwitch});
  flags.AddUnused({"make-iptables-util-chains", "it has none", {"false"}, kSwitch});
  flags.AddUnused({"exit-on-lock-contention", "no lock is taken", {"false"}, kSwitch});
  flags.Ignore("lock-file", "no lock is taken");
  flags.Ignore("cloud-provider", "there are no clouds");
  flags.Ignore("hairpin-mode", "the pods' network chooses");
  flags.Ignore("pod-cidr", "the Node object has it");
  flags.AddUnused({"kube-api-content-type", "JSON is spoken", {"application/json"}});
  flags.AddUnused({"manifest-url", "static pods are files", {""}, false, kRefused});
  flags.AddUnused({"manifest-url-header", "static pods are files", {""}});
  flags.AddUnused({"runonce", "it goes on until it is ended", {"false"}, kSwitch, kRefused});
  flags.AddUnused({"contention-profiling", "no profiles are served", {"false"}, kSwitch});
  flags.Ignore("experimental-mounter-path", "mounts are made by the kernel's own calls");
  for (const char* name : {"log-json-info-buffer-size", "log-text-info-buffer-size"}) {
    flags.AddUnused({name, "each line is written at once", {"0"}});
  }
  for (const char* name : {"log-json-split-stream", "log-text-split-stream"}) {
    flags.AddUnused({name, "all lines go to stderr", {"false"}, kSwitch});
  }
  for (const char* name : {"kubelet-cgroups", "runtime-cgroups", "system-cgroups", "oom-score-adj",
                           "max-open-files"}) {
    flags.Ignore(name, "who starts it chooses");
  }
  flags.Ignore("sync-frequency", "a change is acted upon when it comes");
  flags.Ignore("volume-stats-agg-period", "volumes are measured when they are asked for");
  flags.Ignore("volume-plugin-dir", "volume plugins are not looked for");
  flags.Ignore("log-flush-frequency", "each line is written at once");
  flags.AddUnused({"vmodule", "the level is the same for all files", {""}});
  flags.AddUnused({.name = "feature-gates",
                   .why = "what is there is on, and what is not cannot be turned on",
                   .same = {""},
                   .value = UnusedValue::kFeatureGates});
}

bool IsAllowedLabel(const std::string& key) {
  const size_t slash = key.find('/');
  if (slash == std::string::npos) return true;
  const std::string domain = key.substr(0, slash);
  const auto within = [&](const std::string& parent) {
    return domain == parent || domain.ends_with("." + parent);
  };
  if (!within("kubernetes.io") && !within("k8s.io")) return true;
  if (within("kubelet.kubernetes.io") || within("node.kubernetes.io")) return true;
  const std::set<std::string> allowed = {"kubernetes.io/hostname",
                                         "kubernetes.io/os",
                                         "kubernetes.io/arch",
                                         "beta.kubernetes.io/os",
                                         "beta.kubernetes.io/arch",
                                         "beta.kubernetes.io/instance-type",
                                         "topology.kubernetes.io/zone",
                                         "topology.kubernetes.io/region",
                                         "failure-domain.beta.kubernetes.io/zone",
                                         "failure-domain.beta.kubernetes.io/region"};
  return allowed.contains(key);
}

Result<> TakeLabels(const std::vector<std::string>& items, KubeletFlags& to) {
  to.node_labels = TRY(ParsePairs("node-labels", items, '='));
  std::vector<std::string> unknown;
  for (const auto& [key, value] : to.node_labels) {
    if (!IsAllowedLabel(key)) unknown.push_back(key);
  }
  if (unknown.empty()) return {};
  return Fail(
      Reason::kInvalid,
      fmt::format("unknown 'kubernetes.io' or 'k8s.io' labels specified with "
                  "--node-labels: [{}]\n--node-labels in the 'kubernetes.io' namespace must "
                  "begin with an allowed prefix (kubelet.kubernetes.io, "
                  "node.kubernetes.io) or be in the specifically allowed set "
                  "(beta.kubernetes.io/arch, beta.kubernetes.io/instance-type, "
                  "beta.kubernetes.io/os, failure-domain.beta.kubernetes.io/region, "
                  "failure-domain.beta.kubernetes.io/zone, kubernetes.io/arch, "
                  "kubernetes.io/hostname, kubernetes.io/os, "
                  "node.kubernetes.io/instance-type, topology.kubernetes.io/region, "
                  "topology.kubernetes.io/zone)",
                  fmt::join(unknown, " ")));
}

Result<> TakePidsLimit(const std::string& text, KubeletConfiguration& to) {
  if (text.empty()) return {};
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, to.pod_pids_limit);
  if (parsed.ec == std::errc() && parsed.ptr == end) return {};
  return Fail(Reason::kInvalid, fmt::format("invalid argument \"{0}\" for \"--pod-max-pids\" flag: "
                                            "strconv.ParseInt: parsing \"{0}\": invalid syntax",
                                            text));
}

Result<> CheckNodeIps(const std::vector<std::string>& texts) {
  std::set<bool> families;
  bool is_good = true, is_unspecified = false;
  for (const std::string& text : texts) {
    const auto ip = ParseIp(text);
    is_good &= ip && families.insert(ip->v6).second;
    is_unspecified |= IsUnspecified(text);
  }
  const auto refuse = [&](const char* why) {
    return Fail(Reason::kInvalid,
                fmt::format("bad --node-ip \"{}\": {}", fmt::join(texts, ","), why));
  };
  if (!is_good) return refuse("must contain either a single IP or a dual-stack pair of IPs");
  if (texts.size() == 2 && is_unspecified) {
    return refuse("dual-stack node IP cannot include '0.0.0.0' or '::'");
  }
  return {};
}

Result<> TakeRaw(const RawFlags& raw, KubeletFlags& to) {
  KubeletConfiguration& it = to.configuration;
  TRY(TakeLabels(raw.node_labels, to));
  TRY(CheckNodeIps(to.node_ips));
  for (const std::string& text : to.cluster_cidrs) {
    if (ParseCidr(text)) continue;
    return Fail(Reason::kInvalid,
                fmt::format("invalid value \"{}\" for flag --cluster-cidr: no CIDR", text));
  }
  if (!raw.taints.empty()) it.register_with_taints.clear();
  for (const std::string& text : raw.taints) {
    core_v1::Taint taint = TRY(ParseTaint(text));
    it.register_with_taints.push_back(std::move(taint));
  }
  if (!raw.eviction_hard.empty()) {
    it.eviction_hard = TRY(ParsePairs("eviction-hard", raw.eviction_hard, '<'));
  }
  const auto take = [](const char* flag, const std::vector<std::string>& items, char separator,
                       KubeletConfiguration::TextMap& map) -> Result<> {
    if (!items.empty()) map = TRY(ParsePairs(flag, items, separator));
    return {};
  };
  TRY(take("eviction-soft", raw.eviction_soft, '<', it.eviction_soft));
  TRY(take("eviction-soft-grace-period", raw.eviction_soft_grace, '=',
           it.eviction_soft_grace_period));
  TRY(take("eviction-minimum-reclaim", raw.eviction_reclaim, '=', it.eviction_minimum_reclaim));
  TRY(take("system-reserved", raw.system_reserved, '=', it.system_reserved));
  TRY(take("kube-reserved", raw.kube_reserved, '=', it.kube_reserved));
  return TakePidsLimit(raw.pod_max_pids, it);
}

Result<KubeletConfiguration> LoadConfiguration(const std::string& path) {
  const auto fail = [&](const std::string& why) {
    return Fail(Reason::kInvalid, fmt::format("failed to load kubelet config file, path: {}, "
                                              "error: {}",
                                              path, why));
  };
  const auto text = ReadWholeFile(path);
  if (!text) {
    return fail(fmt::format("failed to read kubelet config file \"{}\", error: {}", path,
                            text.error().message));
  }
  if (text->empty()) return fail(fmt::format("kubelet config file \"{}\" was empty", path));
  auto decoded = DecodeKubeletConfiguration(*text);
  if (!decoded) return fail(decoded.error().message);
  // Paths in the file are relative to it.
  const fs::path directory = fs::absolute(path).parent_path();
  for (std::string* each : {&decoded->static_pod_path, &decoded->tls_cert_file,
                            &decoded->tls_private_key_file, &decoded->client_ca_file}) {
    if (!each->empty()) *each = (directory / *each).string();
  }
  return std::move(*decoded);
}

Result<> ParseOnce(const std::vector<std::string>& args, KubeletFlags& to, RawFlags& raw,
                   std::string& help) {
  Flags flags("kubelet");
  AddServingFlags(flags, to);
  AddNodeFlags(flags, to, raw);
  AddRuntimeFlags(flags, to);
  AddLimitFlags(flags, to, raw);
  flags.NoteTo(to.notes);
  AddUnusedAccessFlags(flags);
  AddUnusedMeasuringFlags(flags);
  AddUnusedPodFlags(flags);
  AddUnusedMachineFlags(flags);
  flags.Add("version", raw.version_asked, "Print the version and quit.");
  TRY(flags.Parse(args));
  if (flags.help_asked()) help = flags.Help();
  return {};
}

}  // namespace

Result<std::optional<KubeletFlags>> ParseKubeletFlags(const std::vector<std::string>& args,
                                                      const KubeletFlags& defaults) {
  KubeletFlags to = defaults;
  RawFlags raw;
  std::string help;
  TRY(ParseOnce(args, to, raw, help));
  if (!help.empty() || raw.version_asked) {
    std::fputs(
        help.empty() ? fmt::format("Kubernetes {}\n", kKubernetesRelease).c_str() : help.c_str(),
        stdout);
    return std::nullopt;
  }
  std::error_code ignored;
  if (!to.config.empty() && fs::is_directory(to.config, ignored)) {
    if (to.configuration.static_pod_path.empty()) to.configuration.static_pod_path = to.config;
  } else if (!to.config.empty()) {
    // Once more over the file's values: flags that were given win.
    KubeletFlags again = defaults;
    again.configuration = TRY(LoadConfiguration(to.config));
    raw = RawFlags();
    TRY(ParseOnce(args, again, raw, help));
    to = std::move(again);
  }
  const auto& unused = to.configuration.unused_fields;
  to.notes.insert(to.notes.end(), unused.begin(), unused.end());
  TRY(TakeRaw(raw, to));
  const std::string default_endpoint = KubeletConfiguration().container_runtime_endpoint;
  std::string& endpoint = to.configuration.container_runtime_endpoint;
  if (endpoint.empty()) endpoint = default_endpoint;
  if (endpoint != default_endpoint) to.containerd_dir.clear();
  if (const auto valid = ValidateKubeletConfiguration(to.configuration); !valid) {
    return Fail(Reason::kInvalid,
                fmt::format("failed to validate kubelet configuration, error: {}, path: {}",
                            valid.error().message, to.config));
  }
  return to;
}

}  // namespace skiff::kubelet
