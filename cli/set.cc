// `set`: the parts of its verbs that they share.
#include "cli/json_text.h"
#include "cli/pod_specs.h"
#include "cli/verbs.h"

namespace skiff::cli {

Json* PodSpecOf(Json& object) {
  const std::string kind = TextAt(object, "kind");
  if (!object.is_object() || !object.contains("spec")) return nullptr;
  Json* at = &object["spec"];
  std::vector<const char*> path;
  if (kind == "CronJob") path = {"jobTemplate", "spec"};
  if (kind != "Pod") path.insert(path.end(), {"template", "spec"});
  for (const char* name : path) {
    if (!at->is_object() || !at->contains(name)) return nullptr;
    at = &(*at)[name];
  }
  return at->is_object() ? at : nullptr;
}

namespace {

// As kubectl names an object of a file; where its kind is of a group, the line ends there.
std::string NameOfLocal(const Target& target) {
  const std::string name = KindName(target.resource) + "/" + target.key.name;
  return target.resource.Group().empty() ? name : name + "\n";
}

}  // namespace

tl::unexpected<Error> SetFailure(const SetFlags& flags, const Target& target,
                                 const std::string& why) {
  return PlainError(
      fmt::format("error: {} {}\n", flags.local ? NameOfLocal(target) : target.PathName(), why));
}

tl::unexpected<Error> NoPodTemplate(const SetFlags& flags, const Target& target) {
  const std::string& version = target.resource.api_version;
  return SetFailure(
      flags, target,
      fmt::format("the object is not a pod or does not have a pod template: *{}.{}",
                  version.substr(version.rfind('/') + 1), target.resource.kind));
}

bool MatchesPattern(const std::string& name, const std::string& pattern) {
  const std::vector<std::string> parts = Split(pattern, '*');
  if (parts.size() == 1) return name == pattern;
  if (!name.starts_with(parts.front())) return false;
  size_t at = parts.front().size();
  for (size_t i = 1; i + 1 < parts.size(); ++i) {
    const size_t found = name.find(parts[i], at);
    if (found == std::string::npos) return false;
    at = found + parts[i].size();
  }
  return name.size() >= at + parts.back().size() && name.ends_with(parts.back());
}

Json PodSpecPatch(const std::string& kind, Json fields) {
  if (kind == "Pod") return {{"spec", std::move(fields)}};
  Json inner = {{"spec", {{"template", {{"spec", std::move(fields)}}}}}};
  if (kind == "CronJob") return {{"spec", {{"jobTemplate", std::move(inner)}}}};
  return inner;
}

void SetFlags::AddTo(Command& command) {
  write.AddTo(command, "kubectl-set", false);
  files.AddTo(command);
  files.own_kinds_alone = true;
  if (takes_selector) {
    command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  }
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  command.Flag("local", local, "Change what -f holds, not the server's objects.");
}

Result<std::vector<Target>> FindSetTargets(Command& command, const SetFlags& flags,
                                           const Args& resources) {
  if (flags.local && !resources.empty()) return WordsOfLocal();
  if (flags.local && flags.files.empty()) return NothingNamed();
  SelectorFlags selectors = flags.selectors;
  // Who names some means these, as kubectl's set takes it.
  const bool named = resources.size() > 1 ||
                     (!resources.empty() && resources[0].find('/') != std::string::npos);
  if (named && selectors.labels.empty()) selectors.all = false;
  auto targets = TRY(FindTargets(command, resources,
                                 {.files = &flags.files,
                                  .selectors = std::move(selectors),
                                  .fetch = !flags.local,
                                  .asks_server = !flags.local}));
  if (command.exit_code() != 0) targets.clear();
  return targets;
}

Result<> CheckLocal(const SetFlags& flags) {
  if (!flags.local || !flags.write.dry_run.server()) return {};
  return CliError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
}

Result<> SendSetPatch(Command& command, const SetFlags& flags, const Target& target,
                      const Json& wanted, const SetOperation& operation) {
  const Json patch = flags.write.record.In(wanted);
  if (patch.empty()) return {};
  Session& session = *TRY(command.session());
  Json result;
  if (flags.write.dry_run.client() || flags.local) {
    result = TRY(PatchedHere(session, target, PatchType::kStrategic, patch.dump()));
  } else {
    WriteOptions options = TRY(flags.write.Options());
    options.field_validation.clear();
    auto patched =
        session.api().Patch(target.resource, target.key, PatchType::kStrategic, patch, options);
    if (!patched && !operation.failure.empty() && !UnreachableProblem(patched.error())) {
      return CliError(fmt::format("{} {}", operation.failure, patched.error().message));
    }
    result = TRY(std::move(patched));
  }
  return PrintWritten(command, flags.write, result, target.resource, operation.done);
}

namespace {

constexpr Verb kSetVerbs[] = {
    {"env", &RunSetEnv},
    {"image", &RunSetImage},
    {"resources", &RunSetResources},
    {"selector", &RunSetSelector},
    {"serviceaccount", &RunSetServiceAccount},
    {"sa", &RunSetServiceAccount},
    {"subject", &RunSetSubject},
};

}  // namespace

int SetMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "set", kSetVerbs, std::size(kSetVerbs), args);
}

}  // namespace skiff::cli
