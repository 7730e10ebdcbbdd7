#include "apiserver/rbac_reconcile.h"

#include <algorithm>

#include "api/typed.h"
#include "apiserver/auth/rule_coverage.h"

namespace skiff {
namespace {

constexpr const char* kAutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

bool IsProtected(const Json& present) {
  const Json metadata = present.value("metadata", Json::object());
  const Json annotations = metadata.value("annotations", Json::object());
  return annotations.value(kAutoUpdate, "") == "false";
}

// Labels and annotations that are not there or say something else.
void AddTexts(const Json& wanted, const char* member, Json& present) {
  const Json texts = wanted["metadata"].value(member, Json::object());
  for (const auto& [key, value] : texts.items()) present["metadata"][member][key] = value;
}

Result<> AddRules(const Json& wanted, Json& present) {
  // Those of an aggregated role a controller writes.
  if (wanted.contains("aggregationRule")) {
    present["aggregationRule"] = wanted["aggregationRule"];
    return {};
  }
  // Rules look alike in roles of the cluster and of a namespace.
  const auto have =
      TRY(FromJson<rbac_v1::Role>(Json{{"rules", present.value("rules", Json::array())}}));
  const auto want =
      TRY(FromJson<rbac_v1::Role>(Json{{"rules", wanted.value("rules", Json::array())}}));
  std::vector<const rbac_v1::PolicyRule*> held;
  for (const rbac_v1::PolicyRule& rule : have.rules) held.push_back(&rule);
  const MissingRights missing = FindMissingRights(held, want.rules);
  if (!missing.complete) {
    return Fail(Reason::kInvalid,
                "it holds too many rules to be compared with what the default role holds; take "
                "some away, or annotate it with " +
                    std::string(kAutoUpdate) + ": \"false\"");
  }
  for (const rbac_v1::PolicyRule& rule : missing.rules) {
    if (!present.contains("rules") || present["rules"].is_null()) present["rules"] = Json::array();
    present["rules"].push_back(ToJson(rule));
  }
  return {};
}

void AddSubjects(const Json& wanted, Json& present) {
  for (const Json& subject : wanted.value("subjects", Json::array())) {
    Json& subjects = present["subjects"];
    if (subjects.is_null()) subjects = Json::array();
    if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) {
      subjects.push_back(subject);
    }
  }
}

}  // namespace

Result<std::optional<Json>> ReconciledRbac(const Json& present, const Json& wanted) {
  if (IsProtected(present)) return std::nullopt;
  Json next = present;
  AddTexts(wanted, "labels", next);
  AddTexts(wanted, "annotations", next);
  if (wanted.contains("roleRef")) {
    AddSubjects(wanted, next);
  } else {
    TRY(AddRules(wanted, next));
  }
  if (next == present) return std::nullopt;
  return next;
}

}  // namespace skiff
