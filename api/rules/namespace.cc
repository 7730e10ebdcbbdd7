// What the schema cannot say about a Namespace.
#include <algorithm>

#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::Namespace;

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

}  // namespace

Rules NamespaceRules() {
  return Erase<Namespace>({
      .set_defaults = SetDefaults,
      .prepare_create = Create,
      .prepare_update = Update,
      .prepare_status_update = KeepSpec<Namespace>,
  });
}

}  // namespace skiff
