// The cluster as the scheduler sees it: nodes with the pods on them, and the storage objects that
// placement depends on. Plain data; the Cache keeps it up to date, rules only read it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/gen/storage_v1.h"
#include "api/pods/host_ports.h"
#include "api/pods/pod_resources.h"
#include "controllers/scheduler/affinity_term.h"
#include "controllers/scheduler/class_capacities.h"

namespace skiff::scheduler {

inline constexpr std::string_view kHostLabel = "kubernetes.io/hostname";
inline constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";

using PodPtr = std::shared_ptr<const core_v1::Pod>;
using NodePtr = std::shared_ptr<const core_v1::Node>;

// A pod with what the rules ask of it again and again.
struct PodInfo {
  explicit PodInfo(PodPtr pod);
  PodPtr pod;
  Resources requests;
  Resources non_zero;
  std::vector<PodHostPort> host_ports;
  AffinityTerms affinity;
  int priority = 0;
  const std::string& uid() const { return pod->metadata.uid; }
  std::string Key() const { return pod->metadata.namespace_ + "/" + pod->metadata.name; }
  bool HasRequiredAntiAffinity() const { return !affinity.required_anti.empty(); }
  // Whether it would rather, or must, have certain pods near it, or rather not.
  bool HasWishes() const { return !affinity.required.empty() || !affinity.preferred.empty(); }
};
using PodInfoPtr = std::shared_ptr<const PodInfo>;

// What every rule asks for stands first, and together: a cycle looks at hundreds of nodes.
struct NodeInfo {
  NodePtr node;
  // Its place where numbers of nodes are kept (Places): no two nodes that are there have the same.
  size_t slot = 0;
  // Of its spec.
  bool unschedulable = false;
  bool has_taints = false;
  // In the labels of `node`.
  const std::string* host = nullptr;
  const std::string* zone = nullptr;
  Resources allocatable;
  int64_t pods_max = 0;
  Resources requested;
  Resources non_zero_requested;
  std::map<std::string, PodInfoPtr> pods;  // By uid; assumed ones too.
  std::multiset<PodHostPort> used_ports;
  std::shared_ptr<const std::unordered_set<std::string>> images;  // Names; nullptr: none.
  // How many pods must be asked about pods beside them; mostly none.
  int pods_with_wishes = 0;
  int pods_with_required_anti_affinity = 0;

  const std::string& name() const { return node->metadata.name; }
  const std::map<std::string, std::string>& labels() const { return node->metadata.labels; }
  // nullptr: it has none of that key. Most pods are spread by two of them, and those are at hand.
  const std::string* Label(std::string_view key) const;
  void SetNode(NodePtr new_node);
  void AddPod(PodInfoPtr pod);
  void RemovePod(const std::string& uid);
};

// Looks up what is not a pod or a node; each returns nullptr for what does not exist.
struct StorageView {
  std::function<std::shared_ptr<const core_v1::PersistentVolumeClaim>(const std::string& namespace_,
                                                                      const std::string& name)>
      claim;
  std::function<std::shared_ptr<const core_v1::PersistentVolume>(const std::string& name)> volume;
  std::function<std::vector<std::shared_ptr<const core_v1::PersistentVolume>>()> volumes;
  std::function<std::shared_ptr<const storage_v1::StorageClass>(const std::string& name)>
      storage_class;
  // What CSI drivers say of a node; of the same name.
  std::function<std::shared_ptr<const storage_v1::CSINode>(const std::string& name)> csi_node;
  std::function<std::vector<std::shared_ptr<const storage_v1::VolumeAttachment>>(
      const std::string& node)>
      attachments;
  std::function<std::shared_ptr<const storage_v1::CSIDriver>(const std::string& name)> csi_driver;
  // What drivers say they can still make of that class: the same for all of a cycle.
  std::function<ClassCapacitiesPtr(const std::string& storage_class)> capacities;
  // The selector of a claim, where those that were read are kept: claims are compared with volumes
  // on each node. nullptr: it has none that can be read. Null: they are read anew.
  std::function<std::shared_ptr<const LabelSelector>(
      const std::shared_ptr<const core_v1::PersistentVolumeClaim>& claim)>
      claim_selector = nullptr;
};

class CycleTimes;
class DeviceCycle;
class EvaluationCounts;
class Nominations;
class PodCounts;
struct Profile;

// How many listed nodes have an image, and how large the first of them said it is.
struct ImageSpread {
  int64_t size = 0;
  int64_t nodes = 0;
};
using ImageSpreads = std::unordered_map<std::string, ImageSpread>;  // By name.

// Nodes in an order that whoever was given it shares.
class NodeList {
 public:
  using Nodes = std::vector<const NodeInfo*>;
  using Slots = std::vector<size_t>;
  NodeList() : NodeList(Nodes()) {}
  explicit NodeList(Nodes nodes) : nodes_(std::make_shared<const Nodes>(std::move(nodes))) {}
  // `slots`: of these nodes, which keep them.
  NodeList(Nodes nodes, Slots slots)
      : nodes_(std::make_shared<const Nodes>(std::move(nodes))),
        slots_(std::make_shared<const Slots>(std::move(slots))) {}
  operator const Nodes&() const { return *nodes_; }  // NOLINT: it is one.
  const NodeInfo* const* begin() const { return nodes_->data(); }
  const NodeInfo* const* end() const { return begin() + size(); }
  const NodeInfo* operator[](size_t at) const { return (*nodes_)[at]; }
  size_t size() const { return nodes_->size(); }
  bool empty() const { return nodes_->empty(); }
  // Nodes lie far from one another, and these side by side. nullptr: nobody put them there.
  const Slots* slots() const { return slots_.get(); }

 private:
  std::shared_ptr<const Nodes> nodes_;
  std::shared_ptr<const Slots> slots_;
};

// How many nodes keep pods off, or would rather: of most clusters few.
struct Repellents {
  size_t unschedulable = 0;
  size_t tainted = 0;
};

// Of a snapshot in which one node is as it might be (NodeTrial): what is counted of the others.
struct TriedNode {
  const NodeInfo* as_it_is = nullptr;
  const NodeInfo* as_tried = nullptr;
  NodeList nodes;               // As they are.
  PodCounts* counts = nullptr;  // Of these.
};

struct Snapshot {
  NodeList nodes;  // Zones in turn.
  // Of `nodes`; nullptr: nobody counts them.
  const Repellents* repellents = nullptr;
  // Of the pod's scheduler; nullptr: kube-scheduler's own (ProfileOf).
  const Profile* profile = nullptr;
  // Who waits for a node to become free; nullptr: nobody.
  const Nominations* nominations = nullptr;
  // What is counted of these nodes; nullptr: rules count for themselves.
  PodCounts* counts = nullptr;
  const TriedNode* tried = nullptr;  // Where nobody counts `nodes`, but these are; else nullptr.
  const ImageSpreads* images = nullptr;  // nullptr: there are none.
  StorageView storage;
  // Of the pod that is looked at; nullptr: nobody allocates devices.
  DeviceCycle* devices = nullptr;
  CycleTimes* times = nullptr;  // nullptr: nobody counts how long anything takes.
  EvaluationCounts* evaluations = nullptr;  // nullptr: nobody counts what rules are asked.
  // Labels of a namespace; for namespace selectors.
  NamespaceLabels namespace_labels;
  // The merged selectors of the services and the controller of a pod: what it spreads among by
  // default. Selects nothing when it has none.
  std::function<meta_v1::LabelSelector(const core_v1::Pod& pod)> default_spread_selector;
  std::function<std::shared_ptr<const resource_v1::ResourceClaim>(const std::string& namespace_,
                                                                  const std::string& name)>
      device_claim;  // nullptr: it does not exist. For hints.
};

}  // namespace skiff::scheduler
