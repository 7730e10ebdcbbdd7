#include "skiff/chaos/places.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "api/pods/mirror_pods.h"
#include "api/rules/core/ip.h"
#include "kubelet/static_pod.h"
#include "skiff/chaos/machine.h"
#include "skiff/docker_engine.h"

namespace skiff::chaos {
namespace {

using core_v1::Namespace;
using core_v1::Node;
using core_v1::Pod;

// Names that could have been meant, a few of them.
template <typename Object>
std::string NamesThere(const Result<std::vector<Ptr<Object>>>& objects, const std::string& what) {
  constexpr size_t kNamesMax = 8;
  if (!objects || objects->empty()) return "; there are no " + what + "s";
  std::string names;
  for (size_t i = 0; i < objects->size() && i < kNamesMax; ++i) {
    names += fmt::format("{}{}/{}", names.empty() ? "" : ", ", what, (*objects)[i]->metadata.name);
  }
  return "; there are: " + names + (objects->size() > kNamesMax ? ", ..." : "");
}

// Cgroups are found by them: anything else that a node says, or who made a pod, might be in the
// name of a group that is another's.
constexpr size_t kHashDigits = 32;
constexpr size_t kContainerIdDigits = 64;
bool IsHexOf(size_t digits, const std::string& text) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// It becomes part of what root has nft do.
void AddAddress(const std::string& text, std::vector<std::string>& cidrs) {
  const auto address = ParseIp(text);
  if (address) cidrs.push_back(fmt::format("{}/{}", address->Text(), address->bit_count()));
}

std::string Bare(const std::string& cidr) {
  return cidr.substr(0, cidr.find('/'));
}

// Fills in what the network of its holder shows.
Result<> LookAtNetwork(Place& place) {
  const NetworkFact network = TRY(ReadNetwork(place.holder));
  place.has_hosts_network = network.is_hosts;
  place.has_callers_network = network.is_callers;
  std::vector<std::string> own;
  for (const std::string& cidr : place.addresses) own.push_back(Bare(cidr));
  place.device = network.DeviceOf(own);
  return {};
}

// What the Docker engine knows of a container of that name that is a cluster's.
struct NodeContainer {
  ProcessId process;
  std::string id;
};
std::optional<NodeContainer> ContainerNamed(const std::string& name) {
  if (!FindProgram("docker")) return std::nullopt;
  const std::string format = fmt::format(
      "{{{{.State.Pid}}}} {{{{.Id}}}} {{{{index .Config.Labels \"{}\"}}}}", kDockerClusterLabel);
  const auto printed = Docker({"container", "inspect", "--format", format, name});
  if (!printed) return std::nullopt;
  std::istringstream in(*printed);
  int pid = 0;
  NodeContainer container;
  std::string cluster;
  if (!(in >> pid >> container.id >> cluster) || cluster == "<no") return std::nullopt;
  // Of an engine elsewhere that number is another process here, or none.
  for (const ProcessId& process : ProcessesIn({container.id})) {
    if (process.pid == pid) container.process = process;
  }
  return container;
}

Result<Place> FindNode(Client& client, const Request& request, const Target& target) {
  const auto found = client.Get<Node>({"", target.name});
  if (!found) {
    if (found.error().reason != Reason::kNotFound) return Fail(found.error());
    return Fail(Reason::kNotFound, fmt::format("there is no {}{}", target.Text(),
                                               NamesThere(client.List<Node>(), "node")));
  }
  const Node& node = **found;
  Place place{.target = target, .uid = node.metadata.uid};
  place.is_simulated = node.status.node_info.container_runtime_version.starts_with("fake://");
  place.addresses = AddressesOf(node);
  std::vector<std::string> own;
  for (const auto& address : node.status.addresses) {
    if (address.type == "InternalIP") own.push_back(address.address);
  }
  place.directory = "/var/lib/skiff";
  const auto container = ContainerNamed(target.name);
  if (container) {
    place.docker = target.name;
    place.groups = {container->id};
    place.holder = container->process;
    place.elsewhere =
        "is a container that does not run on this machine; start it, or run this where its Docker "
        "engine is";
  } else {
    // Of this machine's processes the first one lives as long as the machine, which we do not.
    const auto first = IdentifyProcess(1);
    const auto network = first ? ReadNetwork(*first) : Result<NetworkFact>();
    if (network && !network->DeviceOf(own).empty()) place.holder = *first;
    place.directory = request.data_dir;
    place.elsewhere = NodeElsewhere(network);
  }
  place.is_here = place.holder.pid != 0 && !place.is_simulated;
  // Of a machine's own node only these go by a directory.
  const bool is_by_directory = request.fault == Fault::kClock || request.fault == Fault::kDisk;
  if (container) {
    place.authority = ReadAuthority(place.holder, place.directory);
  } else if (is_by_directory) {
    place.authority = ReadAuthority({}, place.directory);
  }
  // Who follows the file says whether it is here.
  if (request.fault == Fault::kClock) return place;
  if (place.is_here) TRY(LookAtNetwork(place));
  return place;
}

// By the uid that its annotations say, which anybody could have written who may make pods: the
// runtime has to say of those processes that they are this pod's.
std::vector<ProcessId> ProcessesOfStatic(const Pod& pod) {
  auto processes = ProcessesIn(PodGroups(StaticUid(pod)));
  if (processes.empty()) return {};
  const SandboxFact meant{pod.metadata.namespace_, pod.metadata.name};
  if (ReadSandbox(processes.front()) != meant) return {};
  return processes;
}

// The oldest process of a pod is its sandbox, which lives as long as its namespaces.
Result<Place> FindPod(Client& client, const Request& request, const Target& target) {
  const auto found = client.Get<Pod>({target.namespace_, target.name});
  if (!found) {
    if (found.error().reason != Reason::kNotFound) return Fail(found.error());
    const auto space = client.Get<Namespace>({"", target.namespace_});
    if (!space && space.error().reason == Reason::kNotFound) {
      return Fail(Reason::kNotFound,
                  fmt::format("there is no namespace {}{}", target.namespace_,
                              NamesThere(client.List<Namespace>(), "namespace")));
    }
    ListOptions scope;
    scope.namespace_ = target.namespace_;
    return Fail(Reason::kNotFound,
                fmt::format("there is no pod/{} in the namespace {}{}", target.name,
                            target.namespace_, NamesThere(client.List<Pod>(scope), "pod")));
  }
  const Pod& pod = **found;
  Place place{.target = target, .uid = pod.metadata.uid};
  place.shares_nodes_network = pod.spec.host_network;
  place.addresses = AddressesOf(pod);
  auto processes = ProcessesIn(PodGroups(pod.metadata.uid));
  if (processes.empty()) processes = ProcessesOfStatic(pod);
  place.elsewhere =
      pod.spec.node_name.empty() ? "has no node yet; wait until it is running"
      : pod.status.phase != "Running"
          ? fmt::format("is not running ({}) on {}", pod.status.phase, pod.spec.node_name)
          : fmt::format("runs on node/{}, which is another machine; run this there, as root",
                        pod.spec.node_name);
  const auto node = client.Get<Node>({"", pod.spec.node_name});
  place.is_simulated =
      node && (*node)->status.node_info.container_runtime_version.starts_with("fake://");
  place.is_here = !processes.empty() && !place.is_simulated;
  if (!place.is_here) return place;
  place.holder = processes.front();
  const bool is_of_containers = request.fault == Fault::kPause ||
                                request.fault == Fault::kKill || request.fault == Fault::kClock;
  if (is_of_containers) place.groups = TRY(GroupsOf(pod, request.container));
  if (request.fault == Fault::kDisk) {
    const MountedVolume volume = TRY(FindVolume(pod, request.volume));
    place.directory = volume.path;
    const auto groups = TRY(GroupsOf(pod, volume.container));
    const auto inside = ProcessesIn(groups);
    if (!inside.empty()) place.holder = inside.front();
  }
  TRY(LookAtNetwork(place));
  return place;
}

}  // namespace

std::string NodeElsewhere(const Result<NetworkFact>& machines) {
  if (machines) return "is another machine; run this there, as root";
  return fmt::format(
      "is another machine, or this one, of which nobody here can tell ({}); run "
      "this there, as root of the machine itself",
      machines.error().message);
}

std::vector<std::string> AddressesOf(const Node& node) {
  std::vector<std::string> cidrs;
  for (const auto& address : node.status.addresses) {
    if (address.type == "InternalIP") AddAddress(address.address, cidrs);
  }
  for (const std::string& text : node.spec.pod_cidrs) {
    if (const auto cidr = ParseCidr(text)) cidrs.push_back(cidr->Text());
  }
  return cidrs;
}

std::vector<std::string> AddressesOf(const Pod& pod) {
  std::vector<std::string> cidrs;
  for (const auto& ip : pod.status.pod_ips) AddAddress(ip.ip, cidrs);
  return cidrs;
}

std::string StaticUid(const Pod& pod) {
  const auto& annotations = pod.metadata.annotations;
  const auto hash = annotations.find(kubelet::kConfigHash);
  const auto mirrored = annotations.find(kMirrorPodAnnotation);
  if (hash == annotations.end() || mirrored == annotations.end()) return "";
  const bool is_hash = IsHexOf(kHashDigits, hash->second) && hash->second == mirrored->second;
  return is_hash ? hash->second : "";
}

std::vector<std::string> PodGroups(const std::string& uid) {
  if (uid.empty()) return {};
  std::string escaped = uid;
  std::replace(escaped.begin(), escaped.end(), '-', '_');
  return {"pod" + uid, "pod" + escaped};
}

Result<std::vector<std::string>> GroupsOf(const Pod& pod, const std::string& container) {
  std::vector<std::string> groups;
  std::string names;
  for (const auto& status : pod.status.container_statuses) {
    names += (names.empty() ? "" : ", ") + status.name;
    const bool is_meant = container.empty() || container == status.name;
    const size_t begin = status.container_id.find("://");
    if (!is_meant || begin == std::string::npos || !status.state.running) continue;
    std::string id = status.container_id.substr(begin + 3);
    if (IsHexOf(kContainerIdDigits, id)) groups.push_back(std::move(id));
  }
  if (!groups.empty()) return groups;
  return Fail(
      Reason::kNotFound,
      container.empty()
          ? fmt::format("no container of pod/{} is running; `skiff why pod/{} -n {}` says why",
                        pod.metadata.name, pod.metadata.name, pod.metadata.namespace_)
          : fmt::format("no container \"{}\" of pod/{} is running; it has: {}", container,
                        pod.metadata.name, names));
}

Result<MountedVolume> FindVolume(const Pod& pod, const std::string& volume) {
  std::vector<std::string> candidates, all;
  for (const auto& each : pod.spec.volumes) {
    if (!each.empty_dir) continue;
    all.push_back(each.name);
    if (volume.empty() || volume == each.name) candidates.push_back(each.name);
  }
  if (candidates.size() != 1) {
    return Fail(Reason::kNotFound,
                candidates.empty()
                    ? fmt::format("pod/{} has no emptyDir{}{}", pod.metadata.name,
                                  volume.empty() ? "" : " \"" + volume + "\"",
                                  all.empty() ? "" : fmt::format("; it has: {}",
                                                                 fmt::join(all, ", ")))
                    : fmt::format("pod/{} has several emptyDirs; say which with --volume: {}",
                                  pod.metadata.name, fmt::join(candidates, ", ")));
  }
  for (const auto& container : pod.spec.containers) {
    for (const auto& mount : container.volume_mounts) {
      if (mount.name == candidates[0] && mount.sub_path.empty() && mount.sub_path_expr.empty()) {
        return MountedVolume{container.name, mount.mount_path};
      }
    }
  }
  return Fail(Reason::kNotFound, fmt::format("no container of pod/{} mounts \"{}\"",
                                             pod.metadata.name, candidates[0]));
}

Result<Place> FindPlace(Client& client, const Request& request, const Target& target) {
  return target.is_node ? FindNode(client, request, target) : FindPod(client, request, target);
}

std::string UnnamedKubeconfig(const std::string& data_dir, const std::string& home) {
  const std::string users = home + "/.kube/config";
  for (const std::string& path :
       {data_dir + "/admin.kubeconfig", users, data_dir + "/kubelet.conf"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return users;
}

}  // namespace skiff::chaos
