#include "proxy/policy/peers.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace skiff::netpol {
namespace {

constexpr size_t kHashSize = 16;

// Puts what is counted from nothing, and takes what is counted down to nothing, in and out of one
// of the two sets.
void CountMember(NftTable& table, std::map<std::string, int>& members, const std::string& set,
                 const std::string& element, int step) {
  int& count = members[element];
  const bool was = count > 0;
  count += step;
  if (!was && count > 0) table.Put(set, element);
  if (count > 0) return;
  members.erase(element);
  if (was) table.Erase(set, element);
}

std::string TextOf(const PeerSelector& selector) {
  const std::string where = selector.namespaces ? "in " + selector.namespaces->Text()
                                                : "of " + selector.namespace_;
  return where + " pods " + selector.pods.Text();
}

}  // namespace

bool IsIpv6(const std::string& ip) {
  return ip.find(':') != std::string::npos;
}

std::string NameOfText(const std::string& text) {
  return Hex(Sha256(text)).substr(0, kHashSize);
}

void Peers::SetNamespace(const std::string& name, const Labels* labels) {
  Space& space = spaces_[name];
  space.labels = labels != nullptr ? std::optional<Labels>(*labels) : std::nullopt;
  for (const std::string& id : by_namespace_labels_) {
    Peer& peer = peers_.at(id);
    ++looks_;
    const bool wanted = labels != nullptr && peer.selector.namespaces->Matches(*labels);
    const bool looked = peer.namespaces.contains(name);
    if (wanted && !looked) Enter(id, peer, name);
    if (!wanted && looked) Leave(id, peer, name);
  }
  DropIfEmpty(name);
}

void Peers::SetPod(const ObjectKey& key, const PolicyPod* pod) {
  Space& space = spaces_[key.namespace_];
  const auto had = space.pods.find(key.name);
  if (had != space.pods.end() && pod != nullptr && had->second == *pod) return;
  if (pod != nullptr) {
    CountPod(space, *pod, 1);
    CountPorts(*pod, 1);
  }
  if (had != space.pods.end()) {
    CountPod(space, had->second, -1);
    CountPorts(had->second, -1);
  }
  if (pod != nullptr) {
    space.pods[key.name] = *pod;
  } else {
    space.pods.erase(key.name);
    DropIfEmpty(key.namespace_);
  }
}

const PolicyPod* Peers::Find(const ObjectKey& key) const {
  const auto space = spaces_.find(key.namespace_);
  if (space == spaces_.end()) return nullptr;
  const auto pod = space->second.pods.find(key.name);
  return pod == space->second.pods.end() ? nullptr : &pod->second;
}

std::string Peers::Acquire(const PeerSelector& selector) {
  std::string id = NameOfText(TextOf(selector));
  const auto [found, added] = peers_.try_emplace(id);
  Peer& peer = found->second;
  ++peer.users;
  if (!added) return id;
  peer.selector = selector;
  table_.AddSet("pods4-" + id, "type ipv4_addr");
  table_.AddSet("pods6-" + id, "type ipv6_addr");
  if (!selector.namespaces) {
    Enter(id, peer, selector.namespace_);
    return id;
  }
  by_namespace_labels_.insert(id);
  for (const auto& [name, space] : spaces_) {
    ++looks_;
    if (space.labels && selector.namespaces->Matches(*space.labels)) Enter(id, peer, name);
  }
  return id;
}

void Peers::Release(const std::string& id) {
  const auto found = peers_.find(id);
  Peer& peer = found->second;
  if (--peer.users > 0) return;
  for (const std::string& name : peer.namespaces) {
    spaces_.at(name).peers.Remove(id, peer.selector.pods);
    DropIfEmpty(name);
  }
  table_.RemoveSet("pods4-" + id);
  table_.RemoveSet("pods6-" + id);
  by_namespace_labels_.erase(id);
  peers_.erase(found);
}

std::string Peers::AcquirePort(const PortName& port) {
  std::string id = NameOfText(port.protocol + " " + port.name);
  const auto [found, added] = ports_.try_emplace(id);
  NamedPort& named = found->second;
  ++named.users;
  if (!added) return id;
  named.port = port;
  port_ids_[port] = id;
  table_.AddSet("port4-" + id, "type ipv4_addr . inet_service");
  table_.AddSet("port6-" + id, "type ipv6_addr . inet_service");
  for (const auto& [name, space] : spaces_) {
    for (const auto& [key, pod] : space.pods) CountPort(id, named, pod, 1);
  }
  return id;
}

void Peers::ReleasePort(const std::string& id) {
  const auto found = ports_.find(id);
  if (--found->second.users > 0) return;
  table_.RemoveSet("port4-" + id);
  table_.RemoveSet("port6-" + id);
  port_ids_.erase(found->second.port);
  ports_.erase(found);
}

void Peers::Enter(const std::string& id, Peer& peer, const std::string& namespace_) {
  Space& space = spaces_[namespace_];
  space.peers.Add(id, peer.selector.pods);
  peer.namespaces.insert(namespace_);
  for (const auto& [name, pod] : space.pods) Count(id, peer, pod, 1);
}

void Peers::Leave(const std::string& id, Peer& peer, const std::string& namespace_) {
  Space& space = spaces_[namespace_];
  for (const auto& [name, pod] : space.pods) Count(id, peer, pod, -1);
  space.peers.Remove(id, peer.selector.pods);
  peer.namespaces.erase(namespace_);
}

void Peers::Count(const std::string& id, Peer& peer, const PolicyPod& pod, int step) {
  ++looks_;
  if (!peer.selector.pods.Matches(pod.labels)) return;
  for (const std::string& ip : pod.ips) {
    CountMember(table_, peer.members, (IsIpv6(ip) ? "pods6-" : "pods4-") + id, ip, step);
  }
}

void Peers::CountPod(const Space& space, const PolicyPod& pod, int step) {
  space.peers.ForEachCandidate(
      pod.labels, [&](const std::string& id) { Count(id, peers_.at(id), pod, step); });
}

void Peers::CountPorts(const PolicyPod& pod, int step) {
  std::set<std::string> ids;  // A pod may name a port in several containers.
  for (const auto& [port, number] : pod.ports) {
    const auto found = port_ids_.find(port);
    if (found != port_ids_.end()) ids.insert(found->second);
  }
  for (const std::string& id : ids) CountPort(id, ports_.at(id), pod, step);
}

void Peers::CountPort(const std::string& id, NamedPort& named, const PolicyPod& pod, int step) {
  for (const auto& [port, number] : pod.ports) {
    if (port != named.port) continue;
    for (const std::string& ip : pod.ips) {
      CountMember(table_, named.members, (IsIpv6(ip) ? "port6-" : "port4-") + id,
                  fmt::format("{} . {}", ip, number), step);
    }
  }
}

void Peers::DropIfEmpty(const std::string& namespace_) {
  const auto found = spaces_.find(namespace_);
  const Space& space = found->second;
  if (!space.labels && space.pods.empty() && space.peers.empty()) spaces_.erase(found);
}

}  // namespace skiff::netpol
