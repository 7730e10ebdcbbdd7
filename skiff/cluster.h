// A whole cluster in one process: API server, controllers, scheduler, and either the kubelet and
// proxy of this machine or any number of simulated nodes. `skiff up` runs one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct ClusterOptions {
  std::string data_dir;
  std::string bind_address = "0.0.0.0";
  int secure_port = 6443;
  int kubelet_port = 10250;
  int simulated_nodes = 0;  // 0: this machine is the one node.
  std::string node_name;    // "": the host's name, in lower case.
  // One for each family of addresses, the primary one first, with a comma between (CidrsOf).
  std::string service_cidr = "10.96.0.0/16";
  std::string cluster_cidr = "10.244.0.0/16";
  std::string container_runtime_endpoint;   // "": find or start containerd.
  std::string iptables_flavour = "auto";    // Which one has the service rules: or nft, legacy.
  std::vector<std::string> image_archives;  // Loaded at the start: paths of tar files.
  std::string durability = "sync";
  std::string cluster_dns = "auto";  // "on", "off"; "auto": on unless nodes are simulated.
  int cluster_dns_port = 10053;      // On this node, behind the Service kube-system/kube-dns.
  bool ingress = true;               // Unless nodes are simulated.
  int ingress_http_port = 80;        // On this machine; 0: none.
  int ingress_https_port = 443;      // The same.
  int ingress_metrics_port = 10254;  // On its loopback; 0: none.
  // Flags of these programs beside those that follow from these options (program_arguments.h).
  std::vector<std::string> api_server_args = {};
  std::vector<std::string> controller_manager_args = {};
  std::vector<std::string> scheduler_args = {};
  Duration history = 10min;  // How far back the past can be read at least.
  Duration node_monitor_grace_period = 50s;
  Duration cluster_signing_duration = 24h * 365;  // Of the certificates that nodes ask for.
  int default_not_ready_toleration_s = 300;
  int default_unreachable_toleration_s = 300;
  // The kubelet's flags of these names; without thresholds, few are watched (kDiskPercentMin).
  std::vector<std::string> eviction_hard;
  Duration eviction_pressure_transition_period = 300s;
  std::vector<std::string> register_with_taints;  // Of this node when it is new: k=v:Effect.
  std::string bootstrap_token;  // "": machines join by tokens that are made later.
  std::string join_file;        // Where what lets machines in is written; "": nowhere.
  // Several servers share an etcd; without one, objects lie in the data directory of the only one.
  std::vector<std::string> etcd_servers;
  std::string etcd_ca_file, etcd_cert_file, etcd_key_file;
  // File of the API server's flag of that name; "": the one below, if it is there or asked for.
  std::string encryption_provider_config;
  bool secrets_encryption = false;  // Makes one in the data directory, with a key of its own.
  std::string control_plane_endpoint;  // HOST:PORT that leads to one of them; "": this server.
  // As `up` was given them, for who is told how to start the cluster again.
  std::vector<std::string> start_flags = {};
  bool is_server = true;        // False: a node of another machine's cluster.
  bool operator==(const ClusterOptions&) const = default;
};

// With less than this of its disk free, in bytes or in inodes, a node runs no pods, unless
// eviction_hard says otherwise.
inline constexpr int kDiskPercentMin = 3;

// Told what is being done, a line each.
using Progress = std::function<void(const std::string& line)>;

class Cluster {
 public:
  // Returns when the cluster is usable: the API answers and every node is Ready. Errors say what is
  // in the way and how to mend it.
  static Result<std::unique_ptr<Cluster>> Start(const ClusterOptions& options,
                                                const Progress& progress);
  // Stops what runs in this process. Containers, rules and files stay.
  ~Cluster();

 private:
  struct Parts;
  explicit Cluster(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Removes everything a cluster with this data directory has put on the machine: pods, containerd,
// network, service rules, and its files. The process must have ended. What other clusters of this
// machine use as well stays until the last of them goes. NotFound, and nothing is touched, where
// the directory holds no cluster.
Result<> RemoveCluster(const ClusterOptions& options, const Progress& progress);

// Of that all but the files, while the cluster is to be started again on them: what a container
// that shares the machine's network does when it is stopped. `keep_data`: images and volumes stay
// too.
Result<> LeaveMachine(const ClusterOptions& options, bool keep_data, const Progress& progress);

std::string AdminKubeconfigPath(const ClusterOptions& options);

}  // namespace skiff
