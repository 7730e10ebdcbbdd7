// Volumes of CSI drivers that grow on the node: when they are mounted, and in use.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "kubelet/csi/csi_volumes.h"
#include "kubelet/csi/expansion.h"
#include "kubelet/csi/volume_context.h"
#include "kubelet/volumes/volume_plugin.h"

namespace skiff::kubelet::csi {
namespace {

using core_v1::PersistentVolumeClaim;

Quantity CapacityOf(const std::map<std::string, Quantity>& amounts) {
  const auto found = amounts.find("storage");
  return found == amounts.end() ? Quantity() : found->second;
}

void Tell(const VolumeInput& input, const PersistentVolumeClaim& claim, bool is_good,
          const std::string& text) {
  EventRecorder* const events = input.sources.events;
  if (events == nullptr) return;
  if (is_good) {
    events->Normal(input.pod, "FileSystemResizeSuccessful", text);
    events->Normal(claim, "FileSystemResizeSuccessful", text);
  } else {
    events->Warning(input.pod, "FileSystemResizeFailed", text);
    events->Warning(claim, "FileSystemResizeFailed", text);
  }
}

}  // namespace

// Of a volume that this pod has; failures are tried again at later calls, ever less often. The pod
// runs on meanwhile: whatever else it wants of its worker does not wait for the driver.
void CsiVolumes::ExpandInUse(const VolumeInput& input) {
  if (input.bound == nullptr) return;
  {
    MutexLock lock(mutex_);
    const auto found = sizes_.find(input.directory);
    if (found == sizes_.end() || !(found->second < CapacityOf(input.bound->spec.capacity))) return;
    const auto retry = retries_.find(input.directory);
    if (retry != retries_.end() && input.clock.Monotonic() < retry->second.at) return;
    if (!growing_.insert(input.directory).second) return;
  }
  if (!sources_.run) return ExpandInUseNow(input);
  struct Kept {
    core_v1::Pod pod;
    core_v1::Volume volume;
    core_v1::PersistentVolume bound;
  };
  const auto kept = std::make_shared<const Kept>(Kept{input.pod, input.volume, *input.bound});
  sources_.run([this, kept, pod_directory = input.pod_directory, directory = input.directory,
                &sources = input.sources, &clock = input.clock, &mounts = input.mounts,
                &devices = input.devices] {
    ExpandInUseNow({kept->pod, kept->volume, &kept->bound, pod_directory, directory, sources, clock,
                    mounts, devices});
  });
}

void CsiVolumes::ExpandInUseNow(const VolumeInput& input) {
  const auto is_there = [&] {
    MutexLock lock(mutex_);
    return published_.contains(input.directory);
  };
  const auto expand = [&]() -> Result<> {
    Volume volume = TRY(Look(input));
    const NodeClient client(TRY(drivers_.Endpoint(volume.data.driver)));
    const Turn turn(*this, UniqueName(volume.data.driver, volume.call.volume_id));
    if (!is_there()) return {};  // Its pod has ended meanwhile.
    const Capabilities able = TRY(client.GetCapabilities());
    if (!able.stages) volume.call.staging_path.clear();
    return Expand(input, client, able, volume);
  };
  const auto done = expand();
  {
    MutexLock lock(mutex_);
    growing_.erase(input.directory);
    if (done) {
      retries_.erase(input.directory);
    } else if (published_.contains(input.directory)) {
      Retry& retry = retries_[input.directory];
      retry.delay = std::clamp<Duration>(retry.delay * 2, kFirstRetry, kLongestRetry);
      retry.at = input.clock.Monotonic() + retry.delay;
    }
  }
  if (done || input.sources.events == nullptr) return;
  input.sources.events->Warning(
      input.pod, "VolumeResizeFailed",
      PhaseFailed("NodeExpandVolume.NodeExpandVolume", input.bound->metadata.name, done.error())
          .message);
}

Result<> CsiVolumes::Expand(const VolumeInput& input, const NodeClient& client,
                            const Capabilities& able, const Volume& volume) {
  if (input.bound == nullptr || !input.bound->spec.claim_ref) return {};
  const auto& owner = *input.bound->spec.claim_ref;
  const auto claim = input.sources.claim(owner.namespace_, owner.name);
  if (!claim) {
    return Fail(claim.error().reason,
                "mountVolume.NodeExpandVolume get PVC failed : " + claim.error().message);
  }
  Quantity known;
  {
    MutexLock lock(mutex_);
    known = sizes_[input.directory];
  }
  const ExpansionPlan plan = PlanExpansion(**claim, *input.bound, known);
  if (plan.what == Expansion::kNone) {
    const Quantity held = CapacityOf((*claim)->status.capacity);
    SetSize(input, plan.size > known ? plan.size : known > Quantity() ? known : held);
    return {};
  }
  if (volume.call.is_read_only) {
    Tell(input, **claim, false,
         fmt::format("MountVolume.NodeExpandVolume failed for volume \"{}\" requested read-only "
                     "file system",
                     input.bound->metadata.name));
    SetSize(input, plan.size);
    return {};
  }
  return ExpandAndTell(input, client, able, volume, **claim, plan);
}

Result<> CsiVolumes::ExpandAndTell(const VolumeInput& input, const NodeClient& client,
                                   const Capabilities& able, const Volume& volume,
                                   PersistentVolumeClaim claim, const ExpansionPlan& plan) {
  const auto patch = [&](const auto& change) -> Result<> {
    if (!sources_.patch_claim) return {};
    claim = *TRY(sources_.patch_claim(claim, change));
    return {};
  };
  if (plan.what == Expansion::kNode) TRY(patch(SetExpanding));
  if (!able.expands && plan.what != Expansion::kNode) {
    SetSize(input, plan.size);
    return {};
  }
  if (const auto grown = AskToExpand(input, client, able, volume, plan.size); !grown) {
    const Error& why = grown.error();
    if (plan.what != Expansion::kOld && IsFinal(why)) {
      bool had_failed = false;
      {
        MutexLock lock(mutex_);
        had_failed = !failed_.insert(input.directory).second;
      }
      // Its owner wants another size by now, which the controller can only turn to after that.
      const bool wants_other = CapacityOf(claim.spec.resources.requests) != plan.size;
      const bool gives_up = (able.expands && IsInfeasible(why)) || (wants_other && had_failed);
      (void)patch([&](PersistentVolumeClaim& it) {
        SetExpansionFailed(it, why.message, gives_up, input.clock.Now());
      });
    }
    if (!able.expands || !IsInUse(why)) return grown;
    // It is not to be tried again here, and keeps nobody from using the volume.
    SetSize(input, plan.size);
    return {};
  }
  SetSize(input, plan.size);
  Tell(input, claim, true,
       fmt::format("MountVolume.NodeExpandVolume succeeded for volume \"{}\" {}",
                   input.bound->metadata.name, node_name_));
  if (plan.what == Expansion::kSilent) return {};
  const auto told = patch([&](PersistentVolumeClaim& it) { SetExpanded(it, plan.size); });
  if (told) return {};
  SetSize(input, CapacityOf(claim.status.capacity));
  return Fail(told.error().reason,
              "mountVolume.NodeExpandVolume update pvc status failed: " + told.error().message);
}

Result<> CsiVolumes::AskToExpand(const VolumeInput& input, const NodeClient& client,
                                 const Capabilities& able, const Volume& volume,
                                 const Quantity& size) {
  if (!able.expands) {
    return Fail(Reason::kMethodNotAllowed,
                "NodeExpand is not supported by the CSI driver " + volume.data.driver);
  }
  VolumeCall call = volume.call;
  if (const auto& secret = input.bound->spec.csi->node_expand_secret_ref) {
    auto secrets =
        SecretsOf(input.sources, secret->namespace_, secret->name, "NodeExpandSecretRef");
    // Nothing that the driver has said.
    if (!secrets) return Fail(Reason::kUnknown, "expander.NodeExpand: " + secrets.error().message);
    call.secrets = std::move(*secrets);
  }
  call.staging_path = Known(call.staging_path);
  call.target_path = Known(call.target_path);
  call.mount_group.clear();
  const auto done = client.Expand(call, size.Value(), able);
  if (done) return {};
  Error why = done.error();
  why.message = fmt::format("Expander.NodeExpand failed to expand the volume {}{}",
                            IsInfeasible(why) ? "" : ": ", why.message);
  return tl::unexpected(std::move(why));
}

void CsiVolumes::SetSize(const VolumeInput& input, const Quantity& size) {
  MutexLock lock(mutex_);
  sizes_[input.directory] = size;
}

}  // namespace skiff::kubelet::csi
