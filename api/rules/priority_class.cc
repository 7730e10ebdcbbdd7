// What the schema cannot say about a PriorityClass.
#include "api/gen/scheduling_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using scheduling_v1::PriorityClass;

void SetDefaults(PriorityClass& object) {
  Default(object.preemption_policy, "PreemptLowerPriority");
}

}  // namespace

Rules PriorityClassRules() {
  return Erase<PriorityClass>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<PriorityClass>,
  });
}

}  // namespace skiff
