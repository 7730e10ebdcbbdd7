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

// Also of one that has no name yet, of which nothing else is wrong then.
void StoreVersion(CustomResourceDefinition& object) {
  const auto& versions = object.spec.versions;
  const auto version =
      std::ranges::find_if(versions, [](const auto& each) { return each.storage; });
  auto& stored = object.status.stored_versions;
  if (version != versions.end() && std::ranges::find(stored, version->name) == stored.end()) {
    stored.push_back(version->name);
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
