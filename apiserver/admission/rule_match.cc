#include "apiserver/admission/rule_match.h"

#include <algorithm>

#include "api/gen/core_v1.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

using Labels = std::map<std::string, std::string>;

bool Names(const std::vector<std::string>& items, std::string_view wanted) {
  return std::any_of(items.begin(), items.end(), [&](const std::string& item) {
    return item == "*" || item == wanted;
  });
}

bool ResourceMatches(const ResourceRule& rule, std::string_view resource,
                     std::string_view subresource) {
  return std::any_of(rule.resources.begin(), rule.resources.end(), [&](std::string_view item) {
    const size_t slash = item.find('/');
    const std::string_view main = item.substr(0, slash);
    const std::string_view sub = slash == item.npos ? std::string_view() : item.substr(slash + 1);
    return (main == "*" || main == resource) && (sub == "*" || sub == subresource);
  });
}

bool RuleNames(const ResourceRule& rule, Operation operation, const KindInfo& kind,
               std::string_view subresource) {
  return Names(rule.operations, OperationText(operation)) && Names(rule.groups, kind.group) &&
         Names(rule.versions, kind.version) && ResourceMatches(rule, kind.resource, subresource);
}

bool ScopeMatches(const ResourceRule& rule, const AdmissionRequest& request) {
  if (rule.scope.empty() || rule.scope == "*") return true;
  const bool of_cluster =
      IsNamespaces(request.kind) || AdmissionNamespace(request).empty();
  return rule.scope == (of_cluster ? "Cluster" : "Namespaced");
}

bool NameMatches(const ResourceRule& rule, const AdmissionRequest& request) {
  return rule.names.empty() ||
         std::find(rule.names.begin(), rule.names.end(), request.name) != rule.names.end();
}

// Kinds that are equivalent are resources of one name. Most rules are about other resources, and
// for those nobody looks through all kinds that there are.
bool SomeRuleNamesResource(const std::vector<ResourceRule>& rules, Operation operation,
                           const KindInfo& kind, std::string_view subresource) {
  return std::any_of(rules.begin(), rules.end(), [&](const ResourceRule& rule) {
    return Names(rule.operations, OperationText(operation)) &&
           ResourceMatches(rule, kind.resource, subresource);
  });
}

const KindInfo* MatchRules(const std::vector<ResourceRule>& rules, bool equivalent,
                           const AdmissionRequest& request, const KindSet& kinds) {
  const auto takes = [&](const ResourceRule& rule, const KindInfo& kind) {
    return RuleNames(rule, request.operation, kind, request.subresource) &&
           ScopeMatches(rule, request) && NameMatches(rule, request);
  };
  for (const ResourceRule& rule : rules) {
    if (takes(rule, request.kind)) return &request.kind;
  }
  if (!equivalent || !SomeRuleNamesResource(rules, request.operation, request.kind,
                                            request.subresource)) {
    return nullptr;
  }
  const auto others = EquivalentKinds(request.kind, request.subresource, kinds);
  for (const ResourceRule& rule : rules) {
    for (const KindInfo* other : others) {
      if (takes(rule, *other)) return other;
    }
  }
  return nullptr;
}

// As Kubernetes: what is created or changed decides by its own labels, what goes by those it has.
Result<bool> NamespaceMatches(const LabelSelector& selector, const AdmissionRequest& request,
                              Caches& caches) {
  const std::string_view name = AdmissionNamespace(request);
  if (selector.empty() || (name.empty() && !IsNamespaces(request.kind))) return true;
  const bool writes =
      request.operation == Operation::kCreate || request.operation == Operation::kUpdate;
  if (IsNamespaces(request.kind) && request.subresource.empty() && writes) {
    return selector.Matches(request.object->metadata().labels);
  }
  const auto space = TRY(caches.namespaces.FindOrRead("", name));
  if (!space) return Fail(NotFoundError({"", "namespaces"}, std::string(name)));
  return selector.Matches(space->metadata.labels);
}

bool BodyMatches(const LabelSelector& selector, const Json& body) {
  const auto metadata = body.is_object() ? body.find("metadata") : body.end();
  // Options of a connection have no metadata, and match no selector.
  if (metadata == body.end() || !metadata->is_object()) return false;
  Labels labels;
  const Json given = metadata->value("labels", Json::object());
  for (const auto& [key, value] : given.items()) {
    if (value.is_string()) labels[key] = value.get<std::string>();
  }
  return selector.Matches(labels);
}

bool ObjectMatches(const LabelSelector& selector, const AdmissionRequest& request) {
  if (selector.empty()) return true;
  if (request.body != nullptr) {
    return BodyMatches(selector, *request.body) ||
           (request.old_body != nullptr && BodyMatches(selector, *request.old_body));
  }
  const auto matches = [&](const Object* object) {
    return object != nullptr && selector.Matches(object->metadata().labels);
  };
  return matches(request.object) || matches(request.old_object);
}

}  // namespace

LabelSelector SelectorOf(const Box<meta_v1::LabelSelector>& given) {
  if (!given) return {};
  auto selector = LabelSelector::From(*given);
  return selector ? std::move(*selector) : LabelSelector::Nothing();
}

bool IsNamespaces(const KindInfo& kind) {
  return kind.group.empty() && kind.resource == "namespaces";
}

std::string_view OperationText(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
      return "CREATE";
    case Operation::kUpdate:
      return "UPDATE";
    case Operation::kDelete:
      return "DELETE";
    case Operation::kConnect:
      return "CONNECT";
  }
  return "";
}

std::string_view AdmissionNamespace(const AdmissionRequest& request) {
  return IsNamespaces(request.kind) ? request.name : request.namespace_name;
}

std::string KindName::ApiVersion() const {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

KindName SentKind(const KindInfo& kind, std::string_view subresource) {
  const Subresource* sub = subresource.empty() ? nullptr : kind.FindSubresource(subresource);
  if (sub == nullptr || sub->kind.empty()) return {kind.group, kind.version, kind.kind};
  const std::string_view full = sub->api_version.empty() ? kind.api_version : sub->api_version;
  const size_t slash = full.find('/');
  if (slash == full.npos) return {"", full, sub->kind};
  return {full.substr(0, slash), full.substr(slash + 1), sub->kind};
}

std::vector<const KindInfo*> EquivalentKinds(const KindInfo& kind, std::string_view subresource,
                                             const KindSet& kinds) {
  std::vector<const KindInfo*> found;
  const bool built_in = RuntimeKindOf(kind) == nullptr;
  for (const KindInfo* other : kinds.kinds()) {
    if (other->api_version == kind.api_version || other->resource != kind.resource) continue;
    const bool same_group = other->group == kind.group;
    const bool same_place = built_in && RuntimeKindOf(*other) == nullptr &&
                            !kind.storage_key.empty() && other->storage_key == kind.storage_key;
    if (!same_group && !same_place) continue;
    if (!subresource.empty() && other->FindSubresource(subresource) == nullptr) continue;
    found.push_back(other);
  }
  return found;
}

Result<const KindInfo*> MatchRequest(const MatchCriteria& criteria, const AdmissionRequest& request,
                                     const MatchContext& context) {
  // Only when the rules match does it matter that a selector cannot be asked.
  const Result<bool> in_namespace =
      NamespaceMatches(criteria.namespace_selector, request, context.caches);
  if (in_namespace && !*in_namespace) return nullptr;
  if (!ObjectMatches(criteria.object_selector, request)) return nullptr;
  const auto match = [&](const std::vector<ResourceRule>& rules) {
    return MatchRules(rules, criteria.equivalent, request, context.kinds);
  };
  if (match(criteria.excluded) != nullptr) return nullptr;
  const bool all = criteria.rules.empty() && criteria.no_rules_match_all;
  const KindInfo* kind = all ? &request.kind : match(criteria.rules);
  if (kind != nullptr && !in_namespace) return Fail(in_namespace.error());
  return kind;
}

bool RulesName(const MatchCriteria& criteria, Operation operation, const KindInfo& kind,
               std::string_view subresource, const KindSet& kinds) {
  const auto names = [&](const KindInfo& named) {
    return std::any_of(criteria.rules.begin(), criteria.rules.end(), [&](const auto& rule) {
      return RuleNames(rule, operation, named, subresource);
    });
  };
  if (criteria.rules.empty()) return criteria.no_rules_match_all;
  if (names(kind)) return true;
  if (!criteria.equivalent ||
      !SomeRuleNamesResource(criteria.rules, operation, kind, subresource)) {
    return false;
  }
  const auto others = EquivalentKinds(kind, subresource, kinds);
  return std::any_of(others.begin(), others.end(), [&](const KindInfo* each) {
    return names(*each);
  });
}

bool IsExemptFromAdmission(const KindInfo& kind) {
  constexpr std::string_view kExempt[] = {
      "validatingwebhookconfigurations",    "mutatingwebhookconfigurations",
      "validatingadmissionpolicies",        "validatingadmissionpolicybindings",
      "mutatingadmissionpolicies",          "mutatingadmissionpolicybindings"};
  return kind.group == "admissionregistration.k8s.io" &&
         std::find(std::begin(kExempt), std::end(kExempt), kind.resource) != std::end(kExempt);
}

bool IsExemptFromPolicies(const KindInfo& kind) {
  const bool asks_who = kind.group == "authentication.k8s.io" &&
                        (kind.resource == "selfsubjectreviews" || kind.resource == "tokenreviews");
  constexpr std::string_view kMayHe[] = {"localsubjectaccessreviews", "selfsubjectaccessreviews",
                                         "selfsubjectrulesreviews", "subjectaccessreviews"};
  const bool asks_may_he =
      kind.group == "authorization.k8s.io" &&
      std::find(std::begin(kMayHe), std::end(kMayHe), kind.resource) != std::end(kMayHe);
  return asks_who || asks_may_he || IsExemptFromAdmission(kind);
}

}  // namespace skiff
