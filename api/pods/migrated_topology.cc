#include "api/pods/migrated_topology.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

#include "base/text.h"

namespace skiff {
namespace {

// The labels of zones and regions that a volume speaks in.
struct PlaceNames {
  std::string zone;
  std::string region;
  bool are_old = false;
};
const PlaceNames kCurrentNames{"topology.kubernetes.io/zone", "topology.kubernetes.io/region"};
const PlaceNames kOldNames{"failure-domain.beta.kubernetes.io/zone",
                           "failure-domain.beta.kubernetes.io/region", true};

std::vector<core_v1::NodeSelectorTerm>* TermsOf(core_v1::PersistentVolume& volume) {
  auto& affinity = volume.spec.node_affinity;
  if (!affinity || !affinity->required) return nullptr;
  return &affinity->required->node_selector_terms;
}

// Calls `look` with each expression of that key.
template <typename Look>
void EachOf(core_v1::PersistentVolume& volume, std::string_view key, Look look) {
  auto* const terms = TermsOf(volume);
  if (terms == nullptr) return;
  for (auto& term : *terms) {
    for (auto& expression : term.match_expressions) {
      if (expression.key == key) look(expression);
    }
  }
}

bool HasKey(core_v1::PersistentVolume& volume, std::string_view key) {
  bool names = false;
  EachOf(volume, key, [&](const auto&) { names = true; });
  return names;
}

// Whether an expression of that key, which has a value, was there.
bool RenameKey(core_v1::PersistentVolume& volume, std::string_view key, std::string_view now) {
  bool has_values = false;
  EachOf(volume, key, [&](const auto& expression) { has_values |= !expression.values.empty(); });
  if (!has_values) return false;
  EachOf(volume, key, [&](auto& expression) { expression.key = now; });
  return true;
}

// To each term; none where there is no place that has a name.
void AddPlaces(core_v1::PersistentVolume& volume, std::string_view key,
               const std::vector<std::string>& places) {
  std::set<std::string> named;
  for (const std::string& place : places) {
    const std::string_view name = WithoutBlanks(place);
    if (!name.empty()) named.emplace(name);
  }
  if (named.empty()) return;
  auto& terms = volume.spec.node_affinity.Ensure().required.Ensure().node_selector_terms;
  if (terms.empty()) terms.emplace_back();
  for (auto& term : terms) {
    auto& added = term.match_expressions.emplace_back();
    added.key = key;
    added.operator_ = "In";
    added.values.assign(named.begin(), named.end());
  }
}

const PlaceNames& PlaceNamesOf(core_v1::PersistentVolume& volume) {
  const auto& labels = volume.metadata.labels;
  if (HasKey(volume, kCurrentNames.zone)) return kCurrentNames;
  if (HasKey(volume, kOldNames.zone)) return kOldNames;
  if (labels.contains(kCurrentNames.zone)) return kCurrentNames;
  return labels.contains(kOldNames.zone) ? kOldNames : kCurrentNames;
}

void TranslateOne(core_v1::PersistentVolume& volume, const std::string& label,
                  std::string_view key) {
  if (RenameKey(volume, label, key)) return;
  const auto found = volume.metadata.labels.find(label);
  if (found != volume.metadata.labels.end()) AddPlaces(volume, key, {found->second});
}

}  // namespace

std::vector<std::string> PlacesOfLabel(std::string_view text) {
  std::vector<std::string> places;
  for (const auto& part : std::views::split(text, std::string_view("__"))) {
    places.emplace_back(part.begin(), part.end());
  }
  if (places.empty()) places.emplace_back();
  return places;
}

void TranslateZones(core_v1::PersistentVolume& volume, std::string_view zone_key) {
  const PlaceNames& names = PlaceNamesOf(volume);
  if (!RenameKey(volume, names.zone, zone_key)) {
    const auto label = volume.metadata.labels.find(names.zone);
    if (label != volume.metadata.labels.end()) {
      AddPlaces(volume, zone_key, PlacesOfLabel(label->second));
    }
  }
  // Nodes do not have the old label of regions any more, and the driver has none of its own.
  if (names.are_old) RenameKey(volume, names.region, kCurrentNames.region);
}

void TranslateZoneAndRegion(core_v1::PersistentVolume& volume, std::string_view zone_key,
                            std::string_view region_key) {
  const PlaceNames& names = PlaceNamesOf(volume);
  TranslateOne(volume, names.zone, zone_key);
  TranslateOne(volume, names.region, region_key);
}

}  // namespace skiff
