#include "skiff/host_facts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "api/values.h"
#include "apiserver/auth/pki.h"
#include "base/capabilities.h"
#include "base/process.h"
#include "base/shell_word.h"
#include "base/wrong_clock.h"
#include "kubelet/containerd.h"
#include "kubelet/containerd_host.h"
#include "kubelet/containerd_paths.h"
#include "kubelet/network/cni_config.h"
#include "proxy/netfilter.h"
#include "proxy/policy/nft.h"
#include "skiff/cluster_choice.h"
#include "skiff/cluster_ingress.h"
#include "skiff/cluster_ranges.h"
#include "skiff/daemon.h"
#include "skiff/given_flags.h"
#include "skiff/machine_network.h"
#include "skiff/node_certificates.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFreeBytesMin = 64 << 20;
constexpr char kMark[] = "/cluster.json";
// What a cluster or a node puts into its data directory.
constexpr std::string_view kOurs[] = {"cluster.json",
                                      "kubelet.conf",
                                      "admin.kubeconfig",
                                      "skiff.log",
                                      "skiff.pid",
                                      "skiff.pid.started",
                                      "store",
                                      "lock",
                                      "pki",
                                      "containerd",
                                      "kubelet",
                                      "cni",
                                      "logs",
                                      "local-path",
                                      "service-account.key",
                                      "manifests",
                                      "forwarding.undo",
                                      "simulated.sock",
                                      "ingress",
                                      "checkpoints",
                                      "restore.new",
                                      "restore.old",
                                      "fork.json",
                                      "network-policies",
                                      "encryption-config.yaml",
                                      "encryption-config.made",
                                      kClockFaultsFile};
// What a mount point has of its own.
constexpr std::string_view kOfMounts = "lost+found";

// The directory itself, or the nearest one above it that exists.
std::string ExistingPart(fs::path directory) {
  std::error_code error;
  directory = fs::absolute(directory, error);
  while (!fs::exists(directory, error) && directory.has_relative_path()) {
    directory = directory.parent_path();
  }
  return directory.string();
}

void ReadCgroups(HostFacts& facts) {
  const auto memory = CgroupMount("memory");
  const auto mount = memory ? memory : CgroupMount("");
  facts.has_cgroups = mount.has_value();
  if (!mount || !facts.is_root) return;
  const std::string probe = *mount + "/skiff-probe-" + std::to_string(getpid());
  std::error_code error;
  if (!fs::create_directory(probe, error)) facts.cgroup_problem = *mount + ": " + error.message();
  fs::remove(probe, error);
}

// A file system that does not count (of inodes, btrfs) has all of them free.
double PercentFree(uint64_t free, uint64_t all) {
  return all == 0 ? 100 : 100.0 * static_cast<double>(free) / static_cast<double>(all);
}

double PercentFreeOnDiskOf(const std::string& directory) {
  struct statvfs disk {};
  if (statvfs(ExistingPart(directory).c_str(), &disk) != 0) return 100;
  return std::min(PercentFree(disk.f_bavail, disk.f_blocks),
                  PercentFree(disk.f_favail, disk.f_files));
}

std::string WriteProblem(const std::string& directory) {
  const std::string existing = ExistingPart(directory);
  std::error_code error;
  if (!fs::is_directory(existing, error)) return existing + " is no directory";
  if (access(existing.c_str(), W_OK | X_OK) != 0) return existing + ": " + std::strerror(errno);
  struct statvfs disk {};
  if (statvfs(existing.c_str(), &disk) != 0) return existing + ": " + std::strerror(errno);
  return "";
}

std::string NarrownessOf(const std::string& directory) {
  struct statvfs disk {};
  if (statvfs(ExistingPart(directory).c_str(), &disk) != 0) return "";
  const uint64_t free_bytes = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free_bytes >= kFreeBytesMin) return "";
  return fmt::format("only {} MB are free on its disk, and {} MB are wanted at least",
                     free_bytes >> 20, kFreeBytesMin >> 20);
}

// Inodes of the sockets that listen on a TCP port.
std::set<std::string> ListeningInodes(int port) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, skip, inode;
      fields >> number >> local >> remote >> state;
      for (int i = 0; i < 5; ++i) fields >> skip;
      fields >> inode;
      const size_t colon = local.rfind(':');
      constexpr std::string_view kListen = "0A";
      if (state != kListen || colon == std::string::npos) continue;
      if (std::strtol(local.c_str() + colon + 1, nullptr, 16) == port) inodes.insert(inode);
    }
  }
  return inodes;
}

// "nginx (process 17)"; "" where that cannot be seen.
std::string HolderOf(int port) {
  const auto inodes = ListeningInodes(port);
  std::error_code error;
  for (const auto& process : fs::directory_iterator("/proc", error)) {
    const std::string pid = process.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const auto& file : fs::directory_iterator(process.path() / "fd", error)) {
      const std::string target = fs::read_symlink(file.path(), error);
      constexpr std::string_view kSocket = "socket:[";
      if (!target.starts_with(kSocket)) continue;
      if (!inodes.contains(target.substr(kSocket.size(), target.size() - kSocket.size() - 1))) {
        continue;
      }
      std::string name;
      std::getline(std::ifstream(process.path() / "comm"), name);
      return name + " (process " + pid + ")";
    }
  }
  return "";
}

constexpr int kNoAddress = -1;

// 0: one can listen there. Of IPv6 alone, or at "::" by either family.
int ListenError(const std::string& address, int port, bool v6_only) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_in);
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(port));
  } else if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    size = sizeof(sockaddr_in6);
  } else {
    return kNoAddress;
  }
  const int file = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return errno;
  const int on = 1;
  const int only = v6_only ? 1 : 0;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (storage.ss_family == AF_INET6) {
    setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  const bool listens =
      bind(file, reinterpret_cast<sockaddr*>(&storage), size) == 0 && listen(file, 1) == 0;
  const int error = listens ? 0 : errno;
  close(file);
  return error;
}

void NoteProblem(int error, PortFact& fact) {
  if (error == 0) return;
  fact.problem = error == kNoAddress ? "no IP address" : std::strerror(error);
  if (error == EADDRINUSE) fact.holder = HolderOf(fact.port);
}

// As our servers listen: at 0.0.0.0 by IPv6 as well, where the kernel has it.
PortFact ReadPort(const std::string& address, int port, const std::string& flag) {
  PortFact fact{.address = address, .port = port, .flag = flag};
  int error = ListenError(address == "0.0.0.0" ? "::" : address, port, false);
  if (error == EAFNOSUPPORT) error = ListenError(address, port, false);
  NoteProblem(error, fact);
  return fact;
}

// As HAProxy does: at each address by its own family.
PortFact ReadIngressPort(const std::vector<std::string>& addresses, int port,
                         const std::string& flag) {
  PortFact fact{.port = port, .flag = flag};
  for (const std::string& address : addresses) {
    fact.address = address;
    NoteProblem(ListenError(address, port, true), fact);
    if (!fact.problem.empty()) break;
  }
  return fact;
}

int PrefixLength(const sockaddr* mask) {
  if (mask == nullptr) return 0;
  const auto* bytes =
      mask->sa_family == AF_INET
          ? reinterpret_cast<const uint8_t*>(&reinterpret_cast<const sockaddr_in*>(mask)->sin_addr)
          : reinterpret_cast<const uint8_t*>(
                &reinterpret_cast<const sockaddr_in6*>(mask)->sin6_addr);
  int length = 0;
  for (int i = 0; i < (mask->sa_family == AF_INET ? 4 : 16); ++i) length += std::popcount(bytes[i]);
  return length;
}

// Pods' cables and our tunnels lie in the pods' range, as they should.
bool IsClusterInterface(std::string_view name) {
  return name.starts_with("skiff") || name.starts_with("veth");
}

std::vector<LocalNetwork> ReadNetworks() {
  std::vector<LocalNetwork> networks;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return networks;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    const int family = at->ifa_addr->sa_family;
    if ((family != AF_INET && family != AF_INET6) || IsClusterInterface(at->ifa_name)) continue;
    const void* bytes = family == AF_INET
                            ? static_cast<const void*>(
                                  &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr)
                            : static_cast<const void*>(
                                  &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr);
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(family, bytes, text, sizeof text);
    networks.push_back(
        {at->ifa_name, std::string(text) + "/" + std::to_string(PrefixLength(at->ifa_netmask))});
  }
  freeifaddrs(list);
  return networks;
}

// A network of one's own begins with one that is down.
bool IsLoopbackUp() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return true;
  bool is_there = false, is_up = false;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    const bool is_loopback = (at->ifa_flags & IFF_LOOPBACK) != 0;
    is_there = is_there || is_loopback;
    is_up = is_up || (is_loopback && (at->ifa_flags & IFF_UP) != 0);
  }
  freeifaddrs(list);
  return is_up || !is_there;
}

bool IsIpv6On() {
  for (const char* links : {"all", "default"}) {
    std::string off = "1";  // Without the file the kernel has none.
    std::ifstream(std::string("/proc/sys/net/ipv6/conf/") + links + "/disable_ipv6") >> off;
    if (off != "0") return false;
  }
  return true;
}

Result<> TryIptables(const std::string& flavour, bool ipv6) {
  const auto wanted = TRY(proxy::ParseIptablesFlavour(flavour));
  TRY(proxy::ChooseIptables(proxy::IpFamily::kIpv4, wanted));
  if (ipv6) TRY(proxy::ChooseIptables(proxy::IpFamily::kIpv6, wanted));
  return {};
}

std::vector<std::string> OtherClusters(const std::string& data_dir) {
  auto others = MachineNetwork().Others(data_dir);
  // The same directory may be written in two ways.
  std::erase_if(others, [&](const std::string& other) {
    std::error_code ignored;
    return fs::equivalent(other, data_dir, ignored);
  });
  return others;
}

void ReadContainers(const ClusterOptions& options, HostFacts& facts) {
  facts.missing_plugins = FindCniPlugins().missing;
  facts.has_app_armor = HasAppArmor();
  facts.has_haproxy = FindProgram("haproxy").has_value();
  ReadCgroups(facts);
  if (!facts.is_root || !facts.may_mount) return;
  if (const auto usable = TryIptables(options.iptables_flavour, HasIpv6(options.cluster_cidr));
      !usable) {
    facts.iptables_problem = usable.error().message;
  }
  facts.nftables_problem = netpol::NftTrouble();
  if (!options.container_runtime_endpoint.empty()) {
    const auto problems = ContainerdProblems({.endpoint = options.container_runtime_endpoint,
                                              .directory = options.data_dir,
                                              .use_system = false});
    if (!problems.empty()) facts.runtime_problem = problems.front();
    return;
  }
  for (const char* program : {"containerd", "runc"}) {
    if (!FindProgram(program)) facts.missing_programs.emplace_back(program);
  }
  if (facts.data_dir.problem.empty()) {
    const ContainerdHost host = InspectHost(ExistingPart(options.data_dir));
    if (host.snapshotter != "overlayfs" && !host.notes.empty()) {
      facts.overlay_problem = "mounting one there fails";
    }
  }
}

void ReadIngressPorts(const ClusterOptions& options, HostFacts& facts) {
  if (IngressRuns(options.data_dir)) return;
  std::vector<std::string> all = {"0.0.0.0"};
  if (HasIpv6(options.cluster_cidr)) all.emplace_back("::");
  const struct {
    std::vector<std::string> addresses;
    int port;
    const char* flag;
  } ports[] = {{all, options.ingress_http_port, "--ingress-http-port"},
               {all, options.ingress_https_port, "--ingress-https-port"},
               {{"127.0.0.1"}, options.ingress_metrics_port, "--ingress-metrics-port"}};
  for (const auto& [addresses, port, flag] : ports) {
    if (port != 0) facts.ingress_ports.push_back(ReadIngressPort(addresses, port, flag));
  }
}

Json ReadMark(const std::string& data_dir) {
  const auto text = ReadWholeFile(data_dir + kMark);
  return Json::parse(text.value_or(""), nullptr, false);
}

// Other programs have a `store`, a `pki` and a `kubelet.conf`, too: kubeadm in /etc/kubernetes.
bool WasStarted(const std::string& directory) {
  if (HasClusterMark(directory)) return true;
  constexpr const char* kTelling[] = {"/skiff.log", "/skiff.pid",
                                      "/pki/kubelet-client-current.pem"};
  return std::any_of(std::begin(kTelling), std::end(kTelling), [&](const char* name) {
    std::error_code error;
    return fs::is_regular_file(directory + name, error);
  });
}

}  // namespace

std::string DefaultDataDir() {
  if (geteuid() == 0) return "/var/lib/skiff";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '\0') home = nullptr;
  // Below /tmp others could have made it before.
  const passwd* const known = home == nullptr ? getpwuid(geteuid()) : nullptr;
  if (known != nullptr) home = known->pw_dir;
  return std::string(home == nullptr ? "/nonexistent" : home) + "/.local/share/skiff";
}

std::string DataDirWords(const std::string& data_dir) {
  const bool goes_without = data_dir == DefaultDataDir() && !IsAnotherMeant(data_dir);
  return goes_without ? "" : " --data-dir=" + ShellWord(data_dir);
}

bool IsOfDataDir(std::string_view name) {
  // Files are written beside what they replace.
  constexpr std::string_view kUnfinished = ".new";
  if (name.ends_with(kUnfinished)) name.remove_suffix(kUnfinished.size());
  return std::find(std::begin(kOurs), std::end(kOurs), name) != std::end(kOurs);
}

DataDirFact ReadDataDir(const std::string& directory) {
  DataDirFact found;
  found.problem = WriteProblem(directory);
  found.narrowness = NarrownessOf(directory);
  found.free_percent = PercentFreeOnDiskOf(directory);
  std::error_code error;
  found.exists = fs::is_directory(directory, error);
  found.is_file = !found.exists && fs::exists(directory, error);
  found.locked = IsDataDirLocked(directory);
  bool has_others = false;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    found.empty &= name == kOfMounts;
    has_others |= name != kOfMounts && !IsOfDataDir(name);
  }
  found.started = WasStarted(directory);
  found.foreign = has_others && !found.started;
  // Over an etcd there is no store.
  found.is_server =
      fs::exists(directory + "/store", error) || fs::exists(directory + "/admin.kubeconfig", error);
  if (!found.is_server) {
    if (const auto identity = LoadNodeIdentity(directory)) {
      found.is_node = true;
      found.joined_server = identity->server;
    }
  }
  ClusterOptions made{.data_dir = directory, .service_cidr = "", .cluster_cidr = ""};
  ReadClusterMark(made);
  found.has_mark = HasClusterMark(directory);
  if (found.has_mark) found.up_command = UpCommandOf(directory);
  found.has_containerd = fs::exists(ContainerdPaths(directory).ConfigFile(), error);
  found.simulated_nodes = made.simulated_nodes;
  found.service_cidr = made.service_cidr;
  found.cluster_cidr = made.cluster_cidr;
  return found;
}

HostFacts ReadHostFacts(const ClusterOptions& options) {
  HostFacts facts;
  facts.is_root = geteuid() == 0;
  facts.may_mount = HasCapability(Capability::kSysAdmin);
  facts.data_dir = ReadDataDir(options.data_dir);
  facts.has_loopback = IsLoopbackUp();
  if (options.is_server) {
    facts.ports.push_back(ReadPort(options.bind_address, options.secure_port, "--secure-port"));
  }
  if (options.simulated_nodes > 0) return facts;
  facts.ports.push_back(ReadPort("0.0.0.0", options.kubelet_port, "--kubelet-port"));
  facts.networks = ReadNetworks();
  facts.has_ipv6 = IsIpv6On();
  if (options.is_server && IsIngressWanted(options)) ReadIngressPorts(options, facts);
  if (options.is_server) facts.other_clusters = OtherClusters(options.data_dir);
  ReadContainers(options, facts);
  return facts;
}

bool HasClusterMark(const std::string& data_dir) {
  const Json mark = ReadMark(data_dir);
  return mark.is_object() && mark.contains("serviceCidr") && mark.contains("simulatedNodes");
}

void ReadClusterMark(ClusterOptions& options) {
  const Json mark = ReadMark(options.data_dir);
  if (!mark.is_object()) return;
  // Somebody else's file of that name may hold anything.
  const auto text = [&](const char* name, std::string& value) {
    const auto found = mark.find(name);
    if (found != mark.end() && found->is_string()) value = found->get<std::string>();
  };
  text("serviceCidr", options.service_cidr);
  text("clusterCidr", options.cluster_cidr);
  text("clusterDns", options.cluster_dns);
  options.start_flags.clear();
  const Json flags = mark.value("startFlags", Json::array());
  for (const Json& flag : flags) {
    if (flag.is_string()) options.start_flags.push_back(flag.get<std::string>());
  }
  const auto nodes = mark.find("simulatedNodes");
  if (nodes != mark.end() && nodes->is_number_integer()) {
    options.simulated_nodes = nodes->get<int>();
  }
}

Result<> WriteClusterMark(const ClusterOptions& options) {
  const Json mark = {{"serviceCidr", options.service_cidr},
                     {"clusterCidr", options.cluster_cidr},
                     {"simulatedNodes", options.simulated_nodes},
                     {"clusterDns", options.cluster_dns},
                     {"startFlags", options.start_flags}};
  return WriteWholeFile(options.data_dir + kMark, mark.dump() + "\n", 0644);
}

}  // namespace skiff
