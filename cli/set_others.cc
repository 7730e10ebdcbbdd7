// `set resources|serviceaccount|selector|subject`.
#include <algorithm>

#include "api/values.h"
#include "cli/json_text.h"
#include "cli/pod_specs.h"
#include "cli/session.h"

namespace skiff::cli {
namespace {

// "cpu=1,memory=64Mi"
Result<Json> Amounts(const std::string& text) {
  Json amounts = Json::object();
  if (text.empty()) return amounts;
  for (const std::string& pair : Split(text, ',')) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return CliError(fmt::format("Invalid argument syntax {}, expected <resource>=<value>", pair));
    }
    const std::string amount = pair.substr(equals + 1);
    const auto parsed = Quantity::Parse(amount);
    if (!parsed) return CliError(parsed.error().message);
    amounts[pair.substr(0, equals)] = amount;
  }
  return amounts;
}

Result<Json> ResourcesPatch(const SetFlags& flags, const Target& target,
                            const std::string& containers, const Json& wanted) {
  Json object = target.object;
  Json* spec = PodSpecOf(object);
  if (!spec) return NoPodTemplate(flags, target);
  Json lists = Json::object();
  bool any = false;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : At(*spec, list)) {
      const std::string name = TextAt(container, "name");
      if (!MatchesPattern(name, containers)) continue;
      any = true;
      Json merged = At(container, "resources");
      if (merged.is_null()) merged = Json::object();
      const Json before = merged;
      merged.merge_patch(wanted);
      if (merged == before) continue;
      if (!lists.contains(list)) lists[list] = Json::array();
      lists[list].push_back({{"name", name}, {"resources", wanted}});
    }
  }
  if (!any) {
    return PlainError(fmt::format("error: unable to find container named {}", containers));
  }
  if (lists.empty()) return lists;
  return PodSpecPatch(target.resource.kind, std::move(lists));
}

// "{a In [b c]} {d Exists []}"
std::string ExpressionsText(const Json& expressions) {
  std::vector<std::string> texts;
  for (const Json& each : expressions) {
    texts.push_back(fmt::format("{{{} {} [{}]}}", TextAt(each, "key"), TextAt(each, "operator"),
                                Join(TextsAt(each, "values"), " ")));
  }
  return Join(texts, " ");
}

// For each object: its patch, sent.
template <typename MakePatch>
Result<> SetAll(Command& command, const SetFlags& flags, const Args& resources,
                const SetOperation& operation, MakePatch make) {
  const auto targets = TRY(FindSetTargets(command, flags, resources));
  TRY(CheckLocal(flags));
  for (const Target& target : targets) {
    const Result<Json> patch = make(target);
    const auto sent = patch ? SendSetPatch(command, flags, target, *patch, operation)
                            : Result<>(Fail(patch.error()));
    if (!sent) command.Report(sent.error());
  }
  return {};
}

}  // namespace

Result<> RunSetResources(Command& command, const Args& args) {
  SetFlags flags;
  std::string limits_text;
  std::string requests_text;
  std::string containers = "*";
  flags.AddTo(command);
  command.Flag("limits", limits_text, "Limits, such as cpu=100m,memory=256Mi.");
  command.Flag("requests", requests_text, "Requests, such as cpu=100m,memory=256Mi.");
  command.Flag("containers,c", containers, "The container to change; \"*\" is all.");
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  if (command.words().empty() && flags.files.empty()) return NothingNamed();
  if (limits_text.empty() && requests_text.empty()) {
    return CliError(
        "you must specify an update to requests or limits (in the form of --requests/--limits)");
  }
  Json wanted = Json::object();
  if (!limits_text.empty()) wanted["limits"] = TRY(Amounts(limits_text));
  if (!requests_text.empty()) wanted["requests"] = TRY(Amounts(requests_text));
  return SetAll(command, flags, command.words(),
                {"resource requirements updated",
                 "failed to patch resources update to pod template"},
                [&](const Target& target) {
                  return ResourcesPatch(flags, target, containers, wanted);
                });
}

Result<> RunSetServiceAccount(Command& command, const Args& args) {
  SetFlags flags{.takes_selector = false};
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  if (command.words().empty()) return CliError("serviceaccount is required");
  Args resources = command.words();
  const std::string account = resources.back();
  resources.pop_back();
  TRY(CheckLocal(flags));
  return SetAll(command, flags, resources,
                {"serviceaccount updated", "failed to patch ServiceAccountName"},
                [&](const Target& target) -> Result<Json> {
                  Json object = target.object;
                  if (!PodSpecOf(object)) return NoPodTemplate(flags, target);
                  // As kubectl: sent, and said, also where it is so already.
                  return PodSpecPatch(target.resource.kind, {{"serviceAccountName", account}});
                });
}

Result<> RunSetSelector(Command& command, const Args& args) {
  SetFlags flags{.takes_selector = false};
  flags.files.recursive = true;
  flags.files.takes_kustomize = false;
  std::string resource_version;
  flags.AddTo(command);
  command.Flag("resource-version", resource_version, "Only this version of the object.");
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  Args resources = command.words();
  if (resources.empty()) return CliError("one selector is required");
  const std::string expression = resources.back();
  resources.pop_back();
  if (resources.empty() && flags.files.empty()) return NothingNamed();
  const Json parsed = TRY(ParseObjectSelector(expression));
  const Json selector = parsed.value("matchLabels", Json::object());
  return SetAll(
      command, flags, resources, {"selector updated", ""},
      [&](const Target& target) -> Result<Json> {
        if (GroupKind(target.resource) != "Service") {
          return CliError(fmt::format("setting a selector is only supported for Services"));
        }
        if (parsed.contains("matchExpressions")) {
          return CliError(fmt::format("match expression [{}] not supported on this object",
                                      ExpressionsText(parsed["matchExpressions"])));
        }
        // Keys of the old selector go: the new one takes its place.
        Json changes = selector;
        const Json& old = At(target.object, "spec", "selector");
        if (old.is_object()) {
          for (const auto& [key, value] : old.items()) {
            if (!changes.contains(key)) changes[key] = nullptr;
          }
        }
        Json patch = {{"spec", {{"selector", std::move(changes)}}}};
        if (!resource_version.empty()) {
          patch["metadata"]["resourceVersion"] = resource_version;
        }
        return patch;
      });
}

Result<> RunSetSubject(Command& command, const Args& args) {
  SetFlags flags;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::vector<std::string> accounts;
  flags.AddTo(command);
  command.FlagEach("user", users, "Usernames to bind to the role.");
  command.FlagEach("group", groups, "Groups to bind to the role.");
  command.FlagEach("serviceaccount", accounts, "Service accounts: NAMESPACE:NAME.");
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  if (command.words().empty() && flags.files.empty()) return NothingNamed();
  if (users.empty() && groups.empty() && accounts.empty()) {
    return CliError("you must specify at least one value of user, group or serviceaccount");
  }
  Json added = Json::array();
  for (auto* texts : {&users, &groups, &accounts}) {
    std::sort(texts->begin(), texts->end());
    texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
  }
  constexpr char kGroup[] = "rbac.authorization.k8s.io";
  for (const std::string& user : users) {
    added.push_back({{"apiGroup", kGroup}, {"kind", "User"}, {"name", user}});
  }
  for (const std::string& group : groups) {
    added.push_back({{"apiGroup", kGroup}, {"kind", "Group"}, {"name", group}});
  }
  for (const std::string& account : accounts) {
    const auto parts = Split(account, ':');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) {
      return CliError("serviceaccount must be <namespace>:<name>");
    }
    added.push_back({{"kind", "ServiceAccount"}, {"name", parts[1]}, {"namespace", parts[0]}});
  }
  return SetAll(command, flags, command.words(),
                {"subjects updated", "failed to patch subjects to rolebinding:"},
                [&](const Target& target) -> Result<Json> {
                  const std::string& kind = target.resource.kind;
                  if (kind != "RoleBinding" && kind != "ClusterRoleBinding") {
                    return SetFailure(flags, target,
                                      "setting subjects is only supported for "
                                      "RoleBinding/ClusterRoleBinding");
                  }
                  Json subjects = At(target.object, "subjects");
                  if (!subjects.is_array()) subjects = Json::array();
                  const size_t before = subjects.size();
                  for (const Json& subject : added) {
                    if (std::find(subjects.begin(), subjects.end(), subject) == subjects.end()) {
                      subjects.push_back(subject);
                    }
                  }
                  if (subjects.size() == before) return Json::object();
                  return Json{{"subjects", std::move(subjects)}};
                });
}

}  // namespace skiff::cli
