// What the schema cannot say about a ControllerRevision.
#include "api/gen/apps_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

Rules ControllerRevisionRules() {
  return Erase<apps_v1::ControllerRevision>({});
}

}  // namespace skiff
