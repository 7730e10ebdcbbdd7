// What the schema cannot say about an Ingress.
#include "api/gen/networking_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using networking_v1::Ingress;

}  // namespace

Rules IngressRules() {
  return Erase<Ingress>({
      .prepare_create = PrepareCreate<Ingress>,
      .prepare_update = PrepareUpdate<Ingress>,
      .prepare_status_update = KeepSpec<Ingress>,
  });
}

}  // namespace skiff
