// What the schema cannot say about an EndpointSlice.
#include "api/gen/discovery_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using discovery_v1::EndpointSlice;

void SetDefaults(EndpointSlice& object) {
  for (auto& port : object.ports) {
    Default(port.name, "");
    Default(port.protocol, "TCP");
  }
}

// Topology came as labels before there were fields for node and zone.
void DropTopology(EndpointSlice& object) {
  for (auto& endpoint : object.endpoints) endpoint.deprecated_topology.clear();
}

void Create(EndpointSlice& object) {
  object.metadata.generation = 1;
  DropTopology(object);
}

// Everything but metadata counts as spec, and labels do too.
bool SameContent(const EndpointSlice& a, const EndpointSlice& b) {
  return a.address_type == b.address_type && a.endpoints == b.endpoints && a.ports == b.ports &&
         a.metadata.labels == b.metadata.labels;
}

void Update(EndpointSlice& object, const EndpointSlice& old) {
  MoveGeneration(object, old, !SameContent(object, old));
  if (!(object.endpoints == old.endpoints)) DropTopology(object);
}

}  // namespace

Rules EndpointSliceRules() {
  return Erase<EndpointSlice>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = Update,
  });
}

}  // namespace skiff
