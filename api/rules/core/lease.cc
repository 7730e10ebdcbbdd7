// What the schema cannot say about a Lease.
#include "api/gen/coordination_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

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

void Validate(const Lease& object, Violations& out) {
  const FieldPath path("spec");
  const auto& spec = object.spec;
  if (spec.lease_duration_seconds && *spec.lease_duration_seconds <= 0) {
    out.Invalid(path.Child("leaseDurationSeconds"), *spec.lease_duration_seconds,
                "must be greater than 0");
  }
  if (spec.lease_transitions) {
    ValidateNonNegative(*spec.lease_transitions, path.Child("leaseTransitions"), out);
  }
}

void ValidateUpdate(const Lease& object, const Lease&, Violations& out) {
  Validate(object, out);
}

}  // namespace

constexpr RulesOf<Lease> kTypedLeaseRules = {
    .prepare_create = Create,
    .prepare_update = Update,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .allow_create_on_update = true,
    .allow_unconditional_update = false,
};
constinit const Rules kLeaseRules = Erase<kTypedLeaseRules>();

}  // namespace skiff
