// What this machine is and has, as far as a cluster on it cares. Reading changes nothing on the
// machine but for probes that are taken away again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skiff/cluster.h"

namespace skiff {

struct PortFact {
  std::string address;  // That would be listened on.
  int port = 0;
  std::string flag;     // By which another can be chosen: "--secure-port"
  std::string problem;  // "" when it is free: "Address already in use"
  std::string holder;   // Who has it, where that can be seen: "nginx (process 17)"
};

struct LocalNetwork {
  std::string interface;  // "eth0"
  std::string cidr;       // "192.168.1.7/24"
};

// What is in the directory that the cluster would keep everything in.
struct DataDirFact {
  std::string problem;        // Why nothing can be written there; "" when it can.
  std::string narrowness;     // Why too little can be written there; "" when enough can.
  double free_percent = 100;  // Of its disk, of bytes or of inodes: what is less.
  bool exists = false;
  bool is_file = false;         // No directory at all.
  bool empty = true;            // But for what a mount has of its own.
  bool has_mark = false;        // WriteClusterMark wrote one: something was started from it.
  int simulated_nodes = 0;      // Of the mark.
  std::string up_command;       // Where there is one: what starts the cluster again as it was.
  bool has_containerd = false;  // Ours was started from it.
  bool locked = false;        // Another skiff runs on it.
  bool started = false;       // `skiff up` or `skiff join` began in it.
  bool foreign = false;       // It holds others' files, and nothing was begun in it.
  bool is_server = false;     // A cluster was made in it ...
  bool is_node = false;       // ... or a node that joined another's.
  std::string joined_server;  // Of a node: which.
  std::string service_cidr;   // With which that cluster was made; "" when unknown.
  std::string cluster_cidr;
};

struct HostFacts {
  bool is_root = false;
  bool may_mount = false;                     // CAP_SYS_ADMIN
  std::vector<std::string> missing_programs;  // Of containerd, runc.
  std::vector<std::string> missing_plugins;   // Of CNI's, in the folder that lacks fewest.
  std::string iptables_problem;               // "": it works.
  std::string runtime_problem;  // Of --container-runtime-endpoint, where one is given.
  std::string cgroup_problem;   // "": one can be made.
  bool has_cgroups = true;
  std::string overlay_problem;  // "": overlayfs works in the data directory.
  bool has_app_armor = false;   // Containers can have AppArmor profiles.
  bool has_haproxy = true;      // By which Ingresses are served.
  bool has_loopback = true;      // And it is up.
  bool has_ipv6 = true;          // It is not turned off, for links that are made later either.
  std::string nftables_problem;  // "": NetworkPolicies can be enforced.
  DataDirFact data_dir;
  std::vector<PortFact> ports;
  // Where Ingresses would be served; none while the HAProxy of this very cluster has them.
  std::vector<PortFact> ingress_ports;
  std::vector<LocalNetwork> networks;  // Without those of a cluster of ours.
  // Data directories of clusters whose nodes use this machine's network.
  std::vector<std::string> other_clusters;
};

// Where `skiff up` keeps everything unless it is told another place.
std::string DefaultDataDir();
// " --data-dir=DIRECTORY" behind a command that is told of, which would mean another cluster
// without it; "" of the default one, unless a kubeconfig of this environment names another.
std::string DataDirWords(const std::string& data_dir);

HostFacts ReadHostFacts(const ClusterOptions& options);
DataDirFact ReadDataDir(const std::string& directory);
// Whether a cluster or a node puts something of that name into its data directory.
bool IsOfDataDir(std::string_view name);

// DIR/cluster.json: with which CIDRs, simulated nodes and DNS the cluster of that directory was
// made, and by which flags it was started last.
Result<> WriteClusterMark(const ClusterOptions& options);
bool HasClusterMark(const std::string& data_dir);
// Takes them from there; where there is no such file they stay.
void ReadClusterMark(ClusterOptions& options);

}  // namespace skiff
