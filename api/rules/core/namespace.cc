// What the schema cannot say about a Namespace.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/namespace_finalize.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::Namespace;

// What may hold back the end of a namespace.
void CheckNamespaceFinalizer(const std::string& finalizer, const FieldPath& path, Violations& out) {
  CheckFormat(LabelKeyErrors, finalizer, path, out);
  CheckFinalizerName(finalizer, path, out);
}

// Keeps a namespace until its content is gone.
constexpr std::string_view kFinalizer = "kubernetes";

void SetDefaults(Namespace& object) {
  if (!object.metadata.name.empty()) {
    object.metadata.labels["kubernetes.io/metadata.name"] = object.metadata.name;
  }
  Default(object.status.phase, "Active");
}

void Create(Namespace& object) {
  auto& finalizers = object.spec.finalizers;
  if (std::ranges::find(finalizers, kFinalizer) == finalizers.end()) {
    finalizers.emplace_back(kFinalizer);
  }
  object.status = {};
  object.status.phase = "Active";
  // A generated name was not known before.
  SetDefaults(object);
}

void Update(Namespace& object, const Namespace& old) {
  object.spec.finalizers = old.spec.finalizers;
  object.status = old.status;
}

void Validate(const Namespace& object, Violations& out) {
  for (const std::string& finalizer : object.spec.finalizers) {
    CheckNamespaceFinalizer(finalizer, FieldPath("spec").Child("finalizers"), out);
  }
}

void ValidateStatusUpdate(const Namespace& object, const Namespace&, Violations& out) {
  const FieldPath at = FieldPath("status").Child("Phase");
  if (!object.metadata.deletion_timestamp) {
    if (object.status.phase != "Active") {
      out.Invalid(at, object.status.phase, "may only be 'Active' if `deletionTimestamp` is empty");
    }
  } else if (object.status.phase != "Terminating") {
    out.Invalid(at, object.status.phase,
                "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
}

}  // namespace

void ValidateNamespaceFinalize(const Namespace& object, Violations& out) {
  for (size_t i = 0; i < object.spec.finalizers.size(); ++i) {
    CheckNamespaceFinalizer(object.spec.finalizers[i],
                            FieldPath("spec").Child("finalizers").Index(i), out);
  }
}

constexpr RulesOf<Namespace> kTypedNamespaceRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = KeepSpec<Namespace>,
    .validate = Validate,
    .validate_status_update = ValidateStatusUpdate,
    .validate_name = NameIsDnsLabel,
};
constinit const Rules kNamespaceRules = Erase<kTypedNamespaceRules>();

}  // namespace skiff
