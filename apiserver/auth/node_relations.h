// Which objects lead to which node: a pod to the node it is on; what a pod names to the pod; a
// volume to the claim it is bound to; a secret that mounting a volume takes to the volume; an
// attachment and a resource slice to the node they name. Pure.
//
//   relations.SetPod(pod);  // On n1, with a volume of claim "data".
//   relations.SetVolume(volume);  // Bound to "data", of a CSI driver that wants secret "key".
//   relations.Reaches("n1", "secrets", "default", "key");  // true
//
// It holds an entry for each pod that has a node, each bound volume, each attachment and each slice
// of a node, and nothing else: it is no larger than what it was told is there.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

class NodeRelations {
 public:
  // Replaces what was known of it; a pod without node leads nowhere.
  void SetPod(const core_v1::Pod& pod);
  void ForgetPod(std::string_view namespace_name, std::string_view name);
  // The pod that is known under that name, where it is on that node; else its uid is "".
  struct KnownPod {
    std::string_view uid;
    bool names_what_may_go = false;  // Its status or ephemeral containers name something.
  };
  KnownPod FindPod(std::string_view namespace_name, std::string_view name,
                   std::string_view node) const;
  void SetVolume(const core_v1::PersistentVolume& volume);
  void ForgetVolume(std::string_view name);
  // Volume attachments and resource slices name a node by themselves; "" names none.
  void SetAttachment(const std::string& name, const std::string& node);
  void SetSlice(const std::string& name, const std::string& node);

  // All pods there are told again: between the two each is set, or kept as it is known; the others
  // are gone.
  void BeginPods() { ++listing_; }
  void KeepPod(std::string_view namespace_name, std::string_view name);
  void EndPods();
  void ClearVolumes();
  void ClearAttachments() { attachments_.clear(); }
  void ClearSlices() { slices_.clear(); }

  // Whether an object of that resource leads to the node.
  bool Reaches(std::string_view node, std::string_view resource, std::string_view namespace_name,
               std::string_view name) const;

 private:
  using Key = std::string;  // "secrets/default/key"; without resource where it is always the same
  using Nodes = std::map<std::string, size_t, std::less<>>;  // How many pods on each name it.
  struct Pod {
    std::string node;
    std::string uid;
    std::vector<Key> named;
    bool names_what_may_go = false;
    uint64_t listing = 0;  // In which it was told of last.
  };
  struct Volume {
    Key claim;
    std::vector<Key> secrets;
  };

  void Count(const Pod& pod);
  using Pods = std::map<Key, Pod, std::less<>>;
  Pods::iterator Forget(Pods::iterator known);
  bool IsNamedOn(std::string_view node, const Key& key) const;

  Pods pods_;
  uint64_t listing_ = 0;
  std::map<Key, Nodes, std::less<>> named_;
  std::map<Key, Volume, std::less<>> volumes_;
  std::map<Key, std::set<Key, std::less<>>, std::less<>> volumes_of_secrets_;
  std::map<std::string, std::string, std::less<>> attachments_;
  std::map<std::string, std::string, std::less<>> slices_;
};

// The secrets that a kubelet needs to mount a bound volume, as "namespace/name".
std::set<std::string> KubeletSecretsOf(const core_v1::PersistentVolume& volume);

}  // namespace skiff
