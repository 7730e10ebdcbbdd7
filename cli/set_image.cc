// `set image`: other images for containers of a pod template.
#include "cli/json_text.h"
#include "cli/pod_specs.h"

namespace skiff::cli {
namespace {

using Images = std::vector<std::pair<std::string, std::string>>;

// The strategic merge patch, empty when all images are as wanted; fails when a container is
// missing.
Result<Json> ImagePatch(const Target& target, const Images& images) {
  Json object = target.object;
  const std::string kind = TextAt(object, "kind");
  Json* spec = PodSpecOf(object);
  if (!spec) return NoPodTemplate(target);
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
    if (!found) return CliError(fmt::format("unable to find container named \"{}\"", container));
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
  const SetWords words = SortSetWords(command.words());
  Images images;
  for (const std::string& word : words.changes) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("invalid image: {}", word));
    }
    images.emplace_back(word.substr(0, equals), word.substr(equals + 1));
  }
  const auto targets = TRY(FindSetTargets(command, flags, words.resources));
  if (images.empty()) return CliError("at least one image update is required");
  for (const Target& target : targets) {
    const auto patch = ImagePatch(target, images);
    const auto sent = patch ? SendSetPatch(command, flags, target, *patch, "image updated")
                            : Result<>(Fail(patch.error()));
    if (!sent) command.Report(sent.error());
  }
  return {};
}

}  // namespace skiff::cli
