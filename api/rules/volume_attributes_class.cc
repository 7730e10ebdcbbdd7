// What the schema cannot say about a VolumeAttributesClass.
#include "api/gen/storage_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules VolumeAttributesClassRules() {
  return Erase<storage_v1::VolumeAttributesClass>({});
}

}  // namespace skiff
