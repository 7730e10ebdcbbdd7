// Who has which rights by RBAC: bindings whose role or subjects are not there, and accounts.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

constexpr char kBootstrapping[] = "kubernetes.io/bootstrapping";

bool IsOfClusterRole(const Json& binding) {
  return TextAt(binding, "roleRef", "kind") == "ClusterRole";
}

const char* RolesOf(const Json& binding) {
  return IsOfClusterRole(binding) ? "clusterroles" : "roles";
}

// "role/reader"
std::string RoleNamed(const Json& binding) {
  return Lower(TextAt(binding, "roleRef", "kind")) + "/" + TextAt(binding, "roleRef", "name");
}

const Json* RoleOf(const Facts& facts, const Json& binding) {
  return facts.Find(RolesOf(binding), IsOfClusterRole(binding) ? "" : NamespaceOf(binding),
                    TextAt(binding, "roleRef", "name"));
}

// Whether that it was not found says that it is not there.
bool WasRead(const Facts& facts, std::string_view resource) {
  return facts.Has(resource) && !facts.unread.contains(resource);
}

// Where a service account that a binding names is.
std::string SubjectNamespace(const Json& binding, const Json& subject) {
  const std::string own = TextAt(subject, "namespace");
  return own.empty() ? NamespaceOf(binding) : own;
}

bool IsAccount(const Json& subject) {
  return TextAt(subject, "kind") == "ServiceAccount";
}

std::string SubjectText(const Json& binding, const Json& subject) {
  const std::string name = TextAt(subject, "name");
  if (!IsAccount(subject)) return Lower(TextAt(subject, "kind")) + " " + name;
  return fmt::format("serviceaccount/{} in namespace {}", name, SubjectNamespace(binding, subject));
}

std::vector<std::string> SubjectsOf(const Json& binding) {
  std::vector<std::string> texts;
  for (const Json& subject : At(binding, "subjects")) {
    texts.push_back(SubjectText(binding, subject));
  }
  return texts;
}

// "get, list of pods, deployments.apps named web"
std::string RuleText(const Json& rule) {
  std::vector<std::string> what = TextsAt(rule, "nonResourceURLs");
  for (const std::string& group : TextsAt(rule, "apiGroups")) {
    for (const std::string& resource : TextsAt(rule, "resources")) {
      what.push_back(group.empty() || group == "*" ? resource : resource + "." + group);
    }
  }
  const auto names = TextsAt(rule, "resourceNames");
  return fmt::format("{} of {}{}", Join(TextsAt(rule, "verbs"), ", "), Some(what),
                     names.empty() ? "" : " named " + Some(names));
}

void ExplainNoSuchRole(const Json& binding, Findings& out) {
  Finding finding;
  finding.cause = "NoSuchRole";
  finding.sentence = fmt::format(
      "{} gives nobody anything: {} does not exist{}", Named(binding), RoleNamed(binding),
      IsOfClusterRole(binding) ? "" : " in namespace " + NamespaceOf(binding));
  finding.Saw(RoleNamed(binding) + ", which cannot be changed to another", "roleRef");
  if (const auto subjects = SubjectsOf(binding); !subjects.empty()) {
    finding.Saw(Some(subjects), "subjects");
  }
  finding.Try(IsOfClusterRole(binding) ? "skiff get clusterroles"
                                       : CommandFor(binding, "get roles"));
  finding.Try(CommandFor(binding, "delete " + ShellWord(Named(binding))));
  out.push_back(std::move(finding));
}

// Bindings that come with the cluster name accounts that an add-on may bring along, or not.
void ExplainMissingAccounts(const Facts& facts, const Json& binding, Findings& out) {
  if (!WasRead(facts, "serviceaccounts")) return;
  std::vector<std::string> missing;
  std::string namespace_;
  const Json& subjects = At(binding, "subjects");
  for (size_t i = 0; i < std::min(subjects.size(), kSubjectsReadMax); ++i) {
    const Json& subject = subjects[i];
    if (!IsAccount(subject)) continue;
    const std::string where = SubjectNamespace(binding, subject);
    if (facts.Find("serviceaccounts", where, TextAt(subject, "name"))) continue;
    missing.push_back(SubjectText(binding, subject));
    namespace_ = where;
  }
  if (missing.empty()) return;
  const bool comes_along = !TextAt(binding, "metadata", "labels", kBootstrapping).empty();
  Finding finding;
  finding.weight = comes_along ? Weight::kNote : Weight::kWrong;
  finding.cause = "NoSuchSubject";
  finding.sentence =
      fmt::format("{} gives what {} allows to {}, which {} not exist", Named(binding),
                  RoleNamed(binding), Some(missing), missing.size() == 1 ? "does" : "do");
  finding.Saw(Some(SubjectsOf(binding)), "subjects");
  finding.Try(fmt::format("skiff get serviceaccounts -n {}", ShellWord(namespace_)));
  out.push_back(std::move(finding));
}

// That it gives nothing, or what and to whom.
Finding GivenBy(const Facts& facts, const Json& binding) {
  const auto subjects = SubjectsOf(binding);
  const Json* role = RoleOf(facts, binding);
  Finding finding;
  finding.weight = Weight::kNote;
  if (subjects.empty()) {
    finding.cause = "NoSubjects";
    finding.sentence =
        fmt::format("{} gives nothing to anybody, as it names no subjects", Named(binding));
    finding.Saw("none", "subjects");
    return finding;
  }
  if (role && At(*role, "rules").empty()) {
    finding.cause = "NoRules";
    finding.sentence =
        fmt::format("{} gives nothing, as {} has no rules", Named(binding), RoleNamed(binding));
    finding.Saw(At(*role, "aggregationRule").is_object()
                    ? "no other role has the labels that its aggregationRule selects"
                    : "none",
                RoleNamed(binding) + " rules");
    return finding;
  }
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence =
      fmt::format("{} gives {} what {} allows {}; nothing is wrong", Named(binding), Some(subjects),
                  RoleNamed(binding),
                  TextAt(binding, "kind") == "RoleBinding" ? "in namespace " + NamespaceOf(binding)
                                                           : "everywhere");
  if (!role) return finding;
  constexpr size_t kRulesShownMax = 5;
  const Json& rules = At(*role, "rules");
  for (size_t i = 0; i < std::min(rules.size(), kRulesShownMax); ++i) {
    finding.Saw(RuleText(rules[i]), RoleNamed(binding) + " rules");
  }
  if (rules.size() > kRulesShownMax) {
    finding.Saw(fmt::format("and {} more", rules.size() - kRulesShownMax),
                RoleNamed(binding) + " rules");
  }
  return finding;
}

// Whether a binding gives something to the account, by its name or as one of its namespace's.
bool IsGiven(const Json& binding, const Json& account) {
  const std::string namespace_ = NamespaceOf(account);
  const std::string user = "system:serviceaccount:" + namespace_ + ":" + NameOf(account);
  const Json& subjects = At(binding, "subjects");
  return std::any_of(subjects.begin(), subjects.end(), [&](const Json& subject) {
    const std::string kind = TextAt(subject, "kind");
    const std::string name = TextAt(subject, "name");
    if (kind == "User") return name == user;
    if (kind == "Group") {
      return name == "system:serviceaccounts" || name == "system:serviceaccounts:" + namespace_;
    }
    return name == NameOf(account) && SubjectNamespace(binding, subject) == namespace_;
  });
}

void ExplainMissingSecrets(const Facts& facts, const Json& account, Findings& out) {
  if (!WasRead(facts, "secrets")) return;
  for (const char* list : {"imagePullSecrets", "secrets"}) {
    for (const Json& each : At(account, list)) {
      const std::string name = TextAt(each, "name");
      if (name.empty() || facts.Find("secrets", NamespaceOf(account), name)) continue;
      const bool pulls = std::string_view(list) == "imagePullSecrets";
      Finding finding;
      finding.weight = pulls ? Weight::kWrong : Weight::kNote;
      finding.cause = "NoSuchSecret";
      finding.sentence = fmt::format("{} names secret {}{}, which does not exist", Named(account),
                                     name, pulls ? " for pulling images" : "");
      finding.Saw(name, list);
      finding.Try(CommandFor(account, "get secrets"));
      out.push_back(std::move(finding));
    }
  }
}

Finding RightsOf(const Facts& facts, const Json& account) {
  std::vector<Evidence> given;
  for (const char* resource : {"rolebindings", "clusterrolebindings"}) {
    for (const Json& binding : facts.Of(resource)) {
      if (!IsGiven(binding, account)) continue;
      const std::string namespace_ = NamespaceOf(binding);
      given.push_back(
          {fmt::format("what {} allows {}", RoleNamed(binding),
                       namespace_.empty() ? "everywhere" : "in namespace " + namespace_),
           Named(binding)});
    }
  }
  const bool all_read = WasRead(facts, "rolebindings") && WasRead(facts, "clusterrolebindings");
  Finding finding;
  finding.weight = given.empty() && all_read ? Weight::kNote : Weight::kFine;
  finding.cause = given.empty() && all_read ? "NoRights" : "Fine";
  finding.sentence =
      !given.empty() ? fmt::format("{} has the rights of {}; nothing is wrong", Named(account),
                                   Count(given.size(), "binding"))
      : all_read     ? fmt::format("{} may do no more than everybody, as no binding here names it",
                                   Named(account))
                     : fmt::format("{} says of nothing that it is wrong", Named(account));
  finding.evidence = std::move(given);
  return finding;
}

}  // namespace

void ExplainRoleBinding(const Facts& facts, const Json& binding, Findings& out) {
  if (WasRead(facts, RolesOf(binding)) && !RoleOf(facts, binding)) {
    return ExplainNoSuchRole(binding, out);
  }
  ExplainMissingAccounts(facts, binding, out);
  out.push_back(GivenBy(facts, binding));
}

void ExplainServiceAccount(const Facts& facts, const Json& account, Findings& out) {
  ExplainMissingSecrets(facts, account, out);
  Finding finding = RightsOf(facts, account);
  if (At(account, "secrets").empty()) {
    finding.Saw("none: a pod has a token of its own that expires, others are made one", "secrets");
  }
  if (const Json& mounts = At(account, "automountServiceAccountToken");
      mounts.is_boolean() && !IsTrue(mounts)) {
    finding.Saw("false: its pods have no token, unless they ask for one",
                "automountServiceAccountToken");
  }
  finding.Try(CommandFor(account, "create token " + ShellWord(NameOf(account))));
  finding.Try(CommandFor(account,
                         fmt::format("auth can-i --list --as=system:serviceaccount:{}:{}",
                                     ShellWord(NamespaceOf(account)), ShellWord(NameOf(account)))));
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
