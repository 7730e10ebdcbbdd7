// KubeletConfiguration (kubelet.config.k8s.io/v1beta1): the kubelet's configuration file, read
// strictly. Fields that this kubelet has no use for are known and checked all the same.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec/json.h"
#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet {

struct KubeletConfiguration {
  using TextMap = std::map<std::string, std::string>;
  bool enable_server = true;
  std::string address = "0.0.0.0";
  int port = 10250;
  std::string healthz_bind_address = "127.0.0.1";
  int healthz_port = 10248;  // 0: not served.
  std::string tls_cert_file, tls_private_key_file, client_ca_file;
  std::string tls_min_version;
  std::vector<std::string> tls_cipher_suites;
  bool takes_tokens = true;  // authentication.webhook.enabled
  bool enable_debugging_handlers = true;
  bool enable_system_log_handler = true;
  bool enable_debug_flags_handler = true;
  std::string static_pod_path;
  Duration file_check_frequency = 20s;
  std::string container_runtime_endpoint = "unix:///run/containerd/containerd.sock";
  Duration runtime_request_timeout = std::chrono::minutes(2);
  std::string pod_logs_dir = "/var/log/pods";
  std::string container_log_max_size = "10Mi";
  int container_log_max_files = 5;
  Duration container_log_monitor_interval = 10s;
  std::string cgroup_driver = "cgroupfs";
  std::string cgroup_root;
  int64_t pod_pids_limit = -1;  // 0 and below: a pod may have as many processes as the machine.
  bool cpu_cfs_quota = true;
  bool single_process_oom_kill = false;
  bool fail_swap_on = false, fail_cgroup_v1 = false;
  std::vector<std::string> enforce_node_allocatable = {"pods"};
  std::string resolv_conf = "/etc/resolv.conf";
  std::vector<std::string> cluster_dns;
  std::string cluster_domain;
  // Requests and events a second, and at once before that. A lease and the node's own status are
  // not held back.
  int kube_api_qps = 50, kube_api_burst = 100;
  int event_qps = 50, event_burst = 100;
  int max_pods = 110;
  int pods_per_core = 0;  // 0: no limit beside max_pods.
  bool protect_kernel_defaults = false;
  bool register_node = true;
  std::vector<core_v1::Taint> register_with_taints;
  std::string provider_id;
  int node_lease_duration_seconds = 40;
  Duration node_status_update_frequency = 10s;
  Duration node_status_report_frequency = 300s;
  int node_status_max_images = 50;
  // How many images the status of the node tells of; unset: all.
  std::optional<size_t> ImagesToldMax() const {
    if (node_status_max_images < 0) return std::nullopt;
    return static_cast<size_t>(node_status_max_images);
  }
  int image_gc_high_threshold_percent = 85;
  int image_gc_low_threshold_percent = 80;
  Duration image_minimum_gc_age = 120s;
  Duration image_maximum_gc_age{};  // 0: no image is too old.
  std::optional<bool> serialize_image_pulls;
  std::optional<int> max_parallel_image_pulls;
  // One after the other, unless told otherwise.
  bool PullsOneByOne() const {
    return serialize_image_pulls.value_or(max_parallel_image_pulls.value_or(1) == 1);
  }
  std::string image_pull_credentials_verification_policy = "NeverVerifyPreloadedImages";
  std::vector<std::string> preloaded_images_verification_allowlist;
  Duration max_container_restart_period = 300s;
  // Unset: the kubelet's defaults. What is given replaces all of them, unless merging is asked for.
  std::optional<TextMap> eviction_hard;
  bool merge_default_eviction_settings = false;
  TextMap eviction_soft, eviction_soft_grace_period, eviction_minimum_reclaim;
  Duration eviction_pressure_transition_period = 300s;
  int eviction_max_pod_grace_period = 0;
  TextMap system_reserved, kube_reserved;
  // Of the time of a shutdown, the second is what critical pods have; or each priority has its own.
  Duration shutdown_grace_period{}, shutdown_grace_period_critical_pods{};
  struct ShutdownPeriod {
    int32_t priority = 0;
    int64_t seconds = 0;
    bool operator==(const ShutdownPeriod&) const = default;
  };
  std::vector<ShutdownPeriod> shutdown_periods;
  std::vector<std::string> allowed_unsafe_sysctls;
  bool seccomp_default = false;
  int64_t ids_per_pod = 65'536;  // Of pods with users of their own.
  int verbosity = 0;
  std::string logging_format = "text";     // Or json.
  std::vector<std::string> unused_fields;  // A text each: of the file, and without effect here.
};

// The file's text. Fails with Invalid: "strict decoding error: unknown field \"foo\"", or Go's text
// of a value that does not fit.
Result<KubeletConfiguration> DecodeKubeletConfiguration(std::string_view text);

// As /configz shows it: what is in force, and of what has no effect what is done instead.
Json ShownConfiguration(const KubeletConfiguration& configuration);

// "invalid configuration: maxPods (--max-pods) -1 must not be a negative number", ...; all that is
// wrong, as one text.
Result<> ValidateKubeletConfiguration(const KubeletConfiguration& configuration);

// {"a=1", "b=2"}, a flag's form of a map; the separator of thresholds is '<'.
Result<KubeletConfiguration::TextMap> ParsePairs(const std::string& flag,
                                                 const std::vector<std::string>& items,
                                                 char separator);

// "node.kubernetes.io/x=y:NoSchedule", as --register-with-taints takes it.
Result<core_v1::Taint> ParseTaint(const std::string& text);

}  // namespace skiff::kubelet
