// Validation of PersistentVolumes, and of the same spec inside a VolumeAttachment.
#pragma once

#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace core_v1 {
struct PersistentVolume;
struct PersistentVolumeSpec;
}  // namespace core_v1

void ValidatePersistentVolume(const core_v1::PersistentVolume& object, Violations& out);
void ValidatePersistentVolumeUpdate(const core_v1::PersistentVolume& object,
                                    const core_v1::PersistentVolume& old, Violations& out);
// What is left of a spec that is written into an attachment.
void ValidateInlineVolume(const core_v1::PersistentVolumeSpec& spec, const FieldPath& path,
                          Violations& out);

}  // namespace skiff
