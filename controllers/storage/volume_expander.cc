// Claims that ask for more than their volumes have: whoever drives the volume makes it larger
// (external-resizer of CSI), and the claim is told that it waits for that.
#include "base/log.h"
#include "client/reconciler.h"
#include "controllers/program.h"
#include "controllers/storage/volume_expansion_plan.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;

class VolumeExpander final : public ControlLoop {
 public:
  explicit VolumeExpander(Manager& manager)
      : events_(manager.Recorder("volume_expand")),
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
  // False: its volume does not know of the claim yet.
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
    events_.Normal(*claim, "ExternalExpanding",
                   "waiting for an external controller to expand this PVC");
    return true;
  }

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
