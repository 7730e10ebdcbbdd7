// What the schema cannot say about a ConfigMap.
#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::ConfigMap;

constexpr size_t kBytesMax = 1024 * 1024;
constexpr const char* kImmutable = "field is immutable when `immutable` is set";

void Validate(const ConfigMap& object, Violations& out) {
  size_t bytes = 0;
  for (const auto& [key, value] : object.data) {
    const FieldPath at = FieldPath("data").Key(key);
    CheckFormat(ConfigMapKeyErrors, key, at, out);
    if (object.binary_data.contains(key)) {
      out.Invalid(at, key, "duplicate of key present in binaryData");
    }
    bytes += value.size();
  }
  for (const auto& [key, value] : object.binary_data) {
    CheckFormat(ConfigMapKeyErrors, key, FieldPath("binaryData").Key(key), out);
    bytes += value.size();
  }
  if (bytes > kBytesMax) out.TooLong(FieldPath("[]"), kBytesMax);
}

void ValidateUpdate(const ConfigMap& object, const ConfigMap& old, Violations& out) {
  if (old.immutable.value_or(false)) {
    if (!object.immutable.value_or(false)) out.Forbidden(FieldPath("immutable"), kImmutable);
    if (object.data != old.data) out.Forbidden(FieldPath("data"), kImmutable);
    if (object.binary_data != old.binary_data) out.Forbidden(FieldPath("binaryData"), kImmutable);
  }
  Validate(object, out);
}

}  // namespace

constexpr RulesOf<ConfigMap> kTypedConfigMapRules = {
    .validate = Validate,
    .validate_update = ValidateUpdate,
};
constinit const Rules kConfigMapRules = Erase<kTypedConfigMapRules>();

}  // namespace skiff
