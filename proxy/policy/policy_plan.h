// What the kernel has to be told so that the NetworkPolicies of a cluster hold for the pods of one
// node: kept as an nftables table (nft_table.h) while policies, pods and namespaces change. Pure.
//
//   PolicyPlan plan("node-a");
//   plan.SetPolicy(key, &policy);  plan.SetNamespace("default", &labels);  plan.SetPod(key, &pod);
//   ... plan.table().WholeText() or ChangeText()
//
// The table, for a pod of this node that one policy isolates on one side:
//
//   chain ingress (hook forward)  ip daddr vmap @in4     10.244.0.2 : goto in-55d1...
//   chain in-55d1...  (a group)   jump in/default/web; goto deny-in
//   chain in/default/web          ip saddr @pods4-8e0c... jump ports-31aa...
//   chain ports-31aa...           tcp dport { 80 } accept
//   set pods4-8e0c...             the addresses of who is meant
//
// A group is the pods that the same policies select; it is there once, and so is a set of
// addresses or ports, whoever refers to it: a policy's rules do not grow with pods, nor a pod's
// with what policies say. Only policies that select a pod of this node are there at all.
//
// Both sides are judged in hooks of their own, so that what one accepts the other still sees.
// Connections are judged by their first direction for as long as they live: one that is allowed no
// more ends. Addresses within the node's pod ranges that no known pod has get no new connections:
// a pod has the network only once its policies are in force. Who is turned away is told so, but for
// addresses of other nodes' pods that are not known yet: they may be allowed in a moment, and what
// is not answered is sent again.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "proxy/policy/nft_table.h"
#include "proxy/policy/peers.h"
#include "proxy/policy/policy_rules.h"

namespace skiff::netpol {

inline constexpr char kPolicyTable[] = "inet skiff-policy";

class PolicyPlan {
 public:
  explicit PolicyPlan(std::string node_name);

  // What the policies of one namespace may take together; that of one tenant must not keep those of
  // others from being written.
  static constexpr size_t kSetsMax = 4000;
  static constexpr size_t kElementsMax = 50'000;

  // nullptr: it is gone. Fails on a policy that no server would have taken, which is as if gone;
  // and with TooManyRequests where its namespace's policies take too much: those that come last by
  // name isolate, and let nothing through.
  Result<> SetPolicy(const ObjectKey& key, const networking_v1::NetworkPolicy* policy);
  void SetPod(const ObjectKey& key, const core_v1::Pod* pod);
  void SetNamespace(const std::string& name, const Labels* labels);
  // The CIDRs of a node's pods; none when it is gone.
  void SetNode(const std::string& name, const std::vector<std::string>& pod_cidrs);

  // From now on what comes over a pod's cable comes from an address that is led to over that cable,
  // or goes nowhere: policies go by addresses, and who has CAP_NET_RAW can write any. The kernel
  // has to look routes up for that (Nft::LooksUpRoutes).
  void BindCables();
  // This node's own, as far as they are known.
  std::vector<std::string> OwnRanges() const;

  NftTable& table() { return table_; }
  const NftTable& table() const { return table_; }
  size_t looks() const { return looks_ + peers_.looks(); }

 private:
  // What a policy that selects pods of this node holds of the table.
  struct Held {
    std::vector<std::string> chains;  // Its own.
    std::vector<std::string> shared, peers;
  };
  struct Policy {
    CompiledPolicy compiled;
    PolicyCost cost;
    bool is_closed = false;    // Its namespace's policies take too much: it lets nothing through.
    std::set<ObjectKey> pods;  // Of this node, that it selects.
    Held held;
  };
  struct LocalPod {
    std::vector<std::string> ips;
    Labels labels;
    std::set<ObjectKey> policies;          // That select it.
    std::array<std::string, 2> groups;     // By side; "": not isolated.
  };
  // A chain that several lead to.
  struct Shared {
    int users = 0;
    std::vector<std::string> ports;  // Of Peers, that its rules name.
  };

  void DropPolicy(const ObjectKey& key);
  // Closes and opens policies of the namespace by what they take.
  void Budget(const std::string& namespace_);
  void Write(const ObjectKey& key, Policy& policy);
  std::vector<std::string> WriteSide(const PolicySide& side, Side which, Held& held);
  std::string AcquirePorts(const PolicyRule& rule);
  std::string AcquireGroup(const std::vector<std::string>& chains, Side side);
  void ReleaseShared(const std::string& chain);
  std::set<ObjectKey> Selecting(const ObjectKey& pod, const Labels& labels);
  void SetLocal(const ObjectKey& key, const PolicyPod& pod);
  void DropLocal(const ObjectKey& key);
  void Deselect(const ObjectKey& pod, const ObjectKey& policy);
  void Disown(const ObjectKey& pod, const std::vector<std::string>& ips);
  // Puts the pod into the groups that its policies make.
  void Regroup(LocalPod& local);
  // What the table says of an address.
  void ShowAddress(const std::string& ip);
  // Has the two sets of that name hold these and nothing else.
  void ShowRanges(const std::string& set, const std::vector<Cidr>& ranges);

  const std::string node_name_;
  NftTable table_;
  Peers peers_{table_};
  std::map<ObjectKey, Policy> policies_;
  std::map<std::string, SelectorBuckets<ObjectKey>> by_selector_;  // Policies, by namespace.
  std::map<ObjectKey, LocalPod> local_;
  // Whose it is: of two, of the one that came last.
  std::map<std::string, std::vector<ObjectKey>> owners_;
  std::map<std::string, Shared> shared_;
  std::map<std::string, std::vector<Cidr>> pod_cidrs_;  // By node.
  std::map<std::string, std::set<std::string>> shown_ranges_;  // By set.
  size_t looks_ = 0;
};

}  // namespace skiff::netpol
