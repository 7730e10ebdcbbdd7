// Validation of what a claim asks for, wherever it stands: in a claim, or in a pod's template of
// one.
#pragma once

#include <string>
#include <vector>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

namespace core_v1 {
struct PersistentVolumeClaimSpec;
}

struct ClaimSpecOptions {
  // The old claim named a group of a source already, so whatever it is now is not looked at.
  bool any_source_group = false;
};
void ValidatePersistentVolumeClaimSpec(const core_v1::PersistentVolumeClaimSpec& spec,
                                       const FieldPath& path, Violations& out,
                                       const ClaimSpecOptions& options = {});
// What a claim may ask for, and a volume offer. None at all are fine here.
void CheckAccessModes(const std::vector<std::string>& modes, const FieldPath& path,
                      Violations& out);

}  // namespace skiff
