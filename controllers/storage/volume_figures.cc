#include "controllers/storage/volume_figures.h"

#include <map>
#include <string>
#include <vector>

#include "controllers/storage/volume_match.h"

namespace skiff {
namespace {

using core_v1::PersistentVolume;
using core_v1::PersistentVolumeClaim;
using LabelCounts = std::map<std::vector<std::string>, double>;

std::vector<Sample> SamplesIn(const LabelCounts& counts) {
  std::vector<Sample> samples;
  for (const auto& [labels, count] : counts) samples.push_back({labels, count});
  return samples;
}

// Of the plugins that kube-controller-manager still has.
std::string PluginNameOf(const PersistentVolume& volume) {
  if (volume.spec.csi) return "kubernetes.io/csi:" + volume.spec.csi->driver;
  if (volume.spec.host_path) return "kubernetes.io/host-path";
  if (volume.spec.nfs) return "kubernetes.io/nfs";
  if (volume.spec.local) return "kubernetes.io/local-volume";
  return "N/A";
}

std::vector<Sample> CountBoundVolumes(const Informer<PersistentVolume>& volumes, bool bound) {
  LabelCounts counts;
  for (const auto& volume : volumes.List()) {
    if ((volume->status.phase == "Bound") == bound) ++counts[{volume->spec.storage_class_name}];
  }
  return SamplesIn(counts);
}

std::vector<Sample> CountBoundClaims(const Informer<PersistentVolumeClaim>& claims, bool bound) {
  LabelCounts counts;
  for (const auto& claim : claims.List()) {
    if ((claim->status.phase == "Bound") != bound) continue;
    ++counts[{claim->metadata.namespace_, ClassOf(*claim).value_or(""),
              claim->spec.volume_attributes_class_name.value_or("")}];
  }
  return SamplesIn(counts);
}

}  // namespace

void AddVolumeFigures(MetricRegistry& registry, const Informer<PersistentVolume>& volumes,
                      const Informer<PersistentVolumeClaim>& claims) {
  registry.AddMeasured(
      {"pv_collector_total_pv_count", "[ALPHA] PersistentVolumes.", {"plugin_name", "volume_mode"}},
      [volumes] {
        LabelCounts counts;
        for (const auto& it : volumes.List()) {
          const auto& mode = it->spec.volume_mode;
          ++counts[{PluginNameOf(*it), mode.value_or("Filesystem")}];
        }
        return SamplesIn(counts);
      });
  for (const bool bound : {true, false}) {
    const std::string prefix = bound ? "pv_collector_bound_" : "pv_collector_unbound_";
    registry.AddMeasured({prefix + "pv_count",
                          bound ? "[ALPHA] PersistentVolumes that are bound."
                                : "[ALPHA] PersistentVolumes that are not bound.",
                          {"storage_class"}},
                         [volumes, bound] { return CountBoundVolumes(volumes, bound); });
    registry.AddMeasured({prefix + "pvc_count",
                          bound ? "[ALPHA] PersistentVolumeClaims that are bound."
                                : "[ALPHA] PersistentVolumeClaims that are not bound.",
                          {"namespace", "storage_class", "volume_attributes_class"}},
                         [claims, bound] { return CountBoundClaims(claims, bound); });
  }
}

}  // namespace skiff
