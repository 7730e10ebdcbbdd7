// What the schema cannot say about a ReplicaSet.
#include "api/gen/apps_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using apps_v1::ReplicaSet;

void SetDefaults(ReplicaSet& object) {
  Default(object.spec.replicas, 1);
  DefaultPodTemplate(object.spec.template_);
}

}  // namespace

Rules ReplicaSetRules() {
  return Erase<ReplicaSet>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<ReplicaSet>,
      .prepare_update = PrepareUpdate<ReplicaSet>,
      .prepare_status_update = KeepSpec<ReplicaSet>,
  });
}

}  // namespace skiff
