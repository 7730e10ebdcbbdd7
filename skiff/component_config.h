// The configuration files of kube-scheduler and kube-proxy: what of them has an effect here. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/pki.h"
#include "base/clock.h"
#include "base/error.h"
#include "controllers/scheduler/extenders/extender_options.h"
#include "controllers/scheduler/profile.h"
#include "controllers/scheduler/queue.h"
#include "skiff/component.h"

namespace skiff {

// kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration
struct SchedulerConfig {
  std::string kubeconfig;
  RateLimit limit{.qps = 50, .burst = 100};
  LeaderFlags leader{.name = "kube-scheduler"};
  std::vector<scheduler::Profile> profiles = {scheduler::Profile()};
  std::vector<scheduler::ExtenderOptions> extenders;
  scheduler::QueueDelays delays;
  bool is_cold_standby = false;            // One that waits to lead hears of nothing before.
  std::vector<std::string> unused_fields;  // A text each: of the file, and without effect here.
};
// Invalid names the field. `read` is asked for files that the configuration names.
Result<SchedulerConfig> ParseSchedulerConfig(
    const std::string& text,
    const std::function<Result<std::string>(const std::string& path)>& read = ReadWholeFile);

// kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration
struct ProxyConfig {
  std::string kubeconfig;
  RateLimit limit{.qps = 5, .burst = 10};
  std::string bind_address = "0.0.0.0";
  std::string healthz_bind_address = "0.0.0.0:10256";
  std::string metrics_bind_address = "127.0.0.1:10249";
  std::string cluster_cidr;
  std::string hostname_override;
  std::string mode;  // "" and "iptables"
  bool masquerade_all = false;
  bool localhost_node_ports = true;
  int masquerade_bit = 14;
  Duration sync_period = 30s;
  Duration min_sync_period = 100ms;
  std::vector<std::string> node_port_addresses;  // CIDRs, or "primary"; empty: all.
  std::string detect_local_mode = "ClusterCIDR";
  std::string bridge_interface;
  std::string interface_name_prefix;
  std::vector<std::string> unused_fields;  // A text each: of the file, and without effect here.
};
Result<ProxyConfig> ParseProxyConfig(const std::string& text);
// Of the file and the flags together.
Result<> ValidateProxyConfig(const ProxyConfig& config);

// One that kube-proxy proxies, whether it knows where pods of it are or not.
struct ProxiedFamily {
  bool v6 = false;
  std::string local;  // The range of local pods; "": it is not known.
  bool operator==(const ProxiedFamily&) const = default;
};
// Both, that of the first range first; IPv4 without any.
std::vector<ProxiedFamily> ProxiedFamilies(const std::vector<std::string>& local_ranges);

// "0.0.0.0:10256", "[::]:10256", "10.0.0.1" (then the port stays); "" is no address.
struct HostPort {
  std::string host;
  int port = 0;
};
Result<HostPort> ParseHostPort(const std::string& text, int default_port);

}  // namespace skiff
