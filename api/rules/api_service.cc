// What the schema cannot say about an APIService.
#include "api/gen/apiregistration_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using apiregistration_v1::APIService;

void SetDefaults(APIService& object) {
  if (object.spec.service) Default(object.spec.service->port, 443);
}

// Groups that this server answers itself are there from the start.
void Stamp(APIService& object, const APIService* old, TimePoint now) {
  if (old != nullptr || object.spec.service) return;
  auto& condition = object.status.conditions.emplace_back();
  condition.type = "Available";
  condition.status = "True";
  condition.last_transition_time = now;
  condition.reason = "Local";
  condition.message = "Local APIServices are always available";
}

}  // namespace

Rules APIServiceRules() {
  return Erase<APIService>({
      .set_defaults = SetDefaults,
      .prepare_create = ClearStatus<APIService>,
      .prepare_update = KeepStatus<APIService>,
      .prepare_status_update = KeepSpecAndMetadata<APIService>,
      .stamp = Stamp,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
