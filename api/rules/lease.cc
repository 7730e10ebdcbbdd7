// What the schema cannot say about a Lease.
#include "api/gen/coordination_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using coordination_v1::Lease;

// Coordinated leader election is behind a feature gate that is off.
void Create(Lease& object) {
  object.spec.strategy.reset();
  object.spec.preferred_holder.reset();
}

void Update(Lease& object, const Lease& old) {
  if (!old.spec.strategy) object.spec.strategy.reset();
  if (!old.spec.preferred_holder) object.spec.preferred_holder.reset();
}

}  // namespace

Rules LeaseRules() {
  return Erase<Lease>({
      .prepare_create = Create,
      .prepare_update = Update,
      .allow_create_on_update = true,
      .allow_unconditional_update = false,
  });
}

}  // namespace skiff
