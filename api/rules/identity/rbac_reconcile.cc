#include "api/rules/identity/rbac_reconcile.h"

#include <algorithm>

#include "api/codec/typed.h"
#include "api/rules/identity/rule_coverage.h"

namespace skiff {
namespace {

constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

Json MemberOr(const Json& document, const char* name, Json otherwise) {
  const auto found = document.find(name);
  return found == document.end() || found->is_null() ? otherwise : *found;
}

Json TextsOf(const Json& document, const char* member) {
  return MemberOr(MemberOr(document, "metadata", Json::object()), member, Json::object());
}

// Labels or annotations that are not there; what others say stays.
void AddTexts(const Json& wanted, const char* member, ReconciledRbac& out) {
  const Json present = TextsOf(out.object, member);
  const Json texts_wanted = TextsOf(wanted, member);
  for (const auto& [key, value] : texts_wanted.items()) {
    if (present.contains(key)) continue;
    Json& texts = out.object["metadata"][member];
    if (!texts.is_object()) texts = Json::object();
    texts[key] = value;
    out.need = RbacNeed::kUpdate;
  }
}

// Rules look alike in roles of the cluster and of a namespace.
Result<PolicyRules> TypedRules(const Json& role) {
  auto typed =
      TRY(FromJson<rbac_v1::Role>(Json{{"rules", MemberOr(role, "rules", Json::array())}}));
  return std::move(typed.rules);
}

// What of `wanted` nothing of `held` covers.
Result<PolicyRules> Uncovered(const PolicyRules& held, const PolicyRules& wanted) {
  std::vector<const rbac_v1::PolicyRule*> rules;
  for (const rbac_v1::PolicyRule& rule : held) rules.push_back(&rule);
  const MissingRights missing = FindMissingRights(rules, wanted);
  if (!missing.complete) {
    return Fail(Reason::kInvalid,
                "it holds too many rules to be compared with what it should hold; take some away, "
                "or annotate it with " +
                    std::string(kAutoUpdate) + ": \"false\"");
  }
  return BrokenDown(missing.rules);
}

Result<> ReconcileRules(const Json& present, const Json& wanted, bool remove_extra,
                        ReconciledRbac& out) {
  const PolicyRules have = TRY(TypedRules(present));
  const PolicyRules want = TRY(TypedRules(wanted));
  const auto aggregates = [](const Json& role) {
    return !MemberOr(role, "aggregationRule", nullptr).is_null();
  };
  // Rules of an aggregated role a controller writes.
  if (remove_extra && !(aggregates(wanted) && aggregates(present))) {
    out.extra_rules = TRY(Uncovered(want, have));
  }
  out.missing_rules = TRY(Uncovered(have, want));
  if (!remove_extra && !out.missing_rules.empty()) {
    Json rules = MemberOr(present, "rules", Json::array());
    for (const rbac_v1::PolicyRule& rule : out.missing_rules) rules.push_back(ToJson(rule));
    out.object["rules"] = std::move(rules);
    out.need = RbacNeed::kUpdate;
  } else if (remove_extra && !(out.missing_rules.empty() && out.extra_rules.empty())) {
    out.object["rules"] = MemberOr(wanted, "rules", Json::array());
    out.need = RbacNeed::kUpdate;
  }
  return {};
}

// Items of `list` that are not in `other`, each once.
template <typename Item>
std::vector<Item> Without(const std::vector<Item>& list, const std::vector<Item>& other) {
  std::vector<Item> left;
  const auto holds = [](const std::vector<Item>& items, const Item& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
  };
  for (const Item& item : list) {
    if (!holds(other, item) && !holds(left, item)) left.push_back(item);
  }
  return left;
}

void ReconcileAggregation(const Json& present, const Json& wanted, bool remove_extra,
                          ReconciledRbac& out) {
  const Json have = MemberOr(present, "aggregationRule", nullptr);
  const Json want = MemberOr(wanted, "aggregationRule", nullptr);
  const auto selectors = [](const Json& rule) {
    if (rule.is_null()) return Json::array_t();
    return MemberOr(rule, "clusterRoleSelectors", Json::array()).get<Json::array_t>();
  };
  const auto missing = Without(selectors(want), selectors(have));
  const auto extra = Without(selectors(have), selectors(want));
  if (want.is_null() && !have.is_null()) {
    out.object.erase("aggregationRule");
  } else if (!remove_extra && !missing.empty()) {
    Json all = selectors(have);
    for (const Json& selector : missing) all.push_back(selector);
    out.object["aggregationRule"] = {{"clusterRoleSelectors", std::move(all)}};
  } else if (remove_extra && !(missing.empty() && extra.empty())) {
    out.object["aggregationRule"] = want;
  } else {
    return;
  }
  out.need = RbacNeed::kUpdate;
}

Result<> ReconcileSubjects(const Json& present, const Json& wanted, bool remove_extra,
                           ReconciledRbac& out) {
  const auto subjects = [](const Json& binding) -> Result<std::vector<rbac_v1::Subject>> {
    const Json list = MemberOr(binding, "subjects", Json::array());
    auto typed = TRY(FromJson<rbac_v1::RoleBinding>(Json{{"subjects", list}}));
    return std::move(typed.subjects);
  };
  const auto have = TRY(subjects(present));
  const auto want = TRY(subjects(wanted));
  out.missing_subjects = Without(want, have);
  out.extra_subjects = Without(have, want);
  if (!remove_extra && !out.missing_subjects.empty()) {
    Json all = MemberOr(present, "subjects", Json::array());
    for (const rbac_v1::Subject& subject : out.missing_subjects) all.push_back(ToJson(subject));
    out.object["subjects"] = std::move(all);
    out.need = RbacNeed::kUpdate;
  } else if (remove_extra && !(out.missing_subjects.empty() && out.extra_subjects.empty())) {
    out.object["subjects"] = MemberOr(wanted, "subjects", Json::array());
    out.need = RbacNeed::kUpdate;
  }
  return {};
}

}  // namespace

PolicyRules BrokenDown(const PolicyRules& rules) {
  PolicyRules out;
  const auto add = [&](const rbac_v1::PolicyRule& rule) {
    for (const std::string& verb : rule.verbs) out.emplace_back(rule).verbs = {verb};
  };
  for (const rbac_v1::PolicyRule& rule : rules) {
    for (const std::string& group : rule.api_groups) {
      for (const std::string& resource : rule.resources) {
        rbac_v1::PolicyRule one;
        one.api_groups = {group};
        one.resources = {resource};
        one.verbs = rule.verbs;
        if (rule.resource_names.empty()) add(one);
        for (const std::string& name : rule.resource_names) {
          one.resource_names = {name};
          add(one);
        }
      }
    }
    for (const std::string& url : rule.non_resource_urls) {
      rbac_v1::PolicyRule one;
      one.non_resource_urls = {url};
      one.verbs = rule.verbs;
      add(one);
    }
  }
  return out;
}

Result<ReconciledRbac> ReconcileRbac(const Json& present, const Json& wanted,
                                     const RbacExtras& extras) {
  ReconciledRbac out;
  out.is_protected = TextsOf(present, "annotations").value(kAutoUpdate, "") == "false";
  out.object = present;
  if (wanted.contains("roleRef") && MemberOr(present, "roleRef", nullptr) != wanted["roleRef"]) {
    out.object = wanted;
    out.need = RbacNeed::kRecreate;
    return out;
  }
  AddTexts(wanted, "annotations", out);
  AddTexts(wanted, "labels", out);
  if (wanted.contains("roleRef")) {
    TRY(ReconcileSubjects(present, wanted, extras.remove_subjects, out));
  } else {
    TRY(ReconcileRules(present, wanted, extras.remove_permissions, out));
    ReconcileAggregation(present, wanted, extras.remove_permissions, out);
  }
  return out;
}

}  // namespace skiff
