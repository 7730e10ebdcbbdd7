// pv_collector_*: how many volumes and claims there are and are bound, under
// kube-controller-manager's names, counted when somebody asks.
#pragma once

#include "api/gen/core_v1.h"
#include "base/metrics.h"
#include "client/informer.h"

namespace skiff {

// The informers live as long as whoever asks the registry.
void AddVolumeFigures(MetricRegistry& registry, const Informer<core_v1::PersistentVolume>& volumes,
                      const Informer<core_v1::PersistentVolumeClaim>& claims);

}  // namespace skiff
