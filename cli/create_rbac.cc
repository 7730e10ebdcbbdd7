// create role|clusterrole|rolebinding|clusterrolebinding.
#include <algorithm>
#include <map>
#include <set>

#include "cli/create.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

constexpr char kGroup[] = "rbac.authorization.k8s.io";

struct RoleFlags {
  WriteFlags write;
  std::vector<std::string> verbs;
  std::vector<std::string> resources;
  std::vector<std::string> names;
  std::vector<std::string> urls;
  std::vector<std::string> aggregation;

  void AddTo(Command& command) {
    write.AddTo(command, "kubectl-create");
    command.Flag("verb", verbs, "Verbs that apply to the resources.");
    command.Flag("resource", resources, "Resources that the rule applies to.");
    command.FlagEach("resource-name", names, "Names that the rule is limited to.");
  }
};

void WarnOfVerbs(Command& command, const std::vector<std::string>& verbs) {
  constexpr std::string_view kKnown[] = {
      "get", "list", "watch",   "create", "update",   "patch",       "delete", "deletecollection",
      "use", "bind", "approve", "sign",   "escalate", "impersonate", "proxy",  "attest",
      "*"};
  for (const std::string& verb : verbs) {
    if (std::find(std::begin(kKnown), std::end(kKnown), verb) != std::end(kKnown)) continue;
    command.Warn("Warning: '{}' is not a standard resource verb\n", verb);
  }
}

// Verbs that are of some resources alone, which need not be served. Whether one of them is there.
Result<bool> IsSpecial(const std::vector<std::string>& verbs, const std::string& resource,
                       const std::string& group) {
  using Resources = std::set<std::pair<std::string, std::string>>;
  static const std::map<std::string, Resources> kSpecial = {
      {"use", {{"podsecuritypolicies", "policy"}, {"podsecuritypolicies", "extensions"}}},
      {"bind", {{"roles", kGroup}, {"clusterroles", kGroup}}},
      {"escalate", {{"roles", kGroup}, {"clusterroles", kGroup}}},
      {"impersonate",
       {{"users", ""},
        {"serviceaccounts", ""},
        {"groups", ""},
        {"userextras", "authentication.k8s.io"}}}};
  bool found = false;
  for (const std::string& verb : verbs) {
    const auto special = kSpecial.find(verb);
    if (special == kSpecial.end()) continue;
    if (!special->second.contains({resource, group})) {
      return CliError(
          fmt::format("can not perform '{}' on '{}' in group '{}'", verb, resource, group));
    }
    found = true;
  }
  return found;
}

// A rule a group, in the order in which the groups were named.
Result<Json> ResourceRules(Command& command, const RoleFlags& flags) {
  Session& session = *TRY(command.session());
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const std::string& word : flags.resources) {
    const size_t slash = word.find('/');
    const bool of_part = slash != std::string::npos && slash + 1 < word.size();
    const std::string subresource = of_part ? word.substr(slash) : "";
    const std::string type = word.substr(0, slash);
    const size_t dot = type.find('.');
    std::string group = dot == std::string::npos ? "" : type.substr(dot + 1);
    std::string name = type.substr(0, dot);
    if (name.empty()) {
      return CliError("resource must be specified if apiGroup/subresource specified");
    }
    if (name != "*") {
      const auto kind = session.kinds().Find(type);
      if (kind) {
        group = kind->resource.Group();
        name = kind->resource.name;
      } else if (kind.error().http_code != 0) {
        return Fail(kind.error());
      }
      if (!TRY(IsSpecial(flags.verbs, name, group)) && !kind) {
        return PlainError(dot == std::string::npos
                              ? kind.error().message
                              : fmt::format("the server doesn't have a resource type \"{}\" in "
                                            "group \"{}\"",
                                            name, group));
      }
    }
    auto at = std::find_if(groups.begin(), groups.end(),
                           [&](const auto& each) { return each.first == group; });
    if (at == groups.end()) at = groups.insert(groups.end(), {group, {}});
    auto& resources = at->second;
    const std::string whole = name + subresource;
    if (std::find(resources.begin(), resources.end(), whole) == resources.end()) {
      resources.push_back(whole);
    }
  }
  std::sort(groups.begin(), groups.end());
  Json rules = Json::array();
  for (const auto& [group, resources] : groups) {
    Json rule = {{"apiGroups", {group}}, {"resources", resources}, {"verbs", flags.verbs}};
    if (!flags.names.empty()) rule["resourceNames"] = flags.names;
    rules.push_back(std::move(rule));
  }
  return rules;
}

// What is asked of no resource, and how.
Result<> CheckUrls(const RoleFlags& flags) {
  constexpr std::string_view kVerbs[] = {"*",      "get",  "post",    "put",
                                         "delete", "head", "options", "patch"};
  if (flags.urls.empty()) return {};
  for (const std::string& verb : flags.verbs) {
    if (std::find(std::begin(kVerbs), std::end(kVerbs), verb) == std::end(kVerbs)) {
      return CliError(fmt::format("invalid verb: '{}' for nonResourceURL", verb));
    }
  }
  for (const std::string& url : flags.urls) {
    if (url == "*") continue;
    if (url.empty() || !url.starts_with('/')) {
      return CliError("nonResourceURL should start with /");
    }
    const size_t star = url.find('*');
    if (star != std::string::npos && star + 1 != url.size()) {
      return CliError("nonResourceURL only supports wildcard matches when '*' is at the end");
    }
  }
  return {};
}

// Each once; "*" stands for all.
void DropRepeated(std::vector<std::string>& texts) {
  std::vector<std::string> kept;
  if (std::find(texts.begin(), texts.end(), "*") != texts.end()) kept = {"*"};
  for (const std::string& text : texts) {
    const bool is_all = !kept.empty() && kept[0] == "*";
    if (!is_all && std::find(kept.begin(), kept.end(), text) == kept.end()) kept.push_back(text);
  }
  texts = std::move(kept);
}

struct BindingFlags {
  WriteFlags write;
  std::string cluster_role;
  std::string role;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> accounts;

  void AddTo(Command& command) {
    write.AddTo(command, "kubectl-create");
    command.Flag("clusterrole", cluster_role, "ClusterRole that is bound.");
    command.FlagEach("user", users, "Usernames to bind to the role.");
    command.FlagEach("group", groups, "Groups to bind to the role.");
    command.FlagEach("serviceaccount", accounts, "Service accounts: NAMESPACE:NAME.");
  }
};

Result<Json> Subjects(const BindingFlags& flags) {
  Json subjects = Json::array();
  for (const std::string& user : flags.users) {
    subjects.push_back({{"apiGroup", kGroup}, {"kind", "User"}, {"name", user}});
  }
  for (const std::string& group : flags.groups) {
    subjects.push_back({{"apiGroup", kGroup}, {"kind", "Group"}, {"name", group}});
  }
  for (const std::string& account : flags.accounts) {
    const auto parts = Split(account, ':');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
      return CliError("serviceaccount must be <namespace>:<name>");
    }
    subjects.push_back({{"kind", "ServiceAccount"}, {"name", parts[1]}, {"namespace", parts[0]}});
  }
  return subjects;
}

Result<> CreateBinding(Command& command, const BindingFlags& flags, const std::string& name,
                       const char* type) {
  const bool cluster = flags.role.empty();
  Json binding = {{"metadata", {{"name", name}}},
                  {"roleRef",
                   {{"apiGroup", kGroup},
                    {"kind", cluster ? "ClusterRole" : "Role"},
                    {"name", cluster ? flags.cluster_role : flags.role}}}};
  Json subjects = TRY(Subjects(flags));
  if (!subjects.empty()) binding["subjects"] = std::move(subjects);
  return CreateBuiltIn(command, flags.write, type, std::move(binding));
}

}  // namespace

Result<> RunCreateRole(Command& command, const Args& args) {
  RoleFlags flags;
  flags.AddTo(command);
  const std::string name = TRY(ParseSaidName(command, flags.write, args));
  DropRepeated(flags.verbs);
  if (flags.verbs.empty()) return CliError("at least one verb must be specified");
  if (flags.resources.empty()) return CliError("at least one resource must be specified");
  WarnOfVerbs(command, flags.verbs);
  Json rules = TRY(ResourceRules(command, flags));
  return CreateBuiltIn(command, flags.write, "role",
                       {{"metadata", {{"name", name}}}, {"rules", std::move(rules)}});
}

Result<> RunCreateClusterRole(Command& command, const Args& args) {
  RoleFlags flags;
  flags.AddTo(command);
  command.Flag("non-resource-url", flags.urls, "URLs, partial or whole, of no resource.");
  command.Flag("aggregation-rule", flags.aggregation, "Labels of the roles to aggregate.");
  const std::string name = TRY(ParseSaidName(command, flags.write, args));
  Json role = {{"metadata", {{"name", name}}}};
  if (!flags.aggregation.empty()) {
    if (!flags.verbs.empty() || !flags.resources.empty() || !flags.urls.empty() ||
        !flags.names.empty()) {
      return CliError(
          "aggregation rule must be specified without nonResourceURLs, verbs, resources or "
          "resourceNames");
    }
    Json labels = Json::object();
    for (const std::string& pair : flags.aggregation) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos) {
        return command.FlagError("aggregation-rule", pair, "malformed pair, expect string=string");
      }
      labels[pair.substr(0, equals)] = pair.substr(equals + 1);
    }
    role["aggregationRule"]["clusterRoleSelectors"] = Json::array({{{"matchLabels", labels}}});
    role["rules"] = nullptr;
    return CreateBuiltIn(command, flags.write, "clusterrole", std::move(role));
  }
  DropRepeated(flags.verbs);
  if (flags.verbs.empty()) return CliError("at least one verb must be specified");
  if (flags.resources.empty() && flags.urls.empty()) {
    return CliError("one of resource or nonResourceURL must be specified");
  }
  if (!flags.resources.empty()) WarnOfVerbs(command, flags.verbs);
  Json rules = TRY(ResourceRules(command, flags));
  TRY(CheckUrls(flags));
  if (!flags.urls.empty()) {
    rules.push_back({{"nonResourceURLs", flags.urls}, {"verbs", flags.verbs}});
  }
  role["rules"] = std::move(rules);
  return CreateBuiltIn(command, flags.write, "clusterrole", std::move(role));
}

Result<> RunCreateRoleBinding(Command& command, const Args& args) {
  BindingFlags flags;
  flags.AddTo(command);
  command.Flag("role", flags.role, "Role that is bound.");
  const std::string name = TRY(ParseSaidName(command, flags.write, args));
  if (flags.role.empty() == flags.cluster_role.empty()) {
    return CliError("exactly one of clusterrole or role must be specified");
  }
  return CreateBinding(command, flags, name, "rolebinding");
}

Result<> RunCreateClusterRoleBinding(Command& command, const Args& args) {
  BindingFlags flags;
  flags.AddTo(command);
  command.Require("clusterrole");
  const std::string name = TRY(ParseOneName(command, flags.write, args));
  return CreateBinding(command, flags, name, "clusterrolebinding");
}

}  // namespace skiff::cli
