// What the schema cannot say about a PriorityClass.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "api/gen/scheduling_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using scheduling_v1::PriorityClass;

void SetDefaults(PriorityClass& object) {
  Default(object.preemption_policy, "PreemptLowerPriority");
}

constexpr int32_t kUserValueMax = 1'000'000'000;

// The classes of the cluster's own parts.
constexpr std::pair<std::string_view, int32_t> kSystemClasses[] = {
    {"system-node-critical", 2'000'001'000}, {"system-cluster-critical", 2'000'000'000}};

// What is wrong with a class whose name begins with "system-"; "" for nothing.
std::string SystemClassError(const PriorityClass& object) {
  const std::string& name = object.metadata.name;
  const auto* found =
      std::ranges::find(kSystemClasses, name, [](const auto& known) { return known.first; });
  if (found == std::end(kSystemClasses)) {
    return name + " is not a known system priority class";
  }
  if (object.value != found->second) {
    return "value of " + name + " PriorityClass must be " + std::to_string(found->second);
  }
  if (object.global_default) return "globalDefault of " + name + " PriorityClass must be false";
  return "";
}

void Validate(const PriorityClass& object, Violations& out) {
  if (object.metadata.name.starts_with("system-")) {
    if (const std::string error = SystemClassError(object); !error.empty()) {
      out.Forbidden(FieldPath("metadata").Child("name"),
                    "priority class names with 'system-' prefix are reserved for system use only. "
                    "error: " +
                        error);
    }
  } else if (object.value > kUserValueMax) {
    out.Forbidden(FieldPath("value"),
                  "maximum allowed value of a user defined priority is 1000000000");
  }
  if (object.preemption_policy) {
    RequireOneOf(*object.preemption_policy, {"PreemptLowerPriority", "Never"},
                 FieldPath("preemptionPolicy"), out);
  }
}

void ValidateUpdate(const PriorityClass& object, const PriorityClass& old, Violations& out) {
  if (object.value != old.value) {
    out.Forbidden(FieldPath("value"), "may not be changed in an update.");
  }
  ValidateImmutable(object.preemption_policy, old.preemption_policy, FieldPath("preemptionPolicy"),
                    out);
}

}  // namespace

constexpr RulesOf<PriorityClass> kTypedPriorityClassRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<PriorityClass>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
};
constinit const Rules kPriorityClassRules = Erase<kTypedPriorityClassRules>();

}  // namespace skiff
