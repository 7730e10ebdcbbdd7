#include "cli/debug_flags.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "api/text/go_text.h"
#include "api/text/yaml.h"
#include "cli/debug_profile.h"
#include "cli/file_text.h"
#include "cli/image_form.h"
#include "cli/json_text.h"
#include "cli/typed_yaml.h"

namespace skiff::cli {
namespace {

constexpr char kNotReference[] = "invalid reference format";

// As pflag reads a map: with one "=" a value may have commas, with several they part pairs.
std::vector<std::string> PairTexts(const std::string& value) {
  if (std::count(value.begin(), value.end(), '=') < 2) return {value};
  return Split(value, ',');
}

Result<StringPairs> PairsOf(const Command& command, const std::string& flag,
                            const std::vector<std::string>& values) {
  StringPairs pairs;
  for (const std::string& value : values) {
    for (const std::string& text : PairTexts(value)) {
      const size_t equals = text.find('=');
      if (equals == std::string::npos) {
        return command.FlagError(flag, value, text + " must be formatted as key=value");
      }
      const std::string name = text.substr(0, equals);
      std::erase_if(pairs, [&](const auto& pair) { return pair.first == name; });
      pairs.emplace_back(name, text.substr(equals + 1));
    }
  }
  return pairs;
}

// The part of a container that the file holds; null where it holds nothing.
Result<Json> CustomContainer(const std::string& file, const std::string& text) {
  const auto invalid = [&file](const std::string& why) {
    return CliError(fmt::format("{} does not contain a valid container spec: {}", file, why));
  };
  auto parsed = ParseYaml(text);
  if (!parsed) return invalid("error converting YAML to JSON: " + parsed.error().message);
  if (parsed->value.is_null()) return Json();
  const Type* type = FindBuiltInType("v1", "Container");
  CHECK(type != nullptr);
  auto custom = TypedYaml(*type, std::move(parsed->value));
  if (!custom) {
    return invalid("error unmarshaling JSON: while decoding JSON: " + custom.error().message);
  }
  return std::move(*custom);
}

Result<Json> ReadCustomContainer(const std::string& file) {
  if (file.empty()) return Json();
  const auto text = FileText(file);
  if (text) return CustomContainer(file, *text);
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(file, ignored);
  const bool is_there = std::filesystem::exists(file, ignored);
  return CliError(fmt::format("must pass a container spec json file for custom profile: {} {}: {}",
                              is_folder ? "read" : "open", file,
                              is_folder  ? "is a directory"
                              : is_there ? "permission denied"
                                         : "no such file or directory"));
}

// What makes it another container is no part of a profile.
bool ChangesWhatIsFixed(const Json& custom) {
  return !TextAt(custom, "name").empty() || !TextAt(custom, "image").empty() ||
         !At(custom, "command").empty() || At(custom, "lifecycle").is_object() ||
         !At(custom, "volumeDevices").empty();
}

}  // namespace

void DebugFlags::AddTo(Command& command) {
  command.Flag("image", image, "Container image to use for the debug container.");
  command.Flag("container,c", container, "Container name to use for the debug container.");
  command.Flag("target", target, "Share the processes of this container.");
  command.Flag("copy-to", copy_to, "Create a copy of the pod with this name.");
  command.Flag("image-pull-policy", pull_policy, "The image pull policy for the container.");
  command.Flag("profile", profile, "legacy, general, baseline, netadmin, restricted or sysadmin.");
  command.FlagEach("env", env_texts_, "Environment variables to set: NAME=value.");
  command.Flag("attach", attach, "Attach to the container once it runs.");
  command.Flag("arguments-only", arguments_only, "What follows -- are args, not the command.");
  command.Flag("stdin,i", stdin_open, "Keep stdin open and attach.");
  command.Flag("tty,t", tty, "Allocate a TTY for the container.");
  command.Flag("quiet,q", quiet, "Suppress informational messages.");
  command.Flag("share-processes", share_processes, "In the copy, share processes.");
  command.Flag("same-node", same_node, "Schedule the copy on the node of the pod.");
  command.Flag("keep-labels", keep_labels, "Keep the labels in the copy.");
  command.Flag("keep-annotations", keep_annotations, "Keep the annotations in the copy.");
  command.Flag("keep-liveness", keep_liveness, "Keep liveness probes in the copy.");
  command.Flag("keep-readiness", keep_readiness, "Keep readiness probes in the copy.");
  command.Flag("keep-startup", keep_startup, "Keep startup probes in the copy.");
  command.Flag("keep-init-containers", keep_init_containers, "Run init containers in the copy.");
  command.Flag("replace", replace, "Delete the pod that was copied.");
  command.FlagEach("set-image", image_texts_, "In the copy, images of containers: NAME=IMAGE.");
  command.Flag("custom", custom_file_,
               "A file with a part of a container, put over the profile's.");
  command.Flag("filename,f", files.filenames, "Files, folders or URLs that name the pods.");
}

// Flags that are about a copy, or want one.
Result<> DebugFlags::CheckCopy(const Command& command) const {
  const bool words = !WordsOf(command).empty();
  if (!copy_to.empty()) {
    if (image.empty() && set_images.empty() && !words) {
      return CliError("you must specify --image, --set-image or command arguments.");
    }
    if (words && container.empty() && image.empty()) {
      return CliError(
          "you must specify an existing container or a new image when specifying args.");
    }
    return {};
  }
  if (replace) return CliError("--replace may only be used with --copy-to.");
  if (same_node) return CliError("--same-node may only be used with --copy-to.");
  if (!set_images.empty()) return CliError("--set-image may only be used with --copy-to.");
  if (image.empty()) return CliError("you must specify --image when not using --copy-to.");
  return {};
}

Result<> DebugFlags::Check(Command& command) const {
  if (attach && command.Given("attach") && image.empty() && container.empty()) {
    return CliError(
        "you must specify --container or create a new container using --image in order to attach.");
  }
  TRY(CheckCopy(command));
  if (!image.empty() && !HasImageForm(image)) {
    return CliError(fmt::format("invalid image name {}: {}", GoQuote(image), kNotReference));
  }
  if (command.words().empty() && files.empty()) {
    return CliError("NAME or filename is required for debug");
  }
  static const std::set<std::string> kPolicies = {"", "Always", "IfNotPresent", "Never"};
  if (!kPolicies.contains(pull_policy)) {
    return CliError(fmt::format("invalid image pull policy: {}", pull_policy));
  }
  for (const auto& [name, set_image] : set_images) {
    if (HasImageForm(set_image)) continue;
    return CliError(fmt::format("invalid image name {} for container {}: {}", GoQuote(set_image),
                                GoQuote(name), kNotReference));
  }
  if (!target.empty()) {
    if (!copy_to.empty()) {
      return CliError("--target is incompatible with --copy-to. Use --share-processes instead.");
    }
    if (!quiet) {
      command.Print(
          "Targeting container {}. If you don't see processes from this container it may be "
          "because the container runtime doesn't support this feature.\n",
          GoQuote(target));
    }
  }
  if (tty && !stdin_open) {
    return CliError("-i/--stdin is required for containers with -t/--tty=true");
  }
  if (ChangesWhatIsFixed(custom)) {
    return CliError(
        "name, command, image, lifecycle and volume devices are not modifiable via custom profile");
  }
  return {};
}

Result<> DebugFlags::Parse(Command& command, const Args& args) {
  AddTo(command);
  command.KeepRest();
  TRY(command.Parse(args));
  set_images = TRY(PairsOf(command, "set-image", image_texts_));
  env = TRY(PairsOf(command, "env", env_texts_));
  if (!FindDebugProfile(profile)) return CliError(fmt::format("unknown profile: {}", profile));
  custom = TRY(ReadCustomContainer(custom_file_));
  return Check(command);
}

}  // namespace skiff::cli
