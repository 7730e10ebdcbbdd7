// What the schema cannot say about a CustomResourceDefinition.
#include <algorithm>

#include "api/crd/definition.h"
#include "api/gen/apiextensions_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "base/text.h"

namespace skiff {
namespace {

using apiextensions_v1::CustomResourceDefinition;

std::string StorageVersion(const CustomResourceDefinition& object) {
  for (const auto& version : object.spec.versions) {
    if (version.storage) return version.name;
  }
  return "";
}

void StoreVersion(CustomResourceDefinition& object) {
  const std::string version = StorageVersion(object);
  auto& stored = object.status.stored_versions;
  if (!version.empty() && std::ranges::find(stored, version) == stored.end()) {
    stored.push_back(version);
  }
}

void SetDefaults(CustomResourceDefinition& object) {
  auto& names = object.spec.names;
  Default(names.singular, Lower(names.kind));
  if (!names.kind.empty()) Default(names.list_kind, names.kind + "List");
  auto& conversion = object.spec.conversion;
  if (!conversion) conversion.emplace().strategy = "None";
  auto& webhook = conversion->webhook;
  if (webhook && !webhook->client_config && webhook->conversion_review_versions.empty()) {
    webhook.reset();  // Of one that says nothing nothing is kept.
  }
  if (conversion->webhook && conversion->webhook->client_config &&
      conversion->webhook->client_config->service) {
    Default(conversion->webhook->client_config->service->port, 443);
  }
  if (object.status.stored_versions.empty()) StoreVersion(object);
}

void Create(CustomResourceDefinition& object) {
  PrepareCreate(object);
  StoreVersion(object);
}

void Update(CustomResourceDefinition& object, const CustomResourceDefinition& old) {
  PrepareUpdate(object, old);
  StoreVersion(object);
}

}  // namespace

constexpr RulesOf<CustomResourceDefinition> kTypedCustomResourceDefinitionRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = KeepSpec<CustomResourceDefinition>,
    .validate = crd::ValidateDefinition,
    .validate_update = crd::ValidateDefinitionUpdate,
    .validate_status_update = crd::ValidateDefinitionStatusUpdate,
    .warnings = crd::WarnOfFormats,
    .allow_unconditional_update = false,
};
constinit const Rules kCustomResourceDefinitionRules = Erase<kTypedCustomResourceDefinitionRules>();

}  // namespace skiff
