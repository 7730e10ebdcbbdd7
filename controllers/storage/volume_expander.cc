// Claims that ask for more than their volumes have: whoever drives the volume makes it larger
// (external-resizer of CSI), and the claim is told that it waits for that. Of a volume that is not
// a CSI volume but has a driver by now, that driver's resizer looks for its name on the claim.
#include <fmt/format.h>

#include "api/pods/migrated_volumes.h"
#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/program.h"
#include "controllers/storage/volume_expansion_plan.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;

constexpr char kResizer[] = "volume.kubernetes.io/storage-resizer";

class VolumeExpander final : public ControlLoop {
 public:
  explicit VolumeExpander(Manager& manager)
      : client_(manager.client()),
        events_(manager.Recorder("volume_expand")),
        claims_(manager.informer<PersistentVolumeClaim>()),
        volumes_(manager.informer<PersistentVolume>()),
        queue_(manager.clock()) {
    claims_.OnChange([this](const auto& before, const auto& now) {
      if (now && IsNewWish(before.get(), *now)) queue_.Add(KeyOf(*now));
    });
    claims_.cache().OnSynced([this] { Wake(); });
    volumes_.cache().OnSynced([this] { Wake(); });
  }

  Duration Step() override {
    if (!claims_.synced() || !volumes_.synced()) return kNever;
    const auto key = queue_.TakeOrWait(*this);
    if (!key) return queue_.UntilNext();
    if (Tell(*key)) {
      queue_.Forget(*key);
    } else {
      queue_.AddRateLimited(*key);
    }
    queue_.Done(*key);
    return Duration(0);
  }

 private:
  // False: its volume does not know of the claim yet, or the claim could not be written.
  bool Tell(const ObjectKey& key) {
    const auto claim = claims_.Get(key);
    if (!claim || !WantsMore(*claim)) return true;
    const auto volume = volumes_.Get({"", claim->spec.volume_name});
    if (!volume || !volume->spec.claim_ref ||
        volume->spec.claim_ref->namespace_ != claim->metadata.namespace_ ||
        volume->spec.claim_ref->uid != claim->metadata.uid) {
      log_.Debug("volume is not bound to the claim that asks for more", {{"claim", key}});
      return false;
    }
    const std::string_view former = MigratedPluginOf(*volume);
    if (!former.empty()) return HandOn(*claim, former);
    events_.Normal(*claim, "ExternalExpanding",
                   "waiting for an external controller to expand this PVC");
    return true;
  }

  bool HandOn(const PersistentVolumeClaim& claim, std::string_view former) {
    events_.Normal(claim, "ExternalExpanding",
                   fmt::format("CSI migration enabled for {}; waiting for external resizer to "
                               "expand the pvc",
                               former));
    const std::string_view driver = DriverInPlaceOf(former);
    // Who expands volumes may write nothing of claims but their status.
    const auto told = client_.PatchStatus(
        claim, [&](PersistentVolumeClaim& it) { it.metadata.annotations[kResizer] = driver; },
        {.if_unchanged = true});
    if (told) return true;
    events_.Warning(claim, "ExternalExpanding",
                    fmt::format("error setting resizer annotation to pvc {}, with error {}",
                                KeyOf(claim).Text(), told.error().message));
    return false;
  }

  Client& client_;
  EventRecorder& events_;
  const Informer<PersistentVolumeClaim> claims_;
  const Informer<PersistentVolume> volumes_;
  const Log log_{"volume expander"};
  WorkQueue queue_;
};

}  // namespace

void AddVolumeExpander(Manager& manager) {
  manager.AddLoop(std::make_unique<VolumeExpander>(manager));
}

}  // namespace skiff
