#include "skiff/checks.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <map>

#include "api/rules/core/ip.h"
#include "base/shell_word.h"
#include "kubelet/containerd_paths.h"
#include "skiff/cluster_ingress.h"
#include "skiff/cluster_ranges.h"

namespace skiff {
namespace {

constexpr size_t kSocketPathMax = sizeof(sockaddr_un::sun_path) - 1;

Check Ok(std::string name, std::string finding) {
  return {std::move(name), std::move(finding)};
}

Check Failed(std::string name, std::string finding, std::string remedy) {
  return {std::move(name), std::move(finding), std::move(remedy), CheckVerdict::kFailed};
}

// The first network of this machine that overlaps with the range.
std::optional<LocalNetwork> OverlappingNetwork(const HostFacts& facts, const Cidr& range) {
  for (const LocalNetwork& network : facts.networks) {
    const auto cidr = ParseCidr(network.cidr);
    if (cidr && Overlap(*cidr, range)) return network;
  }
  return std::nullopt;
}

}  // namespace

Check CheckRoot(const HostFacts& facts) {
  constexpr char kName[] = "root";
  if (!facts.is_root) {
    return Failed(kName, "containers need root",
                  "start skiff as root or with sudo; --nodes=N "
                  "simulates a cluster without root");
  }
  if (!facts.may_mount) {
    return Failed(kName, "this root may not mount (no CAP_SYS_ADMIN)",
                  "run the container that skiff runs in with --privileged");
  }
  return Ok(kName, "root with the rights to mount");
}

Check CheckPrograms(const HostFacts& facts) {
  constexpr char kName[] = "programs";
  if (facts.missing_programs.empty()) return Ok(kName, "containerd and runc are installed");
  return Failed(kName, fmt::format("not installed: {}", fmt::join(facts.missing_programs, ", ")),
                fmt::format("apt-get install {}, or name a runtime that runs already with "
                            "--container-runtime-endpoint",
                            fmt::join(facts.missing_programs, " ")));
}

Check CheckNetworkPlugins(const HostFacts& facts) {
  constexpr char kName[] = "network plugins";
  if (facts.missing_plugins.empty()) return Ok(kName, "CNI's plugins are installed");
  return Failed(
      kName,
      fmt::format("CNI's plugins are not installed: {}", fmt::join(facts.missing_plugins, ", ")),
      "apt-get install containernetworking-plugins");
}

Check CheckIptables(const HostFacts& facts) {
  constexpr char kName[] = "iptables";
  if (facts.iptables_problem.empty()) return Ok(kName, "works");
  return Failed(kName, facts.iptables_problem,
                "apt-get install iptables; in a container, run it with --privileged or --cap-add "
                "NET_ADMIN; where the kernel lacks nftables, `update-alternatives --set iptables "
                "/usr/sbin/iptables-legacy`");
}

Check CheckRuntime(const HostFacts& facts) {
  constexpr char kName[] = "container runtime";
  if (facts.runtime_problem.empty()) return Ok(kName, "answers CRI");
  return Failed(kName, facts.runtime_problem,
                "start that runtime with its CRI plugin on, or leave --container-runtime-endpoint "
                "out: skiff then runs containerd itself");
}

Check CheckCgroups(const HostFacts& facts) {
  constexpr char kName[] = "cgroups";
  if (!facts.has_cgroups) {
    return Failed(kName, "no cgroups are mounted",
                  "mount -t cgroup2 none /sys/fs/cgroup; in a container, share the host's: -v "
                  "/sys/fs/cgroup:/sys/fs/cgroup:rw");
  }
  if (facts.cgroup_problem.empty()) return Ok(kName, "can be made");
  return Failed(kName, "no cgroup can be made: " + facts.cgroup_problem,
                "in a container, run it with --privileged, or with --cgroupns host -v "
                "/sys/fs/cgroup:/sys/fs/cgroup:rw");
}

Check CheckOverlay(const HostFacts& facts) {
  constexpr char kName[] = "overlayfs";
  if (facts.overlay_problem.empty()) return Ok(kName, "works in the data directory");
  return {kName,
          fmt::format("does not work in the data directory ({}): images are copied for each "
                      "container instead",
                      facts.overlay_problem),
          "put the data directory on a volume of its own", CheckVerdict::kWarning};
}

Check CheckNetworkPolicies(const HostFacts& facts) {
  constexpr char kName[] = "network policies";
  if (facts.nftables_problem.empty()) return Ok(kName, "nftables works");
  return {kName, facts.nftables_problem + ": NetworkPolicies are not enforced for this node's pods",
          "apt-get install nftables; the kernel needs nf_tables (modprobe nf_tables)",
          CheckVerdict::kWarning};
}

Check CheckIngress(const HostFacts& facts) {
  constexpr char kName[] = "ingress";
  if (facts.has_haproxy) return Ok(kName, "haproxy is installed");
  return {kName, "haproxy is not installed: Ingresses are not served",
          "apt-get install haproxy, or --ingress=false", CheckVerdict::kWarning};
}

Check CheckIsolation(const HostFacts& facts) {
  const char* app_armor = facts.has_app_armor ? "" : "AppArmor profiles (not enabled here), ";
  return Ok("isolation", fmt::format("pods are refused that ask for {}unsafe sysctls, or, where "
                                     "containerd is older than 2, user namespaces (hostUsers: "
                                     "false)",
                                     app_armor));
}

Check CheckLoopback(const HostFacts& facts) {
  constexpr char kName[] = "loopback";
  if (facts.has_loopback) return Ok(kName, "up");
  return Failed(kName, "it is down: nobody on this machine reaches what listens on it",
                "ip link set lo up");
}

Check CheckDisk(const HostFacts& facts, const ClusterOptions& options) {
  constexpr char kName[] = "disk";
  const double free = facts.data_dir.free_percent;
  const std::string finding = fmt::format("{:.1f} % of the data directory's is free", free);
  if (free >= kDiskPercentMin || !options.eviction_hard.empty()) return Ok(kName, finding);
  return {kName,
          fmt::format("{}, and with less than {} % this machine's node runs no pods", finding,
                      kDiskPercentMin),
          "make room there, choose another with --data-dir, or say how little is enough with "
          "--eviction-hard='nodefs.available<100Mi'",
          CheckVerdict::kWarning};
}

Check CheckDataDir(const HostFacts& facts, const ClusterOptions& options) {
  const std::string name = "data directory " + options.data_dir;
  const DataDirFact& found = facts.data_dir;
  const std::string another = "choose another with --data-dir";
  const std::string down = fmt::format("`skiff down{}`", DataDirWords(options.data_dir));
  if (!found.problem.empty()) {
    return Failed(name, "cannot be written: " + found.problem,
                  another + ", or run as its owner; a read-only disk must be mended first");
  }
  if (!found.narrowness.empty()) {
    return Failed(name, "has too little room: " + found.narrowness,
                  another + ", or make room on its disk first");
  }
  const size_t socket_length = ContainerdPaths(options.data_dir).Socket().size();
  const bool has_containerd =
      options.simulated_nodes == 0 && options.container_runtime_endpoint.empty();
  if (has_containerd && socket_length > kSocketPathMax) {
    return Failed(name,
                  fmt::format("is {} characters too long for containerd's socket in it",
                              socket_length - kSocketPathMax),
                  another + " that has a shorter path");
  }
  if (found.locked) {
    return Failed(name, "another skiff runs on it",
                  fmt::format("end it with `skiff down --keep-data --data-dir={}`, or {}",
                              ShellWord(options.data_dir), another));
  }
  if (found.foreign) {
    return Failed(name, "holds files that are no cluster's",
                  another + ": an empty directory, or one that does not exist yet");
  }
  if (!options.is_server) {
    if (!found.is_server) return Ok(name, found.is_node ? "holds this node" : "can be written");
    return Failed(name, "holds a cluster of its own",
                  down + " removes that cluster; or " + another);
  }
  if (found.is_node) {
    return Failed(name, "belongs to a node that joined the cluster at " + found.joined_server,
                  down + " takes this machine out of that cluster; or " + another);
  }
  const auto differs = [](const std::string& before, const std::string& now) {
    return !before.empty() && before != now;
  };
  if (differs(found.service_cidr, options.service_cidr) ||
      differs(found.cluster_cidr, options.cluster_cidr)) {
    return Failed(name,
                  fmt::format("belongs to a cluster with services in {} and pods in {}",
                              found.service_cidr, found.cluster_cidr),
                  fmt::format("start it with --service-cluster-ip-range={} --cluster-cidr={}, "
                              "remove it with {}, or {}",
                              found.service_cidr, found.cluster_cidr, down, another));
  }
  // What the one kind has put on the machine the other does not take away.
  if (found.has_mark && (found.simulated_nodes > 0) != (options.simulated_nodes > 0)) {
    const bool simulated = found.simulated_nodes > 0;
    return Failed(name,
                  simulated
                      ? fmt::format("holds a cluster of {} simulated node{}", found.simulated_nodes,
                                    found.simulated_nodes == 1 ? "" : "s")
                      : std::string("holds a cluster whose nodes run containers"),
                  fmt::format("start it as it was by `{}`, remove it with {}, or {}",
                              found.up_command, down, another));
  }
  return Ok(name, found.is_server ? "holds a cluster" : "can be written");
}

Check CheckPort(const PortFact& port) {
  const std::string name = fmt::format("port {}", port.port);
  if (port.problem.empty()) return Ok(name, "free");
  const std::string who = port.holder.empty() ? "another program" : port.holder;
  if (port.problem != "Address already in use") {
    return Failed(
        name, fmt::format("{}:{} cannot be listened on: {}", port.address, port.port, port.problem),
        fmt::format("choose another port with {} (below 1024 only root may), or an "
                    "address of this machine with --bind-address",
                    port.flag));
  }
  return Failed(name, fmt::format("is taken by {}", who),
                fmt::format("end that, or choose another port with {}", port.flag));
}

Check CheckIngressPort(const PortFact& port) {
  Check check = CheckPort(port);
  check.name += " (Ingresses)";
  if (check.verdict != CheckVerdict::kFailed) return check;
  check.verdict = CheckVerdict::kWarning;
  check.finding += ": Ingresses are not served there";
  check.remedy += "; 0 is none";
  return check;
}

Check CheckPortClash(const ClusterOptions& options) {
  const std::pair<const char*, int> all[] = {
      {"--secure-port", options.is_server ? options.secure_port : 0},
      {"--kubelet-port", options.kubelet_port},
      {"--cluster-dns-port", options.cluster_dns == "off" ? 0 : options.cluster_dns_port},
      {"--ingress-http-port", IsIngressWanted(options) ? options.ingress_http_port : 0},
      {"--ingress-https-port", IsIngressWanted(options) ? options.ingress_https_port : 0},
      {"--ingress-metrics-port", IsIngressWanted(options) ? options.ingress_metrics_port : 0}};
  constexpr char kName[] = "ports";
  std::map<int, const char*> taken;
  for (const auto& [flag, port] : all) {
    if (port == 0) continue;
    const auto [first, is_new] = taken.emplace(port, flag);
    if (is_new) continue;
    return Failed(kName, fmt::format("{} and {} are both {}", first->second, flag, port),
                  fmt::format("choose another port with {}", flag));
  }
  return Ok(kName, "each is for one purpose");
}

Check CheckOtherClusters(const HostFacts& facts) {
  constexpr char kName[] = "other clusters";
  if (facts.other_clusters.empty()) return Ok(kName, "none uses this machine's network");
  const std::string& other = facts.other_clusters.front();
  return Failed(kName,
                fmt::format("the cluster of {} has its node on this machine's network: two would "
                            "take away each other's services and addresses",
                            other),
                fmt::format("remove that one with `skiff down --data-dir={}`, run this one in "
                            "containers with --docker, or simulate it with --nodes=N",
                            ShellWord(other)));
}

Check CheckCidrs(const HostFacts& facts, const ClusterOptions& options) {
  constexpr char kName[] = "addresses of services and pods";
  const struct {
    const std::string& text;
    const char* flag;
    const char* example;
    const char* example_ipv6;
  } ranges[] = {
      {options.service_cidr, "--service-cluster-ip-range", "10.112.0.0/16", "fd00:10:112::/112"},
      {options.cluster_cidr, "--cluster-cidr", "10.240.0.0/16", "fd00:10:240::/56"}};
  if (options.simulated_nodes == 0 && HasIpv6(options.cluster_cidr) && !facts.has_ipv6) {
    return Failed(
        kName,
        fmt::format("{} has IPv6, which is turned off on this machine", options.cluster_cidr),
        "turn it on: `sysctl -w net.ipv6.conf.all.disable_ipv6=0 "
        "net.ipv6.conf.default.disable_ipv6=0`, or, where there is no such sysctl, start its "
        "kernel "
        "without ipv6.disable=1");
  }
  std::vector<Cidr> all;
  for (const auto& range : ranges) {
    for (const std::string& text : CidrsOf(range.text)) {
      const auto cidr = ParseCidr(text);
      if (!cidr) {
        return Failed(kName, fmt::format("{}={} is no CIDR", range.flag, text),
                      fmt::format("write it like {}={}", range.flag, range.example));
      }
      all.push_back(*cidr);
      const char* example = cidr->address.v6 ? range.example_ipv6 : range.example;
      // What is simulated is reached by nobody.
      const auto network =
          options.simulated_nodes > 0 ? std::nullopt : OverlappingNetwork(facts, *cidr);
      if (network) {
        return Failed(kName,
                      fmt::format("{} overlaps with this machine's network {} on {}: one of the "
                                  "two could not be reached",
                                  text, network->cidr, network->interface),
                      options.is_server
                          ? fmt::format("choose a range that is free with {}, such as {}",
                                        range.flag, example)
                          : fmt::format("give this machine's network another range, or make the "
                                        "cluster with another one: `skiff up {}={}`, for example",
                                        range.flag, example));
      }
    }
  }
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (!Overlap(all[i], all[j])) continue;
      return Failed(kName,
                    fmt::format("services ({}) and pods ({}) overlap", options.service_cidr,
                                options.cluster_cidr),
                    "choose ranges that do not with --service-cluster-ip-range and --cluster-cidr");
    }
  }
  return Ok(kName, fmt::format("{} and {} are free", options.service_cidr, options.cluster_cidr));
}

std::vector<Check> AllChecks(const HostFacts& facts, const ClusterOptions& options) {
  std::vector<Check> checks;
  const bool runs_containers = options.simulated_nodes == 0;
  if (runs_containers) {
    checks.push_back(CheckRoot(facts));
    if (options.container_runtime_endpoint.empty()) {
      checks.push_back(CheckPrograms(facts));
      checks.push_back(CheckOverlay(facts));
    } else {
      checks.push_back(CheckRuntime(facts));
    }
    checks.push_back(CheckNetworkPlugins(facts));
    checks.push_back(CheckIptables(facts));
    checks.push_back(CheckNetworkPolicies(facts));
    checks.push_back(CheckCgroups(facts));
    checks.push_back(CheckIsolation(facts));
    if (options.is_server && options.ingress) checks.push_back(CheckIngress(facts));
  }
  if (runs_containers) checks.push_back(CheckDisk(facts, options));
  checks.push_back(CheckDataDir(facts, options));
  checks.push_back(CheckLoopback(facts));
  if (runs_containers) checks.push_back(CheckPortClash(options));
  for (const PortFact& port : facts.ports) checks.push_back(CheckPort(port));
  for (const PortFact& port : facts.ingress_ports) checks.push_back(CheckIngressPort(port));
  // A machine that joins is told them by the cluster.
  const bool are_known = options.is_server || !options.cluster_cidr.empty();
  if (runs_containers && options.is_server) checks.push_back(CheckOtherClusters(facts));
  if (runs_containers && are_known) checks.push_back(CheckCidrs(facts, options));
  return checks;
}

}  // namespace skiff
