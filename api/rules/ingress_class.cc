// What the schema cannot say about an IngressClass.
#include "api/gen/networking_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using networking_v1::IngressClass;

void SetDefaults(IngressClass& object) {
  if (object.spec.parameters) Default(object.spec.parameters->scope, "Cluster");
}

}  // namespace

Rules IngressClassRules() {
  return Erase<IngressClass>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<IngressClass>,
      .prepare_update = PrepareUpdate<IngressClass>,
  });
}

}  // namespace skiff
