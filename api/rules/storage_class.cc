// What the schema cannot say about a StorageClass.
#include "api/gen/storage_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using storage_v1::StorageClass;

void SetDefaults(StorageClass& object) {
  Default(object.reclaim_policy, "Delete");
  Default(object.volume_binding_mode, "Immediate");
}

}  // namespace

Rules StorageClassRules() {
  return Erase<StorageClass>({.set_defaults = SetDefaults});
}

}  // namespace skiff
