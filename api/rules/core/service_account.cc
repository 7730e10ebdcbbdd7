// What the schema cannot say about a ServiceAccount.
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::ServiceAccount;

// A secret is named; the rest of the reference is not kept.
void Create(ServiceAccount& object) {
  for (auto& secret : object.secrets) {
    core_v1::ObjectReference named;
    named.name = secret.name;
    secret = named;
  }
}

void Update(ServiceAccount& object, const ServiceAccount&) {
  Create(object);
}

void Warn(const ServiceAccount& object, const ServiceAccount* old, std::vector<std::string>& out) {
  constexpr const char* kEnforce = "kubernetes.io/enforce-mountable-secrets";
  if (!object.metadata.annotations.contains(kEnforce)) return;
  if (old != nullptr && old->metadata.annotations.contains(kEnforce)) return;
  out.emplace_back(
      "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer "
      "separate namespaces to isolate access to mounted secrets");
}

}  // namespace

constexpr RulesOf<ServiceAccount> kTypedServiceAccountRules = {
    .prepare_create = Create,
    .prepare_update = Update,
    .warnings = Warn,
};
constinit const Rules kServiceAccountRules = Erase<kTypedServiceAccountRules>();

}  // namespace skiff
