// What the schema cannot say about a CSINode.
#include "api/gen/storage_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules CSINodeRules() {
  return Erase<storage_v1::CSINode>({.allow_unconditional_update = false});
}

}  // namespace skiff
