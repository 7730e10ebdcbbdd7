// Whether a request concerns a webhook or a policy: the rules, selectors and match policy that both
// are configured with. Knows neither webhooks nor policies.
//
//   const MatchCriteria criteria{.rules = {ResourceRuleOf(rule)}, .equivalent = true};
//   const KindInfo* kind = TRY(MatchRequest(criteria, request, {caches, *kinds}));
//   if (kind == nullptr) return {};               // It does not concern us.
//   ... the request, put as one for `kind` ...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/gen/meta_v1.h"
#include "api/registry.h"
#include "api/select/selector.h"
#include "apiserver/admission/admission.h"
#include "apiserver/identity/caches.h"

namespace skiff {

// RuleWithOperations and NamedRuleWithOperations.
struct ResourceRule {
  std::vector<std::string> operations;  // "CREATE", "*"
  std::vector<std::string> groups;
  std::vector<std::string> versions;
  std::vector<std::string> resources;  // "pods", "pods/*", "*/scale", "*" (no subresources), "*/*"
  std::string scope = "*";             // "Cluster", "Namespaced", "*"
  std::vector<std::string> names;      // Of objects; none: all.
};

// Of any generated struct with the fields of a rule.
template <typename Rule>
ResourceRule ResourceRuleOf(const Rule& rule) {
  ResourceRule made{.operations = rule.operations,
                    .groups = rule.api_groups,
                    .versions = rule.api_versions,
                    .resources = rule.resources,
                    .scope = rule.scope.value_or("*")};
  if constexpr (requires { rule.resource_names; }) made.names = rule.resource_names;
  return made;
}

// The selector that a webhook or a policy gives; none selects everything. Validation has seen to it
// that it can be read; one that cannot selects nothing.
LabelSelector SelectorOf(const Box<meta_v1::LabelSelector>& given);

struct MatchCriteria {
  std::vector<ResourceRule> rules = {};
  std::vector<ResourceRule> excluded = {};
  bool no_rules_match_all = false;  // As in bindings of policies; else no rules match nothing.
  bool equivalent = true;           // matchPolicy: Equivalent; else Exact.
  LabelSelector namespace_selector = {};
  LabelSelector object_selector = {};
};

// What is looked at beside the request itself.
struct MatchContext {
  Caches& caches;
  const KindSet& kinds;  // Keeps alive what is answered.
};

// Whether it is that of namespaces, whatever is asked of them.
bool IsNamespaces(const KindInfo& kind);

// "CREATE", as AdmissionReview names it.
std::string_view OperationText(Operation operation);

// The namespace a request counts for: that of a namespace object is the namespace itself.
std::string_view AdmissionNamespace(const AdmissionRequest& request);

// The kind of what is sent or connected by: that of the subresource where it has one of its own.
struct KindName {
  std::string_view group;
  std::string_view version;
  std::string_view kind;
  std::string ApiVersion() const;
  bool operator==(const KindName&) const = default;
};
KindName SentKind(const KindInfo& kind, std::string_view subresource);

// Other versions of the resource, of its own group or another, that have the subresource as well;
// in discovery order.
std::vector<const KindInfo*> EquivalentKinds(const KindInfo& kind, std::string_view subresource,
                                             const KindSet& kinds);

// The kind whose resource the rules name: the request's own, else an equivalent one. nullptr when
// the request does not match. Fails, with the API's own error, when the rules match and the
// namespace whose labels decide is not there.
Result<const KindInfo*> MatchRequest(const MatchCriteria& criteria, const AdmissionRequest& request,
                                     const MatchContext& context);

// Whether a request of that operation could match by its resource alone, whatever its object and
// namespace are: what is asked before anything is decoded.
bool RulesName(const MatchCriteria& criteria, Operation operation, const KindInfo& kind,
               std::string_view subresource, const KindSet& kinds);

// Webhooks and policies are never asked about what configures them.
bool IsExemptFromAdmission(const KindInfo& kind);
// Nor policies about who somebody is and what he may do: a cluster may not be able to answer its
// own parts any more. Webhooks are.
bool IsExemptFromPolicies(const KindInfo& kind);

}  // namespace skiff
