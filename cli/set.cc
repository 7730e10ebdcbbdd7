// `set image`: other images for containers of a pod template.
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

// Where the pod spec of a kind is.
Json* PodSpecOf(Json& object) {
  const std::string kind = TextAt(object, "kind");
  Json* at = &object["spec"];
  if (kind == "CronJob") at = &(*at)["jobTemplate"]["spec"];
  if (kind != "Pod") at = &(*at)["template"]["spec"];
  return at->is_object() ? at : nullptr;
}

using Images = std::vector<std::pair<std::string, std::string>>;

// The strategic merge patch, empty when all images are as wanted; fails when a container is
// missing.
Result<Json> ImagePatch(Json object, const Images& images) {
  const std::string kind = TextAt(object, "kind");
  Json* spec = PodSpecOf(object);
  if (!spec) return CliError(fmt::format("the object of kind {} has no pod template", kind));
  Json lists = Json::object();
  for (const auto& [container, image] : images) {
    bool found = false;
    for (const char* list : {"initContainers", "containers"}) {
      for (const Json& each : At(*spec, list)) {
        if (container != "*" && TextAt(each, "name") != container) continue;
        found = true;
        if (TextAt(each, "image") == image) continue;
        if (lists[list].is_null()) lists[list] = Json::array();
        lists[list].push_back({{"image", image}, {"name", TextAt(each, "name")}});
      }
    }
    if (!found) return CliError(fmt::format("unable to find container named \"{}\"", container));
  }
  for (auto at = lists.begin(); at != lists.end();) {
    at = at->is_null() ? lists.erase(at) : std::next(at);
  }
  if (lists.empty()) return lists;
  if (kind == "Pod") return Json{{"spec", lists}};
  const Json inner = {{"spec", {{"template", {{"spec", lists}}}}}};
  if (kind == "CronJob") return Json{{"spec", {{"jobTemplate", inner}}}};
  return inner;
}

Result<> RunSetImage(Command& command, const Args& args) {
  WriteFlags flags;
  FileFlags files;
  SelectorFlags selectors;
  flags.AddTo(command, "kubectl-set", false);
  files.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("all", selectors.all, "All objects of the named kinds.");
  TRY(command.Parse(args));
  TRY(flags.Check());
  Args resources;
  Images images;
  for (const std::string& word : command.words()) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      resources.push_back(word);
    } else {
      images.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  if (images.empty()) return CliError("at least one image update is required");
  Session& session = *TRY(command.session());
  const auto targets =
      TRY(FindTargets(command, resources, {.files = &files, .selectors = selectors}));
  for (const Target& target : targets) {
    const auto patch = ImagePatch(target.object, images);
    if (!patch) {
      command.Report(patch.error());
      continue;
    }
    if (patch->empty()) continue;
    Json result = target.object;
    if (!flags.dry_run.client()) {
      WriteOptions options = TRY(flags.Options());
      options.field_validation.clear();
      auto patched =
          session.api().Patch(target.resource, target.key, PatchType::kStrategic, *patch, options);
      if (!patched) {
        command.Report(patched.error());
        continue;
      }
      result = std::move(*patched);
    }
    TRY(PrintWritten(command, flags, result, target.resource, "image updated"));
  }
  return {};
}

constexpr Verb kSetVerbs[] = {{"image", &RunSetImage}};

}  // namespace

int SetMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "set", kSetVerbs, std::size(kSetVerbs), args);
}

}  // namespace skiff::cli
