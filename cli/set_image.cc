// `set image`: other images for containers of a pod template.
#include <map>

#include "cli/json_text.h"
#include "cli/pod_specs.h"

namespace skiff::cli {
namespace {

// By the container's name, or "*".
using Images = std::map<std::string, std::string>;

// Words before the first that says what to set name resources.
struct SetWords {
  Args resources;
  Images images;
};

Result<SetWords> SortImageWords(const Args& words) {
  SetWords sorted;
  std::vector<std::string> wrong;
  bool changes = false;
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    const bool is_pair = equals != std::string::npos && equals > 0;
    if (!is_pair && !(word.size() > 1 && word.ends_with('-'))) {
      if (changes) {
        return CliError("all resources must be specified before image changes: " + word);
      }
      sorted.resources.push_back(word);
      continue;
    }
    changes = true;
    if (!is_pair) wrong.push_back(word);
    sorted.images[word.substr(0, equals)] = is_pair ? word.substr(equals + 1) : "";
  }
  if (wrong.empty()) return sorted;
  return CliError("invalid image format: " + Join(wrong, ", "));
}

// The strategic merge patch, empty when all images are as wanted. Containers that are missing are
// reported.
Json ImagePatch(Command& command, Json object, const Images& images) {
  const std::string kind = TextAt(object, "kind");
  const Json* spec = PodSpecOf(object);
  if (!spec) return nullptr;
  Json lists = Json::object();
  for (const auto& [container, image] : images) {
    bool found = false;
    for (const char* list : {"initContainers", "containers"}) {
      for (const Json& each : At(*spec, list)) {
        if (container != "*" && TextAt(each, "name") != container) continue;
        found = true;
        if (TextAt(each, "image") == image) continue;
        if (!lists.contains(list)) lists[list] = Json::array();
        lists[list].push_back({{"image", image}, {"name", TextAt(each, "name")}});
      }
    }
    if (!found) {
      command.Report(
          PlainError(fmt::format("error: unable to find container named \"{}\"", container))
              .value());
    }
  }
  if (lists.empty()) return lists;
  return PodSpecPatch(kind, std::move(lists));
}

}  // namespace

Result<> RunSetImage(Command& command, const Args& args) {
  SetFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  const auto [resources, images] = TRY(SortImageWords(command.words()));
  const auto targets = TRY(FindSetTargets(command, flags, resources));
  if (command.exit_code() != 0) return {};
  if (images.empty()) return CliError("at least one image update is required");
  if (images.size() > 1 && images.contains("*")) {
    return CliError(
        "all containers are already specified by *, but saw more than one "
        "container_name=container_image pairs");
  }
  TRY(CheckLocal(flags));
  // What is missing is told before all else.
  std::vector<Json> patches;
  for (const Target& target : targets) {
    patches.push_back(ImagePatch(command, target.object, images));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const auto sent =
        patches[i].is_null()
            ? Result<>(NoPodTemplate(flags, targets[i]))
            : SendSetPatch(command, flags, targets[i], patches[i],
                           {"image updated", "failed to patch image update to pod template:"});
    if (!sent) command.Report(sent.error());
  }
  return {};
}

}  // namespace skiff::cli
