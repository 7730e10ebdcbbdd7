// What the schema cannot say about Endpoints.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

void SetDefaults(core_v1::Endpoints& object) {
  for (auto& subset : object.subsets) {
    for (auto& port : subset.ports) Default(port.protocol, "TCP");
  }
}

}  // namespace

Rules EndpointsRules() {
  return Erase<core_v1::Endpoints>({.set_defaults = SetDefaults, .allow_create_on_update = true});
}

}  // namespace skiff
