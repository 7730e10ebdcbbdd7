// What the schema cannot say about roles and their bindings.
#include <type_traits>

#include "api/gen/rbac_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/go_struct.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/select/selector.h"
#include "api/violations.h"

namespace skiff {
namespace {

using namespace rbac_v1;

constexpr const char* kGroup = "rbac.authorization.k8s.io";

template <typename Binding>
void SetDefaults(Binding& object) {
  Default(object.role_ref.api_group, kGroup);
  for (auto& subject : object.subjects) {
    if (subject.kind == "User" || subject.kind == "Group") Default(subject.api_group, kGroup);
  }
}

template <typename Role>
constexpr bool kNamespaced = std::is_same_v<Role, rbac_v1::Role>;

void ValidateRule(const PolicyRule& rule, bool namespaced, const FieldPath& path, Violations& out) {
  if (rule.verbs.empty()) {
    out.Required(path.Child("verbs"), "verbs must contain at least one value");
  }
  if (!rule.non_resource_urls.empty()) {
    const FieldPath at = path.Child("nonResourceURLs");
    if (namespaced) {
      out.Invalid(at, rule.non_resource_urls, "namespaced rules cannot apply to non-resource URLs");
    }
    if (!rule.api_groups.empty() || !rule.resources.empty() || !rule.resource_names.empty()) {
      out.Invalid(at, rule.non_resource_urls,
                  "rules cannot apply to both regular resources and non-resource URLs");
    }
    return;
  }
  if (rule.api_groups.empty()) {
    out.Required(path.Child("apiGroups"), "resource rules must supply at least one api group");
  }
  if (rule.resources.empty()) {
    out.Required(path.Child("resources"), "resource rules must supply at least one resource");
  }
}

void ValidateAggregation(const AggregationRule& aggregation, Violations& out) {
  const FieldPath path = FieldPath("aggregationRule").Child("clusterRoleSelectors");
  const auto& selectors = aggregation.cluster_role_selectors;
  if (selectors.empty()) {
    out.Required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil");
  }
  for (size_t i = 0; i < selectors.size(); ++i) {
    ValidateLabelSelector(selectors[i], {}, path.Index(i), out);
    if (!LabelSelector::From(selectors[i])) {
      // What Kubernetes shows is the selector that it could not make.
      out.Invalid(path.Index(i), nullptr, "invalid label selector.");
    }
  }
}

template <typename AnyRole>
void ValidateRole(const AnyRole& object, Violations& out) {
  for (size_t i = 0; i < object.rules.size(); ++i) {
    ValidateRule(object.rules[i], kNamespaced<AnyRole>, FieldPath("rules").Index(i), out);
  }
  if constexpr (!kNamespaced<AnyRole>) {
    if (object.aggregation_rule) ValidateAggregation(*object.aggregation_rule, out);
  }
}

template <typename AnyRole>
void ValidateRoleUpdate(const AnyRole& object, const AnyRole&, Violations& out) {
  ValidateRole(object, out);
}

void ValidateSubject(const Subject& subject, bool namespaced, const FieldPath& path,
                     Violations& out) {
  Require(subject.name, path.Child("name"), out);
  if (subject.kind == "ServiceAccount") {
    if (!subject.name.empty()) {
      CheckFormat(Dns1123SubdomainErrors, subject.name, path.Child("name"), out);
    }
    CheckOneOf(subject.api_group, {""}, path.Child("apiGroup"), out);
    if (!namespaced) Require(subject.namespace_, path.Child("namespace"), out);
  } else if (subject.kind == "User" || subject.kind == "Group") {
    CheckOneOf(subject.api_group, {kGroup}, path.Child("apiGroup"), out);
  } else {
    out.NotSupported(path.Child("kind"), subject.kind, {"ServiceAccount", "User", "Group"});
  }
}

template <typename Binding>
void ValidateBinding(const Binding& object, Violations& out) {
  constexpr bool kInNamespace = std::is_same_v<Binding, RoleBinding>;
  const FieldPath path("roleRef");
  CheckOneOf(object.role_ref.api_group, {kGroup}, path.Child("apiGroup"), out);
  if (kInNamespace) {
    CheckOneOf(object.role_ref.kind, {"Role", "ClusterRole"}, path.Child("kind"), out);
  } else {
    CheckOneOf(object.role_ref.kind, {"ClusterRole"}, path.Child("kind"), out);
  }
  RequireFormat(PathSegmentErrors, object.role_ref.name, path.Child("name"), out);
  for (size_t i = 0; i < object.subjects.size(); ++i) {
    ValidateSubject(object.subjects[i], kInNamespace, FieldPath("subjects").Index(i), out);
  }
}

template <typename Binding>
void ValidateBindingUpdate(const Binding& object, const Binding& old, Violations& out) {
  ValidateBinding(object, out);
  if (!(object.role_ref == old.role_ref)) {
    out.Invalid(FieldPath("roleRef"), GoStruct(object.role_ref), "cannot change roleRef");
  }
}

}  // namespace

constexpr RulesOf<Role> kTypedRoleRules = {
    .validate = ValidateRole<Role>,
    .validate_update = ValidateRoleUpdate<Role>,
    .validate_name = NameIsPathSegment,
    .allow_create_on_update = true,
};
constinit const Rules kRoleRules = Erase<kTypedRoleRules>();

constexpr RulesOf<ClusterRole> kTypedClusterRoleRules = {
    .validate = ValidateRole<ClusterRole>,
    .validate_update = ValidateRoleUpdate<ClusterRole>,
    .validate_name = NameIsPathSegment,
    .allow_create_on_update = true,
};
constinit const Rules kClusterRoleRules = Erase<kTypedClusterRoleRules>();

constexpr RulesOf<RoleBinding> kTypedRoleBindingRules = {
    .set_defaults = SetDefaults<RoleBinding>,
    .validate = ValidateBinding<RoleBinding>,
    .validate_update = ValidateBindingUpdate<RoleBinding>,
    .validate_name = NameIsPathSegment,
    .allow_create_on_update = true,
};
constinit const Rules kRoleBindingRules = Erase<kTypedRoleBindingRules>();

constexpr RulesOf<ClusterRoleBinding> kTypedClusterRoleBindingRules = {
    .set_defaults = SetDefaults<ClusterRoleBinding>,
    .validate = ValidateBinding<ClusterRoleBinding>,
    .validate_update = ValidateBindingUpdate<ClusterRoleBinding>,
    .validate_name = NameIsPathSegment,
    .allow_create_on_update = true,
};
constinit const Rules kClusterRoleBindingRules = Erase<kTypedClusterRoleBindingRules>();

}  // namespace skiff
