// What must hold of every object at every revision, whoever made it: places, addresses, claims,
// ends. Written apart from the code that it watches.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/client.h"
#include "base/clock.h"

namespace skiff {

class Laws {
 public:
  using Complain = std::function<void(std::string text)>;
  struct World {
    Complain complain;
    const Clock& clock;
    // Whether the scheduler was never told that it has bound this pod.
    std::function<bool(const std::string& uid)> unheard_binding;
    // Whether a status of this pod came too late: until its kubelet sees that, it says what was.
    std::function<bool(const ObjectKey& pod)> late_status;
  };
  explicit Laws(World world) : world_(std::move(world)), complain_(world_.complain) {}

  // The kinds that it must be told of.
  static std::vector<const KindInfo*> Kinds();
  // An object as it is from this revision on, or was when it was `deleted`. Pods by TakePod, as
  // others look at them too.
  void Take(std::string_view resource, std::string_view text, bool deleted);
  void TakePod(const core_v1::Pod& pod, bool deleted);
  void TakeNode(const core_v1::Node& node, bool deleted);
  // What the ConfigMap "news" has said, and since when (monotonic).
  void TakeConfigMap(const core_v1::ConfigMap& object);
  const std::map<std::string, Duration>& news() const { return news_; }
  // Something else that must hold does not.
  void Broken(std::string text) { complain_(std::move(text)); }
  // What kubelets do with a container that runs: a probe of it has failed, it is asked whether it
  // has started.
  void FailedProbe(const std::string& container_id) { failed_probes_.insert(container_id); }
  void ProbedForStart(const std::string& container_id);

  // What is known of a pod, also after it is gone.
  struct PodLife {
    std::string name;
    // Monotonic, when it is to be gone and when that was said; kNever: not yet.
    Duration ends_by = kNever;
    Duration told_at = kNever;
    // Its kubelet counts it from when it is told: the spec's own, when all was over by then.
    Duration grace{};
    bool has_ended = false;
    bool is_sudden = false;  // Nobody was told before it was gone.
    bool is_gone = false;
    std::string stateful_set;  // The uid of the set that it is a member of, if any.
  };
  // nullptr: there never was such a pod.
  const PodLife* FindPod(const std::string& uid) const;
  // It has said how it is, and nobody has said since that this is not known any more.
  bool IsNodeKnown(const std::string& name) const { return known_nodes_.contains(name); }
  bool AreNodesReady() const { return ready_nodes_.size() == allocatable_.size(); }

 private:
  struct Holding {  // What a pod holds of its node.
    std::string node;
    int64_t milli_cpu = 0;
    Duration since{};  // Monotonic.
  };
  struct Quota {
    std::string namespace_name;
    int64_t pods = 0;
  };
  void TakeService(const core_v1::Service& service, bool deleted);
  void TakeVolume(const core_v1::PersistentVolume& volume, bool deleted);
  void TakeClaim(const core_v1::PersistentVolumeClaim& claim, bool deleted);
  void TakeQuota(const core_v1::ResourceQuota& quota, bool deleted);
  void CheckRoom(const std::string& uid);
  void CheckEnd(const core_v1::Pod& pod);
  void CheckReadiness(const core_v1::Pod& pod);
  void NoteLife(const core_v1::Pod& pod, bool deleted);
  void CheckQuotas(const std::string& namespace_name);
  void CheckHaste(const core_v1::Pod& pod);
  // Complains when somebody else has it; `owner` has it from now on.
  void Hold(std::map<std::string, std::string>& held, const std::string& what,
            const std::string& owner, const char* name);
  static void LetGo(std::map<std::string, std::string>& held, const std::string& owner);

  const World world_;
  const Complain complain_;
  std::map<std::string, Holding> pods_;                     // By uid, of those that have not ended.
  std::map<std::string, std::string> namespace_of_;         // The same.
  std::map<std::string, std::string> ended_;                // Pod uid -> phase; never forgotten.
  std::map<std::string, PodLife> lives_;                    // By uid; never forgotten.
  std::set<std::string> failed_probes_;                     // Ids of containers.
  std::map<std::string, ObjectKey> started_;                // Pods, by ids of containers.
  std::set<std::string> ready_nodes_, known_nodes_;
  std::map<std::string, int64_t> allocatable_;              // Node -> milli CPU.
  std::map<std::string, std::set<std::string>> answering_;  // Pod uid -> ids of ready containers.
  std::map<std::string, Quota> quotas_;                     // By uid.
  std::map<std::string, Duration> news_;
  std::map<std::string, std::string> volume_owners_;        // Volume -> uid of its claim.
  std::map<std::string, std::vector<Duration>> daemons_made_;  // By uid of their set, of late.
  std::map<std::string, std::string> pod_ranges_, cluster_ips_, node_ports_, volumes_;
};

}  // namespace skiff
