#include "e2e/simulation/laws.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "api/codec/typed.h"

namespace skiff {
namespace {

using namespace core_v1;

// So long after a binding that it was not told of, a scheduler has seen it all the same.
constexpr Duration kBindingSeen = 60s;
// Pods of one daemon set within a minute: seven on each of three nodes for each life of a
// controller that waits twice as long after every failure, beginning with a second.
constexpr Duration kHasteSeen = 60s;
constexpr size_t kHasteMax = 100;

template <Kind K>
Ptr<K> ReadAs(std::string_view text) {
  auto object = DecodeObject<K>(text);
  CHECK(object.has_value());
  return *object;
}

bool HasEnded(const Pod& pod) {
  return pod.status.phase == "Succeeded" || pod.status.phase == "Failed";
}

// The workload asks for CPU in its containers alone.
int64_t MilliCpuOf(const Pod& pod) {
  int64_t sum = 0;
  for (const Container& container : pod.spec.containers) {
    const auto cpu = container.resources.requests.find("cpu");
    if (cpu != container.resources.requests.end()) sum += cpu->second.MilliValue();
  }
  return sum;
}

}  // namespace

std::vector<const KindInfo*> Laws::Kinds() {
  return {&Pod::Info(),
          &Node::Info(),
          &Service::Info(),
          &PersistentVolume::Info(),
          &PersistentVolumeClaim::Info(),
          &ResourceQuota::Info()};
}

void Laws::Take(std::string_view resource, std::string_view text, bool deleted) {
  if (resource == "nodes") {
    TakeNode(*ReadAs<Node>(text), deleted);
  } else if (resource == "services") {
    TakeService(*ReadAs<Service>(text), deleted);
  } else if (resource == "persistentvolumes") {
    TakeVolume(*ReadAs<PersistentVolume>(text), deleted);
  } else if (resource == "persistentvolumeclaims") {
    TakeClaim(*ReadAs<PersistentVolumeClaim>(text), deleted);
  } else if (resource == "resourcequotas") {
    TakeQuota(*ReadAs<ResourceQuota>(text), deleted);
  }
}

void Laws::TakePod(const Pod& pod, bool deleted) {
  const std::string& uid = pod.metadata.uid;
  CheckEnd(pod);
  CheckReadiness(pod);
  const bool is_known = lives_.contains(uid);
  NoteLife(pod, deleted);
  if (!is_known) CheckHaste(pod);
  if (deleted || HasEnded(pod)) {
    pods_.erase(uid);
    namespace_of_.erase(uid);
    if (deleted) answering_.erase(uid);
    return;
  }
  const bool is_new = namespace_of_.emplace(uid, pod.metadata.namespace_).second;
  Holding& holding = pods_[uid];
  const bool moved = holding.node != pod.spec.node_name;
  const Duration since = moved ? world_.clock.Monotonic() : holding.since;
  holding = {.node = pod.spec.node_name, .milli_cpu = MilliCpuOf(pod), .since = since};
  if (moved) CheckRoom(uid);
  if (is_new) CheckQuotas(pod.metadata.namespace_);
}

// No node is promised more than it has. A binding that arrives after its scheduler gave it up, in
// Kubernetes too, may find the place taken: the kubelet then refuses the pod. So may a pod that had
// ended, whose place was given away, and of which a late status says that it has not.
void Laws::CheckRoom(const std::string& uid) {
  const Holding& bound = pods_.at(uid);
  const std::string& node = bound.node;
  const auto room = allocatable_.find(node);
  if (room == allocatable_.end() || bound.milli_cpu == 0 || world_.unheard_binding(uid)) return;
  if (lives_.at(uid).has_ended) return;
  int64_t sum = 0;
  for (const auto& [other, holding] : pods_) {
    const bool is_seen =
        !world_.unheard_binding(other) || bound.since - holding.since > kBindingSeen;
    const bool is_counted = is_seen && !lives_.at(other).has_ended;
    if (holding.node == node && is_counted) sum += holding.milli_cpu;
  }
  if (sum > room->second) {
    complain_(fmt::format("pods on {} ask for {}m CPU of {}m", node, sum, room->second));
  }
}

// What has ended stays as it ended; what its kubelet said before that may come late.
void Laws::CheckEnd(const Pod& pod) {
  if (world_.late_status(KeyOf(pod))) return;
  const auto ended = ended_.find(pod.metadata.uid);
  if (ended != ended_.end() && ended->second != pod.status.phase) {
    complain_(fmt::format("pod {} was {} and is {}", pod.metadata.name, ended->second,
                          pod.status.phase));
  }
  if (HasEnded(pod)) ended_[pod.metadata.uid] = pod.status.phase;
}

const Laws::PodLife* Laws::FindPod(const std::string& uid) const {
  const auto found = lives_.find(uid);
  return found == lives_.end() ? nullptr : &found->second;
}

void Laws::NoteLife(const Pod& pod, bool deleted) {
  const Duration now = world_.clock.Monotonic();
  PodLife& life = lives_[pod.metadata.uid];
  life.name = pod.metadata.name;
  const auto* owner = ControllerOf(pod.metadata);
  if (owner != nullptr && owner->kind == "StatefulSet") life.stateful_set = owner->uid;
  life.has_ended |= HasEnded(pod);
  life.is_gone |= deleted;
  if (!deleted && !pod.metadata.deletion_timestamp) return;
  if (life.told_at == kNever) {
    life.told_at = now;
    life.is_sudden = deleted;
  }
  const Duration left =
      deleted ? 0ns : Duration(pod.metadata.deletion_timestamp->point() - world_.clock.Now());
  life.grace = std::chrono::seconds(pod.spec.termination_grace_period_seconds.value_or(0));
  life.ends_by = std::min(life.ends_by, now + std::max<Duration>(left, 0ns));
}

// A kubelet that was restarted sees in the status that it need not ask.
void Laws::ProbedForStart(const std::string& container_id) {
  const auto pod = started_.find(container_id);
  if (pod == started_.end() || world_.late_status(pod->second)) return;
  complain_("container " + container_id + " has started and is asked again whether it has");
}

// A container that has answered does so until it ends or a probe of it fails, and its kubelet says
// so until it has seen that.
void Laws::CheckReadiness(const Pod& pod) {
  std::set<std::string>& answering = answering_[pod.metadata.uid];
  for (const ContainerStatus& status : pod.status.container_statuses) {
    const bool going = pod.metadata.deletion_timestamp || HasEnded(pod);
    const bool runs = status.state.running.has_value();
    const std::string id = status.container_id.substr(status.container_id.rfind('/') + 1);
    if (status.started.value_or(false)) started_.emplace(id, KeyOf(pod));
    const bool may_fall = failed_probes_.contains(id) || world_.late_status(KeyOf(pod));
    if (runs && !status.ready && !going && !may_fall && answering.contains(status.container_id)) {
      complain_(fmt::format("container {} of pod {} is not ready any more, though it runs",
                            status.name, pod.metadata.name));
    }
    if (runs && status.ready) {
      answering.insert(status.container_id);
    } else {
      answering.erase(status.container_id);
    }
  }
}

void Laws::TakeNode(const Node& node, bool deleted) {
  LetGo(pod_ranges_, node.metadata.name);
  ready_nodes_.erase(node.metadata.name);
  known_nodes_.erase(node.metadata.name);
  for (const auto& condition : node.status.conditions) {
    if (condition.type != "Ready" || deleted) continue;
    if (condition.status == "True") ready_nodes_.insert(node.metadata.name);
    if (condition.status != "Unknown") known_nodes_.insert(node.metadata.name);
  }
  if (deleted) {
    allocatable_.erase(node.metadata.name);
    return;
  }
  const auto cpu = node.status.allocatable.find("cpu");
  if (cpu != node.status.allocatable.end()) {
    allocatable_[node.metadata.name] = cpu->second.MilliValue();
  }
  for (const std::string& range : node.spec.pod_cidrs) {
    Hold(pod_ranges_, range, node.metadata.name, "pod range");
  }
}

void Laws::TakeService(const Service& service, bool deleted) {
  const std::string& uid = service.metadata.uid;
  LetGo(cluster_ips_, uid);
  LetGo(node_ports_, uid);
  if (deleted) return;
  for (const std::string& address : service.spec.cluster_ips) {
    if (address != "None") Hold(cluster_ips_, address, uid, "cluster IP");
  }
  for (const ServicePort& port : service.spec.ports) {
    if (port.node_port == 0) continue;
    Hold(node_ports_, fmt::format("{}/{}", port.node_port, port.protocol), uid, "node port");
  }
}

// What a volume holds for one claim no other claim gets, unless somebody let go of it before.
void Laws::TakeVolume(const PersistentVolume& volume, bool deleted) {
  std::string& owner = volume_owners_[volume.metadata.name];
  const std::string claim = volume.spec.claim_ref ? volume.spec.claim_ref->uid : "";
  if (!deleted && !owner.empty() && !claim.empty() && claim != owner) {
    complain_(fmt::format("volume {} of a claim is taken for another one", volume.metadata.name));
  }
  owner = deleted ? "" : claim;
}

// A volume is bound to one claim.
void Laws::TakeClaim(const PersistentVolumeClaim& claim, bool deleted) {
  LetGo(volumes_, claim.metadata.uid);
  if (deleted || claim.status.phase != "Bound") return;
  Hold(volumes_, claim.spec.volume_name, claim.metadata.uid, "volume");
}

void Laws::TakeConfigMap(const ConfigMap& object) {
  const auto text = object.data.find("first");
  if (object.metadata.name != "news" || text == object.data.end()) return;
  news_.emplace(text->second, world_.clock.Monotonic());
}

void Laws::TakeQuota(const ResourceQuota& quota, bool deleted) {
  quotas_.erase(quota.metadata.uid);
  // It counts once its controller has said so.
  const auto pods = quota.status.hard.find("pods");
  if (deleted || pods == quota.status.hard.end()) return;
  quotas_[quota.metadata.uid] = {.namespace_name = quota.metadata.namespace_,
                                 .pods = pods->second.Value()};
}

void Laws::CheckQuotas(const std::string& namespace_name) {
  for (const auto& [uid, quota] : quotas_) {
    if (quota.namespace_name != namespace_name) continue;
    const auto count =
        std::ranges::count(namespace_of_ | std::views::values, namespace_name);
    if (count <= quota.pods) continue;
    complain_(fmt::format("namespace {} has {} pods, its quota is {}", namespace_name, count,
                          quota.pods));
  }
}

// Whoever makes the same pod for the same node again and again takes longer and longer about it.
void Laws::CheckHaste(const Pod& pod) {
  const auto* owner = ControllerOf(pod.metadata);
  if (owner == nullptr || owner->kind != "DaemonSet") return;
  std::vector<Duration>& made = daemons_made_[owner->uid];
  const Duration now = world_.clock.Monotonic();
  std::erase_if(made, [&](Duration at) { return now - at > kHasteSeen; });
  made.push_back(now);
  if (made.size() != kHasteMax) return;
  complain_(fmt::format("daemon set {} makes {} pods in {} seconds", owner->name, kHasteMax,
                        kHasteSeen / 1s));
}

void Laws::Hold(std::map<std::string, std::string>& held, const std::string& what,
                const std::string& owner, const char* name) {
  const auto [holder, is_new] = held.emplace(what, owner);
  if (!is_new && holder->second != owner) {
    complain_(fmt::format("{} {} is of {} and of {}", name, what, holder->second, owner));
  }
}

void Laws::LetGo(std::map<std::string, std::string>& held, const std::string& owner) {
  std::erase_if(held, [&](const auto& entry) { return entry.second == owner; });
}

}  // namespace skiff
