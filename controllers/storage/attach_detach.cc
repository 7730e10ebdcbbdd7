// Attaches the volumes of CSI drivers that the pods of a node need, and detaches what they need no
// more: a VolumeAttachment asks the driver's attacher for it, the node's volumesAttached tells the
// kubelet.
//
// A node at a time, on one loop: so no two nodes are promised the same exclusive volume. What is
// kept in memory is when something began; all else is read again.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/gen/storage_v1.h"
#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/figures.h"
#include "controllers/nodes/node_health.h"
#include "controllers/program.h"
#include "controllers/storage/attach_detach_plan.h"

namespace skiff {
namespace {

using attach::AttachState;
using attach::DetachVerdict;
using attach::VolumeId;
using core_v1::Node;
using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using storage_v1::CSIDriver;
using storage_v1::VolumeAttachment;

// The claims of the pod, those of its ephemeral volumes included.
std::vector<ObjectKey> ClaimKeysOf(const Pod& pod) {
  std::vector<ObjectKey> keys;
  for (const auto& volume : pod.spec.volumes) {
    if (volume.persistent_volume_claim) {
      keys.push_back({pod.metadata.namespace_, volume.persistent_volume_claim->claim_name});
    } else if (volume.ephemeral) {
      keys.push_back({pod.metadata.namespace_, pod.metadata.name + "-" + volume.name});
    }
  }
  return keys;
}

bool Matters(const Node& before, const Node& now) {
  return before.status.volumes_in_use != now.status.volumes_in_use ||
         before.status.volumes_attached != now.status.volumes_attached ||
         before.spec.taints != now.spec.taints || IsReady(before) != IsReady(now) ||
         attach::IsManaged(before) != attach::IsManaged(now);
}

class AttachDetach final : public ControlLoop {
 public:
  AttachDetach(Manager& manager, bool may_time_out, MetricRegistry* metrics)
      : client_(manager.client()),
        clock_(manager.clock()),
        events_(manager.Recorder("attachdetach-controller")),
        pods_(manager.informer<Pod>()),
        nodes_(manager.informer<Node>()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        volumes_(manager.informer<PersistentVolume>()),
        drivers_(manager.informer<CSIDriver>()),
        attachments_(manager.informer<VolumeAttachment>()),
        may_time_out_(may_time_out),
        forced_(metrics, {"attach_detach_controller_attachdetach_controller_forced_detaches",
                          "[ALPHA] Volumes that were taken from nodes which may still use them.",
                          {"reason"}}),
        queue_(manager.clock()) {
    if (metrics != nullptr) Measure(*metrics);
    attachments_.AddIndex("node", [](const VolumeAttachment& it) {
      return std::vector<std::string>{it.spec.node_name};
    });
    attachments_.AddIndex("volume", [](const VolumeAttachment& it) {
      const auto own = attach::InlineVolumeOf(it);
      if (own) return std::vector<std::string>{attach::UniqueName(*own)};
      return std::vector<std::string>{it.spec.source.persistent_volume_name.value_or("")};
    });
    pods_.AddIndex("own volume", [](const Pod& it) {
      std::vector<std::string> names;
      for (const auto& volume : attach::OwnVolumesOf(it)) {
        names.push_back(attach::UniqueName(*attach::VolumeOf(*volume)));
      }
      return names;
    });
    ListenToPods();
    ListenToVolumes();
  }

  Duration Step() override {
    if (!IsSynced()) return 1s;
    const auto key = queue_.TakeOrWait(*this);
    if (!key) return queue_.UntilNext();
    const auto again = Settle(key->name);
    if (again) {
      queue_.Forget(*key);
      if (*again != kNever) queue_.AddAfter(*key, *again);
    } else {
      if (again.error().reason != Reason::kConflict) {
        log_.Info("volumes of a node not settled",
                  {{"node", key->name}, {"error", again.error().message}});
      }
      queue_.AddRateLimited(*key);
    }
    queue_.Done(*key);
    return Duration(0);
  }

 private:
  struct Wanted {
    Ptr<PersistentVolume> volume;  // As its driver knows it.
    std::vector<Ptr<Pod>> pods;
    bool is_own = false;  // Pods name it without a claim: there is no such PersistentVolume.
  };
  struct Attempt {
    std::optional<Duration> since;
    Duration not_before{};
    int failures = 0;
  };
  // What is remembered of a node.
  struct Memory {
    std::map<VolumeId, Attempt> attempts;            // Of what is wanted and not attached.
    std::set<VolumeId> told_multi_attach;            // Likewise.
    std::map<VolumeId, Duration> unwanted_since;     // Of what is there and not wanted.
    std::optional<std::vector<std::string>> in_use;  // As last seen.
  };
  // A node as it is looked at once.
  struct View {
    std::string name;
    Ptr<Node> node;  // nullptr: it is gone.
    Memory& memory;
    std::map<VolumeId, Wanted> wanted;
    std::map<std::string, Ptr<VolumeAttachment>> attachments;  // By name.
    Duration now{};
    Duration again = kNever;                 // When to look next.
    std::set<VolumeId> listed;               // To be in volumesAttached.
    std::vector<VolumeId> leaving;           // Their attachments go.
    std::map<VolumeId, const char*> forced;  // Those of them that may be in use, and why they go.
    bool is_current = false;  // The server has said that the node has not changed since.
  };
  // A VolumeAttachment that the cache may not show yet.
  struct Made {
    VolumeId volume;
    std::string node;
    uint64_t revision = 0;
  };

  void ListenToPods() {
    pods_.OnChange([this](const Ptr<Pod>& before, const Ptr<Pod>& now) {
      const bool same = before && now && before->spec.node_name == now->spec.node_name &&
                        attach::NeedsVolumes(*before) == attach::NeedsVolumes(*now);
      if (same) return;
      for (const auto& pod : {before, now}) {
        if (pod && !pod->spec.node_name.empty() &&
            (!ClaimKeysOf(*pod).empty() || !attach::OwnVolumesOf(*pod).empty())) {
          queue_.Add({"", pod->spec.node_name});
        }
      }
    });
    nodes_.OnChange([this](const Ptr<Node>& before, const Ptr<Node>& now) {
      if (before && now && !Matters(*before, *now)) return;
      queue_.Add({"", (now ? now : before)->metadata.name});
    });
  }

  void ListenToVolumes() {
    claims_.OnChange(
        [this](const auto& before, const auto& now) { WakeUsersOf(KeyOf(now ? *now : *before)); });
    volumes_.OnChange(
        [this](const auto& before, const auto& now) { WakeUsersOf(now ? *now : *before); });
    drivers_.OnChange([this](const auto&, const auto&) {
      for (const auto& node : nodes_.List()) queue_.Add(KeyOf(*node));
    });
    attachments_.OnChange([this](const auto& before, const auto& now) {
      const VolumeAttachment& it = now ? *now : *before;
      queue_.Add({"", it.spec.node_name});
      if (now) return;
      // Another node may wait for it.
      if (const auto own = attach::InlineVolumeOf(it)) return WakeNodesOf(UsersOf(*own));
      const auto volume = volumes_.Get({"", it.spec.source.persistent_volume_name.value_or("")});
      if (volume) WakeUsersOf(*volume);
    });
  }

  void WakeUsersOf(const PersistentVolume& volume) {
    const auto& claim = volume.spec.claim_ref;
    if (claim) WakeUsersOf(ObjectKey{claim->namespace_, claim->name});
  }
  void WakeUsersOf(const ObjectKey& claim) { WakeNodesOf(pods_.ByIndex("claim", claim.Text())); }
  void WakeNodesOf(const std::vector<Ptr<Pod>>& pods) {
    for (const auto& pod : pods) {
      if (!pod->spec.node_name.empty()) queue_.Add({"", pod->spec.node_name});
    }
  }
  // The pods that name the volume without a claim.
  std::vector<Ptr<Pod>> UsersOf(const VolumeId& volume) const {
    return pods_.ByIndex("own volume", attach::UniqueName(volume));
  }

  bool IsSynced() const {
    return pods_.synced() && nodes_.synced() && claims_.synced() && volumes_.synced() &&
           drivers_.synced() && attachments_.synced();
  }

  // nullptr: it has none that has to be attached.
  Ptr<PersistentVolume> VolumeToAttach(const ObjectKey& key) const {
    const auto claim = claims_.Get(key);
    if (!claim || claim->status.phase != "Bound" || claim->spec.volume_name.empty()) return nullptr;
    const auto volume = attach::Attachable(volumes_.Get({"", claim->spec.volume_name}));
    if (!volume || !volume->spec.claim_ref || volume->spec.claim_ref->uid != claim->metadata.uid) {
      return nullptr;
    }
    return HasAttacher(*volume) ? volume : nullptr;
  }

  bool HasAttacher(const PersistentVolume& volume) const {
    const auto driver = drivers_.Get({"", volume.spec.csi->driver});
    return !driver || driver->spec.attach_required.value_or(true);
  }

  View Look(const std::string& name) {
    View view{.name = name,
              .node = nodes_.Get({"", name}),
              .memory = memories_[name],
              .now = clock_.Monotonic()};
    for (const auto& attachment : attachments_.ByIndex("node", name)) {
      view.attachments.emplace(attachment->metadata.name, attachment);
    }
    if (!view.node) return view;
    view.memory.in_use = view.node->status.volumes_in_use;
    for (const auto& pod : pods_.ByIndex("node", name)) {
      if (attach::NeedsVolumes(*pod)) AddWanted(view, pod);
    }
    return view;
  }

  void AddWanted(View& view, const Ptr<Pod>& pod) const {
    for (const auto& volume : attach::OwnVolumesOf(*pod)) {
      if (!HasAttacher(*volume)) continue;
      Wanted& wanted = view.wanted[*attach::VolumeOf(*volume)];
      if (!wanted.volume) wanted = {volume, {}, true};
      wanted.pods.push_back(pod);
    }
    for (const ObjectKey& claim : ClaimKeysOf(*pod)) {
      const auto volume = VolumeToAttach(claim);
      if (!volume) continue;
      Wanted& wanted = view.wanted[*attach::VolumeOf(*volume)];
      wanted.volume = volume;
      wanted.is_own = false;
      wanted.pods.push_back(pod);
    }
  }

  std::optional<VolumeId> VolumeOf(const VolumeAttachment& attachment) const {
    const auto& name = attachment.spec.source.persistent_volume_name;
    if (!name) return attach::InlineVolumeOf(attachment);
    const auto volume = attach::Attachable(volumes_.Get({"", *name}));
    return volume ? attach::VolumeOf(*volume) : std::nullopt;
  }

  // What the node has or may have: of attachments, those that this controller made.
  std::set<VolumeId> Present(const View& view) {
    std::set<VolumeId> present;
    if (view.node) {
      for (const auto& attached : view.node->status.volumes_attached) {
        if (const auto volume = attach::ParseUniqueName(attached.name)) present.insert(*volume);
      }
    }
    for (const auto& [name, attachment] : view.attachments) {
      const auto id = VolumeOf(*attachment);
      if (id && attach::AttachmentName(*id, view.name) == name) present.insert(*id);
    }
    for (const auto& [name, made] : made_) {
      if (made.node == view.name) present.insert(made.volume);
    }
    return present;
  }

  Result<Duration> Settle(const std::string& name) {
    ForgetMade();
    View view = Look(name);
    const std::set<VolumeId> present = Present(view);
    const auto is_wanted = [&](const VolumeId& volume) { return view.wanted.contains(volume); };
    Memory& memory = view.memory;
    std::erase_if(memory.attempts, [&](const auto& it) { return !is_wanted(it.first); });
    std::erase_if(memory.told_multi_attach, [&](const auto& it) { return !is_wanted(it); });
    std::erase_if(memory.unwanted_since, [&](const auto& it) {
      return is_wanted(it.first) || !present.contains(it.first);
    });
    if (present.empty() && view.wanted.empty()) {
      memories_.erase(name);
      return kNever;
    }
    if (view.node && !attach::IsManaged(*view.node)) return kNever;
    for (const VolumeId& volume : present) {
      if (!is_wanted(volume)) LetGo(view, volume);
    }
    for (const auto& [volume, wanted] : view.wanted) Attach(view, volume, wanted);
    if (view.node) TRY(Report(view));
    // One that cannot go holds no other there.
    Result<> all;
    for (const VolumeId& volume : view.leaving) {
      if (const auto gone = Detach(view, volume); !gone) all = Fail(gone.error());
    }
    TRY(Result<>(all));
    return view.again;
  }

  // Those that the cache shows, or has shown.
  void ForgetMade() {
    std::erase_if(made_, [&](const auto& entry) {
      return attachments_.cache().revision() >= entry.second.revision;
    });
  }

  static void LookAgain(View& view, Duration after) { view.again = std::min(view.again, after); }

  static bool IsInUse(const View& view, const VolumeId& volume) {
    const auto& names = view.memory.in_use;
    if (!names) return true;  // The node was gone before it was seen: nobody knows.
    return std::find(names->begin(), names->end(), attach::UniqueName(volume)) != names->end();
  }

  void LetGo(View& view, const VolumeId& volume) {
    const auto since = view.memory.unwanted_since.emplace(volume, view.now).first->second;
    const auto decision = attach::DecideDetach({.is_in_use = IsInUse(view, volume),
                                                .node = view.node.get(),
                                                .unwanted_for = view.now - since,
                                                .may_time_out = may_time_out_});
    if (decision.again) LookAgain(view, *decision.again);
    if (decision.verdict == DetachVerdict::kWait) {
      view.listed.insert(volume);
      return;
    }
    if (decision.verdict == DetachVerdict::kForce) {
      log_.Info("volume detached by force",
                {{"node", view.name}, {"volume", attach::UniqueName(volume)}});
      const bool is_out = view.node && IsOutOfService(*view.node);
      view.forced[volume] = is_out ? "out-of-service" : "timeout";
    }
    view.leaving.push_back(volume);
  }

  void Attach(View& view, const VolumeId& volume, const Wanted& wanted) {
    const std::string name = attach::AttachmentName(volume, view.name);
    const auto found = view.attachments.find(name);
    const VolumeAttachment* there = found == view.attachments.end() ? nullptr : found->second.get();
    Attempt& attempt = view.memory.attempts[volume];
    const Duration elapsed = attempt.since ? view.now - *attempt.since : Duration(0);
    const auto progress = attach::ProgressOf(there, volume, elapsed);
    if (progress.state == AttachState::kAttached) {
      view.memory.attempts.erase(volume);
      view.memory.told_multi_attach.erase(volume);
      view.listed.insert(volume);
      return;
    }
    if (view.now < attempt.not_before) return LookAgain(view, attempt.not_before - view.now);
    if (there == nullptr && attach::IsExclusive(*wanted.volume) &&
        IsElsewhere(view, volume, wanted)) {
      view.memory.attempts.erase(volume);
      return;
    }
    if (!attempt.since) attempt.since = view.now;
    if (progress.state == AttachState::kFailed) {
      return Failed(view, wanted, attempt, progress.error);
    }
    if (progress.state == AttachState::kPending) return LookAgain(view, progress.left);
    if (made_.contains(name)) return;  // The cache shows it soon.
    const auto made = Make(view.name, volume, wanted, name);
    if (!made) Failed(view, wanted, attempt, made.error().message);
  }

  void Failed(View& view, const Wanted& wanted, Attempt& attempt, const std::string& error) {
    const Duration delay = attach::AttachBackoff(++attempt.failures);
    attempt.not_before = view.now + delay;
    attempt.since.reset();
    LookAgain(view, delay);
    for (const auto& pod : wanted.pods) {
      events_.Warning(*pod, "FailedAttachVolume",
                      fmt::format("AttachVolume.Attach failed for volume \"{}\" : {}",
                                  wanted.volume->metadata.name, error));
    }
  }

  // Whether another node has the volume, or is about to; tells the pods so once.
  bool IsElsewhere(const View& view, const VolumeId& volume, const Wanted& wanted) {
    std::set<std::string> others;
    for (const std::string& key : {wanted.volume->metadata.name, attach::UniqueName(volume)}) {
      for (const auto& it : attachments_.ByIndex("volume", key)) {
        if (it->spec.node_name != view.name) others.insert(it->spec.node_name);
      }
    }
    for (const auto& [made_name, made] : made_) {
      if (made.volume == volume && made.node != view.name) others.insert(made.node);
    }
    if (others.empty()) return false;
    if (!view.memory.told_multi_attach.insert(volume).second) return true;
    auto pods = UsersOf(volume);
    if (const auto& claim = wanted.volume->spec.claim_ref) {
      const auto more = pods_.ByIndex("claim", claim->namespace_ + "/" + claim->name);
      pods.insert(pods.end(), more.begin(), more.end());
    }
    std::vector<const Pod*> users;
    for (const auto& pod : pods) {
      if (others.contains(pod->spec.node_name) && attach::NeedsVolumes(*pod)) {
        users.push_back(pod.get());
      }
    }
    for (const auto& pod : wanted.pods) {
      events_.Warning(*pod, "FailedAttachVolume",
                      attach::MultiAttachText(wanted.volume->metadata.name, *pod, users));
    }
    return true;
  }

  Result<> Make(const std::string& node, const VolumeId& volume, const Wanted& wanted,
                const std::string& name) {
    VolumeAttachment attachment;
    attachment.metadata.name = name;
    attachment.spec.attacher = volume.driver;
    attachment.spec.node_name = node;
    if (wanted.is_own) {
      attachment.spec.source.inline_volume_spec = wanted.volume->spec;
    } else {
      attachment.spec.source.persistent_volume_name = wanted.volume->metadata.name;
    }
    const auto created = client_.Create(attachment);
    if (!created && created.error().reason == Reason::kAlreadyExists) return {};
    if (!created) return Fail(created.error());
    made_[name] = {volume, node, WrittenRevision((*created)->metadata)};
    return {};
  }

  // Writes volumesAttached, and tells the pods of what is new there. Conflict when the node has
  // changed: what it uses may have, too.
  Result<> Report(View& view) {
    std::vector<core_v1::AttachedVolume> wanted;
    std::set<VolumeId> fresh = view.listed;
    for (const auto& attached : view.node->status.volumes_attached) {
      const auto volume = attach::ParseUniqueName(attached.name);
      if (volume && !view.listed.contains(*volume)) continue;
      if (volume) fresh.erase(*volume);
      wanted.push_back(attached);
    }
    for (const VolumeId& volume : fresh) wanted.emplace_back().name = attach::UniqueName(volume);
    view.is_current = wanted != view.node->status.volumes_attached;
    TRY(client_.PatchStatus(*view.node,
                            [&](Node& it) { it.status.volumes_attached = std::move(wanted); },
                            {.if_unchanged = true}));
    for (const VolumeId& volume : fresh) {
      const auto found = view.wanted.find(volume);
      if (found == view.wanted.end()) continue;
      for (const auto& pod : found->second.pods) {
        events_.Normal(*pod, "SuccessfulAttachVolume",
                       fmt::format("AttachVolume.Attach succeeded for volume \"{}\" ",
                                   found->second.volume->metadata.name));
      }
    }
    return {};
  }

  // A cache that lags may show a node that has yet to be told of a volume which it uses by now.
  Result<> CheckNode(View& view) {
    if (!view.node || view.is_current) return {};
    const auto live = TRY(client_.Get<Node>({"", view.name}));
    view.is_current = live->metadata.resource_version == view.node->metadata.resource_version;
    if (view.is_current) return {};
    return Fail(Reason::kConflict, "the node has changed");
  }

  Result<> Detach(View& view, const VolumeId& volume) {
    const std::string name = attach::AttachmentName(volume, view.name);
    const auto found = view.attachments.find(name);
    // One that was made just now wakes us when it shows.
    if (found == view.attachments.end() || found->second->metadata.deletion_timestamp) return {};
    TRY(CheckNode(view));
    const auto deleted = client_.Delete(*found->second);
    if (!deleted && deleted.error().reason != Reason::kNotFound) return Fail(deleted.error());
    const auto forced = view.forced.find(volume);
    if (deleted && forced != view.forced.end()) forced_.Add({forced->second});
    return {};
  }

  // By what is cached when somebody asks.
  void Measure(MetricRegistry& metrics) {
    metrics.AddMeasured(
        {"storage_count_attachable_volumes_in_use",
         "[ALPHA] Volumes that pods of a node need to be attached there, once for each pod.",
         {"node", "volume_plugin"}},
        [this] { return CountInUse(); });
    metrics.AddMeasured({"attachdetach_controller_total_volumes",
                         "[ALPHA] Volumes that are to be attached, and that are.",
                         {"plugin_name", "state"}},
                        [this] { return CountVolumes(); });
  }

  static std::string PluginOf(const VolumeId& volume) {
    return "kubernetes.io/csi:" + volume.driver;
  }

  // Calls `each` for each volume of each pod on a node.
  void ForEachUse(const std::function<void(const Pod&, const VolumeId&)>& each) const {
    for (const auto& pod : pods_.List()) {
      if (pod->spec.node_name.empty() || pod->spec.volumes.empty()) continue;
      for (const auto& volume : attach::OwnVolumesOf(*pod)) {
        if (HasAttacher(*volume)) each(*pod, *attach::VolumeOf(*volume));
      }
      for (const ObjectKey& claim : ClaimKeysOf(*pod)) {
        if (const auto volume = VolumeToAttach(claim)) each(*pod, *attach::VolumeOf(*volume));
      }
    }
  }

  std::vector<Sample> CountInUse() const {
    std::map<std::vector<std::string>, double> counts;
    ForEachUse([&](const Pod& pod, const VolumeId& volume) {
      ++counts[{pod.spec.node_name, PluginOf(volume)}];
    });
    return SamplesOf(counts);
  }

  std::vector<Sample> CountVolumes() const {
    std::set<std::pair<std::string, VolumeId>> desired;
    ForEachUse([&](const Pod& pod, const VolumeId& volume) {
      if (attach::NeedsVolumes(pod)) desired.emplace(pod.spec.node_name, volume);
    });
    std::map<std::vector<std::string>, double> counts;
    for (const auto& [node, volume] : desired) {
      ++counts[{PluginOf(volume), "desired_state_of_world"}];
    }
    for (const auto& attachment : attachments_.List()) {
      const auto volume = VolumeOf(*attachment);
      if (volume && attachment->status.attached) {
        ++counts[{PluginOf(*volume), "actual_state_of_world"}];
      }
    }
    return SamplesOf(counts);
  }

  static std::vector<Sample> SamplesOf(const std::map<std::vector<std::string>, double>& counts) {
    std::vector<Sample> samples;
    for (const auto& [labels, count] : counts) samples.push_back({labels, count});
    return samples;
  }

  Client& client_;
  const Clock& clock_;
  EventRecorder& events_;
  const Informer<Pod> pods_;
  const Informer<Node> nodes_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<PersistentVolume> volumes_;
  const Informer<CSIDriver> drivers_;
  const Informer<VolumeAttachment> attachments_;
  const bool may_time_out_;
  const FigureCounter forced_;
  const Log log_{"attachdetach"};
  WorkQueue queue_;                         // Names of nodes.
  std::map<std::string, Memory> memories_;  // By node.
  std::map<std::string, Made> made_;        // By the name of the VolumeAttachment.
};

}  // namespace

void AddAttachDetachController(Manager& manager, const ControllerOptions& options) {
  AddPodNodeIndex(manager);
  AddPodClaimIndex(manager);
  manager.AddLoop(std::make_unique<AttachDetach>(manager, !options.disable_force_detach_on_timeout,
                                                 options.metrics));
}

}  // namespace skiff
