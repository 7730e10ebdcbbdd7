// The address sets that policies refer to: the pods that a selector means, and the pods that name a
// port. Each is there once, however many policies want it, and is kept as pods and namespaces come,
// change and go; a pod costs a look at the selectors that may mean it. Pure.
//
//   const std::string id = peers.Acquire({.namespace_ = "default", .pods = web});
//   ... "ip saddr @pods4-" + id
//   peers.SetPod({"default", "web-1"}, &pod);   // is in the sets from now on
//   peers.Release(id);
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/object_key.h"
#include "proxy/policy/nft_table.h"
#include "proxy/policy/selector_buckets.h"

namespace skiff::netpol {

// A port by its name; as containers and rules have it.
struct PortName {
  std::string name;
  std::string protocol;  // "tcp", "udp" or "sctp".
  auto operator<=>(const PortName&) const = default;
};

// What policies see of a pod that has an address and has not ended.
struct PolicyPod {
  Labels labels;
  std::vector<std::string> ips;  // Each in its canonical form.
  std::vector<std::pair<PortName, int>> ports;
  bool is_local = false;
  bool operator==(const PolicyPod&) const = default;
};

// Pods of one namespace, or of those that a selector means.
struct PeerSelector {
  std::optional<LabelSelector> namespaces;
  std::string namespace_;  // Unless `namespaces` is set.
  LabelSelector pods;
};

bool IsIpv6(const std::string& ip);
// A short name for whatever a text says.
std::string NameOfText(const std::string& text);

class Peers {
 public:
  explicit Peers(NftTable& table) : table_(table) {}

  // nullptr: it is gone.
  void SetNamespace(const std::string& name, const Labels* labels);
  void SetPod(const ObjectKey& key, const PolicyPod* pod);
  const PolicyPod* Find(const ObjectKey& key) const;

  // The end of the names of its two sets, "pods4-" and "pods6-", which are there until it was
  // released as often.
  std::string Acquire(const PeerSelector& selector);
  void Release(const std::string& id);
  // The same, of sets "port4-" and "port6-" of address and port.
  std::string AcquirePort(const PortName& port);
  void ReleasePort(const std::string& id);

  // How often a selector was held against labels.
  size_t looks() const { return looks_; }

 private:
  struct Peer {
    PeerSelector selector;
    int users = 0;
    std::set<std::string> namespaces;    // In which it looks for pods.
    std::map<std::string, int> members;  // How many pods have the address: that may be two.
  };
  struct NamedPort {
    PortName port;
    int users = 0;
    std::map<std::string, int> members;
  };
  struct Space {
    std::optional<Labels> labels;  // Unset: no such namespace, or it is not known yet.
    std::map<std::string, PolicyPod> pods;
    SelectorBuckets<std::string> peers;  // Those that look into it.
  };
  void Enter(const std::string& id, Peer& peer, const std::string& namespace_);
  void Leave(const std::string& id, Peer& peer, const std::string& namespace_);
  void Count(const std::string& id, Peer& peer, const PolicyPod& pod, int step);
  void CountPod(const Space& space, const PolicyPod& pod, int step);
  void CountPorts(const PolicyPod& pod, int step);
  void CountPort(const std::string& id, NamedPort& named, const PolicyPod& pod, int step);
  void DropIfEmpty(const std::string& namespace_);

  NftTable& table_;
  std::map<std::string, Space> spaces_;
  std::map<std::string, Peer> peers_;        // By id.
  std::set<std::string> by_namespace_labels_;  // Of peers with a selector of namespaces.
  std::map<std::string, NamedPort> ports_;   // By id.
  std::map<PortName, std::string> port_ids_;
  size_t looks_ = 0;
};

}  // namespace skiff::netpol
