// What the schema cannot say about a CSIStorageCapacity.
#include "api/gen/storage_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules CSIStorageCapacityRules() {
  return Erase<storage_v1::CSIStorageCapacity>({.allow_unconditional_update = false});
}

}  // namespace skiff
