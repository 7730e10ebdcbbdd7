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

tl::unexpected<Error> NoPodTemplate(const Target& target) {
  const std::string& version = target.resource.api_version;
  return CliError(fmt::format("{} the object is not a pod or does not have a pod template: *{}.{}",
                              target.PathName(), version.substr(version.rfind('/') + 1),
                              target.resource.kind));
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
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  command.Flag("local", local, "Change what -f holds, not the server's objects.");
}

Result<std::vector<Target>> FindSetTargets(Command& command, const SetFlags& flags,
                                           const Args& resources) {
  if (flags.local && flags.write.dry_run.server()) {
    return CliError(
        "cannot specify --local and --dry-run=server - did you mean --dry-run=client?");
  }
  if (flags.local && (flags.files.empty() || !resources.empty())) {
    return CliError(
        "you must specify resources by --filename when --local is set.\n"
        "Example resource specifications include:\n"
        "   '-f rsrc.yaml'\n"
        "   '--filename=rsrc.json'");
  }
  return FindTargets(
      command, resources,
      {.files = &flags.files, .selectors = flags.selectors, .fetch = !flags.local});
}

SetWords SortSetWords(const Args& words) {
  SetWords sorted;
  for (const std::string& word : words) {
    const bool change = word.find('=') != std::string::npos ||
                        (word.size() > 1 && word.ends_with('-')) || !sorted.changes.empty();
    (change ? sorted.changes : sorted.resources).push_back(word);
  }
  return sorted;
}

Result<> SendSetPatch(Command& command, const SetFlags& flags, const Target& target,
                      const Json& patch, const std::string& operation) {
  if (patch.empty()) return {};
  Session& session = *TRY(command.session());
  Json result;
  if (flags.write.dry_run.client() || flags.local) {
    result = TRY(PatchedHere(session, target, PatchType::kStrategic, patch.dump()));
  } else {
    WriteOptions options = TRY(flags.write.Options());
    options.field_validation.clear();
    result = TRY(
        session.api().Patch(target.resource, target.key, PatchType::kStrategic, patch, options));
  }
  return PrintWritten(command, flags.write, result, target.resource, operation);
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
