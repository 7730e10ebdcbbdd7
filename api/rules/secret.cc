// What the schema cannot say about a Secret.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::Secret;

// stringData is only for writing: it is folded into data and never shown again.
void SetDefaults(Secret& object) {
  Default(object.type, "Opaque");
  for (auto& [key, value] : object.string_data) object.data[key] = value;
  object.string_data.clear();
}

}  // namespace

Rules SecretRules() {
  return Erase<Secret>({.set_defaults = SetDefaults});
}

}  // namespace skiff
