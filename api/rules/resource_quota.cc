// What the schema cannot say about a ResourceQuota.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::ResourceQuota;

void SetDefaults(ResourceQuota& object) {
  DefaultResourceList(object.spec.hard);
  DefaultResourceList(object.status.hard);
  DefaultResourceList(object.status.used);
}

}  // namespace

Rules ResourceQuotaRules() {
  return Erase<ResourceQuota>({
      .set_defaults = SetDefaults,
      .prepare_create = ClearStatus<ResourceQuota>,
      .prepare_update = KeepStatus<ResourceQuota>,
      .prepare_status_update = KeepSpec<ResourceQuota>,
  });
}

}  // namespace skiff
