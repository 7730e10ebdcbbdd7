// What the schema cannot say about a ConfigMap.
#include "api/gen/core_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules ConfigMapRules() {
  return Erase<core_v1::ConfigMap>({});
}

}  // namespace skiff
