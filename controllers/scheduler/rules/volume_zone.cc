// VolumeZone: volumes that say by labels in which zones and regions they can be reached.
#include <algorithm>
#include <array>

#include "api/pods/migrated_topology.h"
#include "controllers/scheduler/rules/rules.h"

namespace skiff::scheduler {
namespace {

struct PlaceLabel {
  std::string_view name;
  std::string_view current;  // Of the same meaning, as nodes have it today.
};
constexpr std::array<PlaceLabel, 4> kPlaceLabels = {{
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
    {"topology.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"topology.kubernetes.io/region", "topology.kubernetes.io/region"},
}};

// A label of a volume: the values that a node may have.
struct Wanted {
  const PlaceLabel* label;
  std::vector<std::string> values;
};

// Of "a__b"; none where one of them is empty, as such a label is not followed.
std::vector<std::string> ValuesOf(std::string_view text) {
  std::vector<std::string> values = PlacesOfLabel(text);
  if (std::ranges::any_of(values, [](const auto& each) { return each.empty(); })) return {};
  return values;
}

void AddWanted(const core_v1::PersistentVolume& volume, std::vector<Wanted>& wanted) {
  for (const PlaceLabel& label : kPlaceLabels) {
    const auto found = volume.metadata.labels.find(std::string(label.name));
    if (found == volume.metadata.labels.end()) continue;
    std::vector<std::string> values = ValuesOf(found->second);
    if (!values.empty()) wanted.push_back({&label, std::move(values)});
  }
}

bool HasAnyPlace(const NodeInfo& node) {
  return std::ranges::any_of(
      kPlaceLabels, [&](const PlaceLabel& each) { return node.Label(each.name) != nullptr; });
}

bool Has(const NodeInfo& node, const Wanted& wanted) {
  const std::string* value = node.Label(wanted.label->name);
  if (value == nullptr) value = node.Label(wanted.label->current);
  return value != nullptr && std::ranges::find(wanted.values, *value) != wanted.values.end();
}

}  // namespace

Prepared PrepareVolumeZone(const PodInfo& pod, const Snapshot& snapshot) {
  std::vector<Wanted> wanted;
  for (const auto& volume : pod.pod->spec.volumes) {
    if (!volume.persistent_volume_claim) continue;
    // What is not there, or not bound, is up to VolumeBinding, which comes before.
    const auto claim = snapshot.storage.claim(pod.pod->metadata.namespace_,
                                              volume.persistent_volume_claim->claim_name);
    if (!claim || claim->spec.volume_name.empty()) continue;
    const auto found = snapshot.storage.volume(claim->spec.volume_name);
    if (!found) {
      return Prepared::Reject(
          Verdict::Unresolvable("persistentvolume \"" + claim->spec.volume_name + "\" not found"));
    }
    AddWanted(*found, wanted);
  }
  if (wanted.empty()) return Prepared::Pass();
  return Prepared::Each([wanted = std::move(wanted)](const NodeInfo& node) {
    const bool fits = !HasAnyPlace(node) || std::ranges::all_of(wanted, [&](const Wanted& each) {
      return Has(node, each);
    });
    return fits ? Verdict::Fits() : Verdict::Unresolvable("node(s) had no available volume zone");
  });
}

}  // namespace skiff::scheduler
