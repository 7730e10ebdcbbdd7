// What the schema cannot say about a ServiceAccount.
#include "api/gen/core_v1.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

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

}  // namespace

Rules ServiceAccountRules() {
  return Erase<ServiceAccount>({.prepare_create = Create, .prepare_update = Update});
}

}  // namespace skiff
