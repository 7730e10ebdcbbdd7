// Where a volume of a former plugin can be reached, in its CSI driver's words: the driver's nodes
// carry labels of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

// Renames the zone that the volume's affinity asks for, or else adds that of its labels, which may
// be several ("a__b").
void TranslateZones(core_v1::PersistentVolume& volume, std::string_view zone_key);
// Likewise of vSphere, whose driver has a label for regions, too, and knows one zone to a volume.
void TranslateZoneAndRegion(core_v1::PersistentVolume& volume, std::string_view zone_key,
                            std::string_view region_key);

// The parts of "a__b".
std::vector<std::string> PlacesOfLabel(std::string_view text);

}  // namespace skiff
