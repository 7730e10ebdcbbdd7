// What the schema cannot say about a ResourceQuota.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/text/go_text.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::ResourceQuota;

void SetDefaults(ResourceQuota& object) {
  DefaultResourceList(object.spec.hard);
  DefaultResourceList(object.status.hard);
  DefaultResourceList(object.status.used);
}

using core_v1::ResourceQuotaSpec;
using Resources = std::map<std::string, Quantity>;

constexpr Words kScopes = {"Terminating",          "NotTerminating", "BestEffort",
                           "NotBestEffort",        "PriorityClass",  "CrossNamespacePodAffinity",
                           "VolumeAttributesClass"};

// Whether a quota with this scope can count this resource.
bool ScopeCovers(const std::string& scope, const std::string& resource) {
  if (!IsStandardQuotaResource(resource)) return true;
  if (scope == "BestEffort") return resource == "pods";
  if (scope == "VolumeAttributesClass") {
    return IsOneOf(resource, {"persistentvolumeclaims", "requests.storage"});
  }
  return IsOneOf(resource, {"pods", "cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu",
                            "requests.memory"});
}

// How many of the resources each scope cannot count, which may be named any number of times.
class Uncovered {
 public:
  explicit Uncovered(const Resources& hard) : hard_(hard) {}
  size_t By(const std::string& scope) {
    const auto [place, is_new] = counts_.try_emplace(scope, 0);
    if (is_new) {
      place->second = static_cast<size_t>(std::ranges::count_if(
          hard_, [&](const auto& entry) { return !ScopeCovers(scope, entry.first); }));
    }
    return place->second;
  }

 private:
  const Resources& hard_;
  std::map<std::string_view, size_t> counts_;
};

// How many pairs of scopes exclude each other; Kubernetes reports each.
int Conflicts(const std::set<std::string>& scopes) {
  const auto both = [&](const char* a, const char* b) {
    return scopes.contains(a) && scopes.contains(b) ? 1 : 0;
  };
  return both("BestEffort", "NotBestEffort") + both("Terminating", "NotTerminating");
}

void ValidateScopes(const ResourceQuotaSpec& spec, const FieldPath& path, Violations& out) {
  // All of them are shown for each that is wrong.
  const Printed shown = Printed::Verbatim(GoJson(Json(spec.scopes)));
  Uncovered uncovered(spec.hard);
  for (const std::string& scope : spec.scopes) {
    const bool known = IsOneOf(scope, kScopes);
    if (!known) out.Invalid(path, shown, "unsupported scope");
    for (size_t i = known ? uncovered.By(scope) : 0; i > 0 && !out.full(); --i) {
      out.Invalid(path, shown, "unsupported scope applied to resource");
    }
  }
  for (int i = Conflicts({spec.scopes.begin(), spec.scopes.end()}); i > 0; --i) {
    out.Invalid(path, shown, "conflicting scopes");
  }
}

void ValidateScopeValues(const core_v1::ScopedResourceSelectorRequirement& requirement,
                         const FieldPath& path, Violations& out) {
  const std::string& operation = requirement.operator_;
  if (IsOneOf(requirement.scope_name, {"Terminating", "NotTerminating", "BestEffort",
                                       "NotBestEffort", "CrossNamespacePodAffinity"}) &&
      operation != "Exists") {
    out.Invalid(path.Child("operator"), operation,
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
                "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
  }
  if (operation == "In" || operation == "NotIn") {
    if (requirement.values.empty()) {
      out.Required(path.Child("values"),
                   "must be at least one value when `operator` is 'In' or 'NotIn' for scope "
                   "selector");
    }
  } else if (operation == "Exists" || operation == "DoesNotExist") {
    if (!requirement.values.empty()) {
      out.Invalid(path.Child("values"), requirement.values,
                  "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope "
                  "selector");
    }
  } else {
    out.Invalid(path.Child("operator"), operation, "not a valid selector operator");
  }
}

void ValidateScopeSelector(const ResourceQuotaSpec& spec, const FieldPath& path, Violations& out) {
  std::set<std::string> scopes;
  std::optional<Printed> shown;
  Uncovered uncovered(spec.hard);
  for (const auto& requirement : spec.scope_selector->match_expressions) {
    const std::string& scope = requirement.scope_name;
    scopes.insert(scope);
    const bool known = IsOneOf(scope, kScopes);
    if (!known) out.Invalid(path.Child("scopeName"), scope, "unsupported scope");
    for (size_t i = known ? uncovered.By(scope) : 0; i > 0 && !out.full(); --i) {
      if (!shown) shown = GoStruct(*spec.scope_selector);
      out.Invalid(path, *shown, "unsupported scope applied to resource");
    }
    ValidateScopeValues(requirement, path, out);
  }
  for (int i = Conflicts(scopes); i > 0; --i) {
    out.Invalid(path, spec.scopes.empty() ? Json(nullptr) : Json(spec.scopes),
                "conflicting scopes");
  }
}

void ValidateAmounts(const Resources& list, const FieldPath& path, Violations& out) {
  for (const auto& [name, amount] : list) {
    ValidateQuotaResourceName(name, path.Key(name), out);
    ValidateQuantity(name, amount, path.Key(name), out);
  }
}

void Validate(const ResourceQuota& object, Violations& out) {
  const FieldPath path("spec");
  ValidateAmounts(object.spec.hard, path.Child("hard"), out);
  ValidateScopes(object.spec, path.Child("scopes"), out);
  if (object.spec.scope_selector) {
    ValidateScopeSelector(object.spec, path.Child("scopeSelector").Child("matchExpressions"), out);
  }
}

void ValidateUpdate(const ResourceQuota& object, const ResourceQuota& old, Violations& out) {
  Validate(object, out);
  const auto as_set = [](const std::vector<std::string>& scopes) {
    return std::set<std::string>(scopes.begin(), scopes.end());
  };
  if (as_set(object.spec.scopes) != as_set(old.spec.scopes)) {
    out.Invalid(FieldPath("spec").Child("scopes"),
                object.spec.scopes.empty() ? Json(nullptr) : Json(object.spec.scopes),
                kFieldImmutable);
  }
}

void ValidateStatusUpdate(const ResourceQuota& object, const ResourceQuota&, Violations& out) {
  ValidateAmounts(object.status.hard, FieldPath("status").Child("hard"), out);
  ValidateAmounts(object.status.used, FieldPath("status").Child("used"), out);
}

// A request above its limit can never be used up.
void Warn(const ResourceQuota& object, const ResourceQuota* old, std::vector<std::string>& out) {
  if (old != nullptr) return;
  const Resources& hard = object.spec.hard;
  for (const char* name : {"cpu", "memory", "storage", "ephemeral-storage"}) {
    auto request = hard.find(std::string("requests.") + name);
    // Only these two may be named without "requests.".
    if (request == hard.end() && IsOneOf(name, {"cpu", "memory"})) request = hard.find(name);
    const auto limit = hard.find(std::string("limits.") + name);
    if (request == hard.end() || limit == hard.end() || request->second <= limit->second) continue;
    out.push_back("ResourceQuota " + request->first + " (" + request->second.Text() +
                  ") should be less than " + limit->first + " (" + limit->second.Text() + ")");
  }
}

}  // namespace

constexpr RulesOf<ResourceQuota> kTypedResourceQuotaRules = {
    .set_defaults = SetDefaults,
    .prepare_create = ClearStatus<ResourceQuota>,
    .prepare_update = KeepStatus<ResourceQuota>,
    .prepare_status_update = KeepSpec<ResourceQuota>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
};
constinit const Rules kResourceQuotaRules = Erase<kTypedResourceQuotaRules>();

}  // namespace skiff
