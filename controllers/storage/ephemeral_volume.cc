// Claims for the ephemeral volumes of pods: each lives and goes with its pod.
#include <fmt/format.h>

#include <algorithm>

#include "client/reconciler.h"
#include "client/refusals.h"
#include "controllers/figures.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using core_v1::Volume;

class EphemeralVolumes final : public Reconciler<Pod> {
 public:
  EphemeralVolumes(Manager& manager, MetricRegistry* metrics)
      : client_(manager.client()),
        claims_(manager.informer<PersistentVolumeClaim>()),
        events_(manager.Recorder("ephemeral_volume")),
        created_(metrics, {"ephemeral_volume_controller_create_total",
                           "[ALPHA] Claims that were to be made for ephemeral volumes."}),
        failed_(metrics, {"ephemeral_volume_controller_create_failures_total",
                          "[ALPHA] Those of them that could not be made."}) {}

  Result<Requeue> Reconcile(const Pod& pod) override {
    if (pod.metadata.deletion_timestamp) return Requeue::None();
    for (const Volume& volume : pod.spec.volumes) {
      if (!volume.ephemeral || !volume.ephemeral->volume_claim_template) continue;
      const auto claimed = Claim(pod, volume);
      if (claimed) continue;
      events_.Warning(pod, "FailedBinding",
                      fmt::format("ephemeral volume {}: {}", volume.name,
                                  claimed.error().message));
      return Fail(claimed.error());
    }
    return Requeue::None();
  }

 private:
  // A claim of that name that somebody else made is not given to the pod.
  Result<> Claim(const Pod& pod, const Volume& volume) {
    const ObjectKey key = {pod.metadata.namespace_, pod.metadata.name + "-" + volume.name};
    if (const auto known = claims_.Get(key)) {
      const meta_v1::OwnerReference* owner = ControllerOf(known->metadata);
      if (owner && owner->uid == pod.metadata.uid) return {};
      return Fail(Reason::kInvalid,
                  fmt::format("PVC {} was not created for pod {} (pod is not owner)", key.Text(),
                              KeyOf(pod).Text()));
    }
    const auto& wanted = *volume.ephemeral->volume_claim_template;
    PersistentVolumeClaim claim;
    claim.metadata.name = key.name;
    claim.metadata.labels = wanted.metadata.labels;
    claim.metadata.annotations = wanted.metadata.annotations;
    claim.spec = wanted.spec;
    const auto created = client_.CreateOwned(pod, std::move(claim));
    created_.Add();
    if (!created) failed_.Add();
    if (created || IsNamespaceTerminating(created.error())) return {};
    Error error = created.error();
    // The cache lags: it is ours, or the next look finds that it is not.
    if (error.reason == Reason::kAlreadyExists && !claims_.Get(key)) {
      const auto live = TRY(client_.Get<PersistentVolumeClaim>(key));
      const meta_v1::OwnerReference* owner = ControllerOf(live->metadata);
      if (owner && owner->uid == pod.metadata.uid) return {};
    }
    error.message = fmt::format("create PVC {}: {}", key.name, error.message);
    return Fail(std::move(error));
  }

  Client& client_;
  const Informer<PersistentVolumeClaim> claims_;
  EventRecorder& events_;
  const FigureCounter created_, failed_;
};

}  // namespace

void AddEphemeralVolumeController(Manager& manager, MetricRegistry* metrics) {
  AddPodClaimIndex(manager);
  const auto pods = manager.informer<Pod>();
  ControllerBuilder<Pod>(manager, "ephemeral-volume")
      .Only([](const Pod& pod) {
        return std::ranges::any_of(pod.spec.volumes, [](const Volume& volume) {
          return static_cast<bool>(volume.ephemeral);
        });
      })
      // A claim that is gone is made again, or makes room for the pod's own.
      .Watches<PersistentVolumeClaim>([pods](const PersistentVolumeClaim& claim) {
        std::vector<ObjectKey> keys;
        for (const auto& pod : pods.ByIndex("claim", KeyOf(claim).Text())) {
          keys.push_back(KeyOf(*pod));
        }
        return keys;
      })
      .Workers(5)
      .Complete(std::make_unique<EphemeralVolumes>(manager, metrics));
}

}  // namespace skiff
