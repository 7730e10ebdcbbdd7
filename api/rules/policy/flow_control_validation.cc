#include "api/rules/policy/flow_control_validation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "api/gen/flowcontrol_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/go_struct.h"

namespace skiff {
namespace {

using namespace flowcontrol_v1;

constexpr int32_t kPrecedenceMax = 10'000;
constexpr int32_t kQueuesMax = 10'000'000;
// Shuffle sharding computes with hands of at most so many bits.
constexpr int kEntropyBitsMax = 60;

using WordList = std::vector<std::string>;

bool Has(const WordList& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// A star stands alone.
void CheckStar(const WordList& list, const std::string& what, const FieldPath& path,
               Violations& out) {
  if (list.size() > 1 && Has(list, "*")) {
    out.Invalid(path, list, "if '*' is present, must not specify other " + what);
  }
}

void ValidateVerbs(const WordList& verbs, const FieldPath& path, Violations& out) {
  static constexpr Words kKnown = {"create", "delete", "deletecollection", "get",  "list",
                                   "patch",  "proxy",  "update",           "watch"};
  if (verbs.empty()) return out.Required(path, "verbs must contain at least one value");
  if (Has(verbs, "*")) return CheckStar(verbs, "verbs", path, out);
  const bool known =
      std::ranges::all_of(verbs, [&](const std::string& verb) { return IsOneOf(verb, kKnown); });
  if (!known) out.NotSupported(path, verbs, {kKnown.begin(), kKnown.end()});
}

void ValidateNamespaces(const ResourcePolicyRule& rule, const FieldPath& path, Violations& out) {
  if (rule.namespaces.empty()) {
    if (!rule.cluster_scope) {
      out.Required(path,
                   "resource rules that are not cluster scoped must supply at least one namespace");
    }
    return;
  }
  if (Has(rule.namespaces, "*")) return CheckStar(rule.namespaces, "namespaces", path, out);
  for (size_t i = 0; i < rule.namespaces.size(); ++i) {
    for (const auto& message : Dns1123LabelErrors(rule.namespaces[i])) {
      out.Invalid(path.Index(i), rule.namespaces[i],
                  "each member of this list must be '*' or a DNS-1123 label; " + message);
    }
  }
}

void ValidateResourceRule(const ResourcePolicyRule& rule, const FieldPath& path, Violations& out) {
  ValidateVerbs(rule.verbs, path.Child("verbs"), out);
  if (rule.api_groups.empty()) {
    out.Required(path.Child("apiGroups"), "resource rules must supply at least one api group");
  }
  CheckStar(rule.api_groups, "api groups", path.Child("apiGroups"), out);
  if (rule.resources.empty()) {
    out.Required(path.Child("resources"), "resource rules must supply at least one resource");
  }
  CheckStar(rule.resources, "resources", path.Child("resources"), out);
  ValidateNamespaces(rule, path.Child("namespaces"), out);
}

// What is wrong with a path of the server; "" for nothing.
const char* UrlError(const std::string& url) {
  if (url.empty()) return "must not be empty";
  if (url == "/") return "";
  if (url.front() != '/') return "must start with slash";
  if (url.find(' ') != std::string::npos) return "must not contain white-space";
  if (url.find("//") != std::string::npos) return "must not contain double slash";
  const size_t star = url.find('*');
  if (star != std::string::npos && (star + 1 != url.size() || url[star - 1] != '/')) {
    return "wildcard can only do suffix matching";
  }
  return "";
}

void ValidateNonResourceRule(const NonResourcePolicyRule& rule, const FieldPath& path,
                             Violations& out) {
  ValidateVerbs(rule.verbs, path.Child("verbs"), out);
  const FieldPath at = path.Child("nonResourceURLs");
  const auto& urls = rule.non_resource_urls;
  if (urls.empty()) {
    return out.Required(at, "nonResourceURLs must contain at least one value");
  }
  if (Has(urls, "*")) return CheckStar(urls, "non-resource URLs", at, out);
  for (size_t i = 0; i < urls.size(); ++i) {
    const std::string_view error = UrlError(urls[i]);
    if (!error.empty()) out.Invalid(at.Index(i), urls[i], error);
  }
}

void ValidateAccount(const ServiceAccountSubject& account, const FieldPath& path, Violations& out) {
  if (account.name.empty()) {
    out.Required(path.Child("name"));
  } else if (account.name != "*") {
    CheckFormat(Dns1123SubdomainErrors, account.name, path.Child("name"), out);
  }
  if (account.namespace_.empty()) {
    return out.Required(path.Child("namespace"), "must specify namespace for service account");
  }
  CheckFormat(Dns1123LabelErrors, account.namespace_, path.Child("namespace"), out);
}

// The member that the kind names is there, and no other.
void ValidateSubject(const Subject& subject, const FieldPath& path, Violations& out) {
  if (!IsOneOf(subject.kind, {"Group", "ServiceAccount", "User"})) {
    return out.NotSupported(path.Child("kind"), subject.kind, {"Group", "ServiceAccount", "User"});
  }
  const auto require = [&](const auto& value, const std::string& field, auto validate) {
    if (value) return validate(*value, path.Child(field));
    out.Required(path.Child(field),
                 field + " is required when subject kind is '" + subject.kind + "'");
  };
  const auto forbid = [&](bool set, const std::string& field, const std::string& kind) {
    if (!set || subject.kind == kind) return;
    out.Forbidden(path.Child(field),
                  field + " is forbidden when subject kind is not '" + kind + "'");
  };
  const auto named = [&](const auto& value, const FieldPath& at) {
    Require(value.name, at.Child("name"), out);
  };
  if (subject.kind == "ServiceAccount") {
    require(subject.service_account, "serviceAccount",
            [&](const auto& value, const FieldPath& at) { ValidateAccount(value, at, out); });
  } else if (subject.kind == "User") {
    require(subject.user, "user", named);
  } else {
    require(subject.group, "group", named);
  }
  forbid(subject.service_account.has_value(), "serviceAccount", "ServiceAccount");
  forbid(subject.user.has_value(), "user", "User");
  forbid(subject.group.has_value(), "group", "Group");
}

void ValidateRules(const PolicyRulesWithSubjects& rules, const FieldPath& path, Violations& out) {
  if (rules.subjects.empty()) {
    out.Required(path.Child("subjects"), "subjects must contain at least one value");
  }
  for (size_t i = 0; i < rules.subjects.size(); ++i) {
    ValidateSubject(rules.subjects[i], path.Child("subjects").Index(i), out);
  }
  if (rules.resource_rules.empty() && rules.non_resource_rules.empty()) {
    out.Required(path, "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  for (size_t i = 0; i < rules.resource_rules.size(); ++i) {
    ValidateResourceRule(rules.resource_rules[i], path.Child("resourceRules").Index(i), out);
  }
  for (size_t i = 0; i < rules.non_resource_rules.size(); ++i) {
    ValidateNonResourceRule(rules.non_resource_rules[i], path.Child("nonResourceRules").Index(i),
                            out);
  }
}

void ValidateQueuing(const QueuingConfiguration& queuing, const FieldPath& path, Violations& out) {
  const auto positive = [&](int32_t value, const char* field) {
    if (value <= 0) out.Invalid(path.Child(field), value, "must be positive");
  };
  positive(queuing.queue_length_limit, "queueLengthLimit");
  positive(queuing.queues, "queues");
  if (queuing.queues > kQueuesMax) {
    out.Invalid(path.Child("queues"), queuing.queues, "must not be greater than 10000000");
  }
  positive(queuing.hand_size, "handSize");
  const std::string queues = std::to_string(queuing.queues);
  if (queuing.hand_size > std::max(queuing.queues, 0)) {
    out.Invalid(path.Child("handSize"), queuing.hand_size,
                "should not be greater than queues (" + queues + ")");
  } else if (queuing.queues > 0 && queuing.hand_size > 0 &&
             std::ceil(std::log2(queuing.queues) * queuing.hand_size) > kEntropyBitsMax) {
    out.Invalid(path.Child("handSize"), queuing.hand_size,
                "required entropy bits of deckSize " + queues + " and handSize " +
                    std::to_string(queuing.hand_size) + " should not be greater than 60");
  }
}

void ValidateShares(const std::optional<int32_t>& shares, const std::optional<int32_t>& lendable,
                    const FieldPath& path, Violations& out) {
  if (shares && *shares < 0) {
    out.Invalid(path.Child("nominalConcurrencyShares"), *shares, "must be a non-negative integer");
  }
  if (lendable) CheckRange(*lendable, 0, 100, path.Child("lendablePercent"), out);
}

void ValidateLimited(const LimitedPriorityLevelConfiguration& limited, const FieldPath& path,
                     Violations& out) {
  if (limited.nominal_concurrency_shares && *limited.nominal_concurrency_shares < 0) {
    out.Invalid(path.Child("nominalConcurrencyShares"), *limited.nominal_concurrency_shares,
                "must be a non-negative integer");
  }
  const LimitResponse& response = limited.limit_response;
  const FieldPath at = path.Child("limitResponse");
  if (response.type == "Reject") {
    if (response.queuing) {
      out.Forbidden(at.Child("queuing"),
                    "must be nil if limited.limitResponse.type is not Limited");
    }
  } else if (response.type == "Queue") {
    if (!response.queuing) {
      out.Required(at.Child("queuing"),
                   "must not be empty if limited.limitResponse.type is Limited");
    } else {
      ValidateQueuing(*response.queuing, at.Child("queuing"), out);
    }
  } else {
    out.NotSupported(at.Child("type"), response.type, {"Queue", "Reject"});
  }
  ValidateShares(std::nullopt, limited.lendable_percent, path, out);
  if (limited.borrowing_limit_percent && *limited.borrowing_limit_percent < 0) {
    out.Invalid(path.Child("borrowingLimitPercent"), *limited.borrowing_limit_percent,
                "if specified, must be a non-negative integer");
  }
}

template <typename Conditions>
void ValidateConditionTypes(const Conditions& conditions, Violations& out) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const FieldPath at = FieldPath("status").Child("conditions").Index(i).Child("type");
    if (!seen.insert(conditions[i].type).second) out.Duplicate(at, conditions[i].type);
    Require(conditions[i].type, at, out);
  }
}

// What the server itself relies on cannot be changed. Both are in normal form.
constexpr const char* kExemptSchema = R"({
  "priorityLevelConfiguration": {"name": "exempt"}, "matchingPrecedence": 1,
  "rules": [{"subjects": [{"kind": "Group", "group": {"name": "system:masters"}}],
             "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                                "clusterScope": true, "namespaces": ["*"]}],
             "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]})";
constexpr const char* kCatchAllSchema = R"({
  "priorityLevelConfiguration": {"name": "catch-all"}, "matchingPrecedence": 10000,
  "distinguisherMethod": {"type": "ByUser"},
  "rules": [{"subjects": [{"kind": "Group", "group": {"name": "system:unauthenticated"}},
                          {"kind": "Group", "group": {"name": "system:authenticated"}}],
             "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                                "clusterScope": true, "namespaces": ["*"]}],
             "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]})";
constexpr const char* kCatchAllLevel = R"({
  "type": "Limited",
  "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"},
              "lendablePercent": 0}})";

template <typename Spec>
bool Equals(const Spec& spec, const char* fixed) {
  const auto wanted = FromJson<Spec>(Json::parse(fixed));
  CHECK(wanted.has_value());
  return spec == *wanted;
}

void ValidateFixedSchema(const FlowSchema& object, Violations& out) {
  const std::string& name = object.metadata.name;
  const char* fixed = name == "exempt"      ? kExemptSchema
                      : name == "catch-all" ? kCatchAllSchema
                                            : nullptr;
  if (fixed == nullptr || Equals(object.spec, fixed)) return;
  out.Invalid(FieldPath("spec"), GoStruct(object.spec),
              "spec of '" + name + "' must equal the fixed value");
}

void ValidateFixedLevel(const PriorityLevelConfiguration& object, Violations& out) {
  const std::string& name = object.metadata.name;
  const auto& spec = object.spec;
  if (name == "exempt" && (spec.type != "Exempt" || spec.limited)) {
    out.Invalid(FieldPath("spec"), GoStruct(spec),
                "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value");
  }
  if (name == "catch-all" && !Equals(spec, kCatchAllLevel)) {
    out.Invalid(FieldPath("spec"), GoStruct(spec),
                "spec of 'catch-all' must equal the fixed value");
  }
}

}  // namespace

void ValidateFlowSchema(const FlowSchema& object, Violations& out) {
  const auto& spec = object.spec;
  const FieldPath path("spec");
  const FieldPath precedence = path.Child("matchingPrecedence");
  if (spec.matching_precedence <= 0) {
    out.Invalid(precedence, spec.matching_precedence, "must be a positive value");
  }
  if (spec.matching_precedence > kPrecedenceMax) {
    out.Invalid(precedence, spec.matching_precedence, "must not be greater than 10000");
  }
  if (spec.matching_precedence == 1 && object.metadata.name != "exempt") {
    out.Invalid(precedence, spec.matching_precedence,
                "only the schema named 'exempt' may have matchingPrecedence 1");
  }
  if (spec.distinguisher_method &&
      !IsOneOf(spec.distinguisher_method->type, {"ByNamespace", "ByUser"})) {
    out.NotSupported(path.Child("distinguisherMethod").Child("type"),
                     GoStruct(*spec.distinguisher_method), {"ByNamespace", "ByUser"});
  }
  const std::string& level = spec.priority_level_configuration.name;
  const FieldPath name = path.Child("priorityLevelConfiguration").Child("name");
  if (level.empty()) {
    out.Required(name, "must reference a priority level");
  } else {
    CheckFormat(Dns1123SubdomainErrors, level, name, out);
  }
  for (size_t i = 0; i < spec.rules.size(); ++i) {
    ValidateRules(spec.rules[i], path.Child("rules").Index(i), out);
  }
  ValidateFixedSchema(object, out);
}

void ValidateFlowSchemaStatus(const FlowSchema& object, Violations& out) {
  ValidateConditionTypes(object.status.conditions, out);
}

void ValidatePriorityLevel(const PriorityLevelConfiguration& object, Violations& out) {
  constexpr const char* kPreserveZero =
      "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
  const auto& spec = object.spec;
  const FieldPath path("spec");
  if (object.metadata.annotations.contains(kPreserveZero)) {
    out.Forbidden(FieldPath("metadata").Child("annotations"),
                  std::string("annotation '") + kPreserveZero + "' is forbidden");
  }
  if ((object.metadata.name == "exempt") != (spec.type == "Exempt")) {
    out.Invalid(path.Child("type"), spec.type,
                "must be 'Exempt' if and only if `name` is 'exempt'");
  }
  if (spec.type == "Exempt") {
    if (spec.limited) {
      out.Forbidden(path.Child("limited"), "must be nil if the type is not Limited");
    }
    if (spec.exempt) {
      ValidateShares(spec.exempt->nominal_concurrency_shares, spec.exempt->lendable_percent,
                     path.Child("exempt"), out);
    }
  } else if (spec.type == "Limited") {
    if (spec.exempt) out.Forbidden(path.Child("exempt"), "must be nil if the type is Limited");
    if (!spec.limited) {
      out.Required(path.Child("limited"), "must not be empty when type is Limited");
    } else {
      ValidateLimited(*spec.limited, path.Child("limited"), out);
    }
  } else {
    out.NotSupported(path.Child("type"), spec.type, {"Exempt", "Limited"});
  }
  ValidateFixedLevel(object, out);
}

void ValidatePriorityLevelStatus(const PriorityLevelConfiguration& object, Violations& out) {
  ValidateConditionTypes(object.status.conditions, out);
}

}  // namespace skiff
