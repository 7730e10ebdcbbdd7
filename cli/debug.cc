#include "cli/debug.h"

#include <algorithm>
#include <set>

#include "api/codec/json.h"
#include "api/rules/core/image_reference.h"
#include "api/text/yaml.h"
#include "base/id.h"
#include "cli/debug_profile.h"
#include "cli/delete.h"
#include "cli/file_text.h"
#include "cli/json_text.h"
#include "cli/streams.h"
#include "cli/typed_yaml.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

struct DebugFlags {
  std::string image;
  std::string container;
  std::string target;
  std::string copy_to;
  std::string pull_policy;
  std::string profile = "legacy";
  std::vector<std::string> env;
  bool attach = false;
  bool arguments_only = false;
  bool stdin_open = false;
  bool tty = false;
  bool quiet = false;
  bool share_processes = true;
  bool same_node = false;
  bool keep_labels = false;
  bool keep_annotations = false;
  bool keep_liveness = false;
  bool keep_readiness = false;
  bool keep_startup = false;
  bool keep_init_containers = true;
  bool replace = false;
  std::vector<std::string> set_images;  // NAME=IMAGE, with "*" for all.
  std::string custom;
  FileFlags files;

  void AddTo(Command& command);
  bool attaches(const Command& command) const {
    return command.Given("attach") ? attach : stdin_open;
  }
};

void DebugFlags::AddTo(Command& command) {
  command.Flag("image", image, "Container image to use for the debug container.");
  command.Flag("container,c", container, "Container name to use for the debug container.");
  command.Flag("target", target, "Share the processes of this container.");
  command.Flag("copy-to", copy_to, "Create a copy of the pod with this name.");
  command.Flag("image-pull-policy", pull_policy, "The image pull policy for the container.");
  command.Flag("profile", profile, "legacy, general, baseline, netadmin, restricted or sysadmin.");
  command.FlagEach("env", env, "Environment variables to set: NAME=value.");
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
  command.Flag("set-image", set_images, "In the copy, images of containers: NAME=IMAGE.");
  command.Flag("custom", custom, "A file with a part of a container, put over the profile's.");
  command.Flag("filename,f", files.filenames, "Files, folders or URLs that name the pods.");
}

Result<Json> EnvironmentOf(const DebugFlags& flags) {
  Json environment = Json::array();
  for (const std::string& pair : flags.env) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("invalid env: {}", pair));
    }
    environment.push_back({{"name", pair.substr(0, equals)}, {"value", pair.substr(equals + 1)}});
  }
  return environment;
}

Result<Json> MakeContainer(Command& command, const DebugFlags& flags, const std::string& name) {
  Json container = {{"image", flags.image},
                    {"name", name},
                    {"resources", Json::object()},
                    {"terminationMessagePolicy", "File"}};
  if (!flags.pull_policy.empty()) container["imagePullPolicy"] = flags.pull_policy;
  if (flags.stdin_open) container["stdin"] = true;
  if (flags.tty) container["tty"] = true;
  Args words = command.rest().value_or(Args());
  if (!words.empty()) container[flags.arguments_only ? "args" : "command"] = std::move(words);
  if (!flags.env.empty()) container["env"] = TRY(EnvironmentOf(flags));
  return container;
}

// Where the pod's user is not root, what the profile gives the container may be of no use to him.
void WarnOfUser(Command& command, const Json& container, const Json& pod) {
  const auto names_user = [](const Json& context) {
    return At(context, "runAsUser").is_number_integer();
  };
  const Json& of_pod = At(pod, "spec", "securityContext");
  const Json& own = At(container, "securityContext");
  if (!names_user(of_pod) || of_pod["runAsUser"] == 0 || !own.is_object()) return;
  if (names_user(own) && own["runAsUser"] == 0) return;
  if (!IsTrue(At(own, "privileged")) && At(own, "capabilities", "add").empty()) return;
  command.Warn(
      "Warning: Non-root user is configured for the entire target Pod, and some capabilities "
      "granted by debug profile may not work. Please consider using \"--custom\" with a custom "
      "profile that specifies \"securityContext.runAsUser: 0\".\n");
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
  const bool changes_fixed = !TextAt(*custom, "name").empty() ||
                             !TextAt(*custom, "image").empty() || !At(*custom, "command").empty() ||
                             At(*custom, "lifecycle").is_object() ||
                             !At(*custom, "volumeDevices").empty();
  if (changes_fixed) {
    return CliError(
        "name, command, image, lifecycle and volume devices are not modifiable via custom profile");
  }
  return std::move(*custom);
}

// What the user's own file says goes over what the profile made of the container.
Result<> Customize(Session& session, const DebugFlags& flags, Json& container) {
  if (flags.custom.empty()) return {};
  const auto text = FileText(flags.custom);
  if (!text) {
    return CliError(fmt::format("must pass a container spec json file for custom profile: open {}: "
                                "no such file or directory",
                                flags.custom));
  }
  Json custom = TRY(CustomContainer(flags.custom, *text));
  if (custom.is_null()) return {};
  custom["name"] = TextAt(container, "name");
  const ServedKind pods = TRY(session.kinds().Find("pods"));
  const auto pod_of = [](Json one) {
    return Json{{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"spec", {{"containers", Json::array({std::move(one)})}}}};
  };
  const Target target{pods.resource, {}, "", pod_of(container)};
  Json changed =
      TRY(PatchedHere(session, target, PatchType::kStrategic, DumpJson(pod_of(custom))));
  container = std::move(changed["spec"]["containers"][0]);
  return {};
}

std::string ContainerName(Command& command, const DebugFlags& flags) {
  if (!flags.container.empty()) return flags.container;
  std::string name = "debugger-" + SystemRandom().NameSuffix();
  if (!flags.quiet) command.Print("Defaulting debug container name to {}.\n", name);
  return name;
}

// What the pod says of a container of that name; null where it says nothing yet.
const Json& StatusOf(const Json& pod, const std::string& container) {
  for (const char* list :
       {"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"}) {
    for (const Json& status : At(pod, "status", list)) {
      if (TextAt(status, "name") == container) return status;
    }
  }
  static const Json kNone;
  return kNone;
}

// The pod, once the container runs or has ended. Why it does not is said until then.
Result<Json> AwaitContainer(Command& command, const DebugFlags& flags, const Resource& pods,
                            const ObjectKey& key, const std::string& container) {
  Json pod;
  std::string said;
  const auto begun = [&](const Json* object) -> Result<bool> {
    if (!object) return Fail(Reason::kNotFound, "the pod was deleted");
    const Json& state = At(StatusOf(*object, container), "state");
    if (At(state, "terminated").is_object() || At(state, "running").is_object()) {
      pod = *object;
      return true;
    }
    const std::string why = TextAt(state, "waiting", "message");
    if (!flags.quiet && !why.empty() && why != said) {
      command.Warn("Warning: container {}: {}\n", container, why);
    }
    said = why;
    return false;
  };
  Session& session = *TRY(command.session());
  TRY(WaitUntil(session, pods, key, kNever, begun));
  return pod;
}

// Attaches to the container once it runs; shows its log when it has ended already, or cannot be
// attached to.
Result<> Follow(Command& command, const DebugFlags& flags, const Resource& pods,
                const ObjectKey& key, const std::string& container) {
  const Json pod = TRY(AwaitContainer(command, flags, pods, key, container));
  if (!At(StatusOf(pod, container), "state", "terminated").is_object()) {
    const bool tty = TakesTerminal(command, {flags.stdin_open, flags.tty, flags.quiet});
    const RemoteRequest request{
        .pod = key, .container = container, .with_stdin = flags.stdin_open, .tty = tty};
    const auto code = RunAttached(command, pod, request, flags.quiet);
    if (code) {
      command.set_exit_code(*code);
      return {};
    }
    if (Command::IsExit(code.error())) return Fail(code.error());
    command.Warn("warning: couldn't attach to pod/{}, falling back to streaming logs: {}\n",
                 key.name, code.error().message);
  }
  Session& session = *TRY(command.session());
  const std::string path = TRY(pods.Path(key, "log"));
  return session.api().GetPieces(path, {{"container", container}}, session.request_limit(),
                                 command.environment().out);
}

Result<> DebugInPod(Command& command, const DebugFlags& flags, const Target& pod) {
  Session& session = *TRY(command.session());
  const std::string name = ContainerName(command, flags);
  if (!flags.target.empty() && !flags.quiet) {
    command.Print(
        "Targeting container \"{}\". If you don't see processes from this container it may be "
        "because the container runtime doesn't support this feature.\n",
        flags.target);
  }
  Json container = TRY(MakeContainer(command, flags, name));
  ApplyDebugProfile(*FindDebugProfile(flags.profile), /*on_node=*/false, container);
  TRY(Customize(session, flags, container));
  WarnOfUser(command, container, pod.object);
  if (!flags.target.empty()) container["targetContainerName"] = flags.target;
  // What is there stays first.
  Json order = Json::array();
  for (const Json& present : At(pod.object, "spec", "ephemeralContainers")) {
    order.push_back({{"name", TextAt(present, "name")}});
  }
  order.push_back({{"name", name}});
  const Json patch = {{"spec",
                       {{"$setElementOrder/ephemeralContainers", std::move(order)},
                        {"ephemeralContainers", Json::array({std::move(container)})}}}};
  TRY(session.api().Patch(pod.resource, pod.key, PatchType::kStrategic, patch, {},
                          "ephemeralcontainers"));
  if (!flags.attaches(command)) return {};
  return Follow(command, flags, pod.resource, pod.key, name);
}

// The pod under another name, without what ties it to its node.
Json CopyOf(const Command& command, const DebugFlags& flags, const Json& pod) {
  Json copy = {{"apiVersion", "v1"},
               {"kind", "Pod"},
               {"metadata", {{"name", flags.copy_to}, {"namespace", NamespaceOf(pod)}}},
               {"spec", At(pod, "spec")}};
  for (const char* field : {"labels", "annotations"}) {
    const Json& own = At(pod, "metadata", field);
    if (own.is_object()) copy["metadata"][field] = own;
  }
  Json& spec = copy["spec"];
  spec.erase("ephemeralContainers");
  if (!flags.same_node) spec.erase("nodeName");
  if (command.Given("share-processes")) spec["shareProcessNamespace"] = flags.share_processes;
  return copy;
}

// What a copy has of the pod, where it is one to be looked at.
void KeepInCopy(const Command& command, const DebugFlags& flags, Json& copy) {
  // The oldest profile asks nobody: labels, by which services find pods, go; the rest stays.
  const bool legacy = flags.profile == "legacy";
  if (legacy || !flags.keep_labels) copy["metadata"].erase("labels");
  if (!legacy && !flags.keep_annotations) copy["metadata"].erase("annotations");
  if (!FindDebugProfile(flags.profile)->debugs_copy) return;
  Json& spec = copy["spec"];
  if (!command.Given("share-processes")) spec["shareProcessNamespace"] = true;
  if (!flags.keep_init_containers) spec.erase("initContainers");
  const std::pair<const char*, bool> probes[] = {{"livenessProbe", flags.keep_liveness},
                                                 {"readinessProbe", flags.keep_readiness},
                                                 {"startupProbe", flags.keep_startup}};
  for (Json& container : spec["containers"]) {
    for (const auto& [probe, keep] : probes) {
      if (!keep) container.erase(probe);
    }
  }
}

Result<> SetImages(const DebugFlags& flags, Json& containers) {
  for (const std::string& pair : flags.set_images) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return CliError(fmt::format("{} must be formatted as key=value", pair));
    }
    const std::string name = pair.substr(0, equals);
    for (Json& container : containers) {
      const bool own = std::any_of(
          flags.set_images.begin(), flags.set_images.end(), [&](const std::string& each) {
            return each.starts_with(TextAt(container, "name") + "=");
          });
      const bool meant = name == TextAt(container, "name") || (name == "*" && !own);
      if (meant) container["image"] = pair.substr(equals + 1);
    }
  }
  return {};
}

// Changes the container that is named, or adds one. Returns its name; "" where neither was asked
// for.
Result<std::string> PutContainer(Command& command, const DebugFlags& flags, Json& copy) {
  Json& containers = copy["spec"]["containers"];
  TRY(SetImages(flags, containers));
  auto named = std::find_if(containers.begin(), containers.end(), [&](const Json& each) {
    return TextAt(each, "name") == flags.container;
  });
  if (named == containers.end() && flags.image.empty()) {
    if (!flags.set_images.empty()) return std::string();
    return CliError("you must specify image when creating new container");
  }
  if (named == containers.end()) {
    const std::string name = ContainerName(command, flags);
    containers.push_back(TRY(MakeContainer(command, flags, name)));
    named = containers.end() - 1;
  } else {
    Json& container = *named;
    if (!flags.image.empty()) container["image"] = flags.image;
    if (!flags.pull_policy.empty()) container["imagePullPolicy"] = flags.pull_policy;
    if (!flags.env.empty()) container["env"] = TRY(EnvironmentOf(flags));
    if (command.rest()) {
      if (!flags.arguments_only) container.erase("args");
      container[flags.arguments_only ? "args" : "command"] = *command.rest();
    }
    container["stdin"] = flags.stdin_open;
    container["tty"] = flags.tty;
  }
  const std::string name = TextAt(*named, "name");
  ApplyDebugProfile(*FindDebugProfile(flags.profile), /*on_node=*/false, *named);
  TRY(Customize(*TRY(command.session()), flags, *named));
  WarnOfUser(command, *named, copy);
  KeepInCopy(command, flags, copy);
  return name;
}

Result<> DebugCopy(Command& command, const DebugFlags& flags, const Target& pod) {
  Session& session = *TRY(command.session());
  Json copy = CopyOf(command, flags, pod.object);
  const std::string name = TRY(PutContainer(command, flags, copy));
  const ObjectKey key = {pod.key.namespace_, flags.copy_to};
  TRY(session.api().Create(pod.resource, key.namespace_, copy, {}));
  if (flags.replace) {
    const DeleteFlags deletion{.grace_period = 0};
    TRY(DeleteObject(session, pod, deletion, ""));
  }
  if (!flags.attaches(command) || name.empty()) return {};
  return Follow(command, flags, pod.resource, key, name);
}

// A pod that sees of its node's processes, network and files (below /host) what the profile says.
Result<> DebugNode(Command& command, const DebugFlags& flags, const std::string& node) {
  Session& session = *TRY(command.session());
  const ServedKind pods = TRY(session.kinds().Find("pods"));
  const std::string name = fmt::format("node-debugger-{}-{}", node, SystemRandom().NameSuffix());
  const std::string container_name = flags.container.empty() ? "debugger" : flags.container;
  Json container = TRY(MakeContainer(command, flags, container_name));
  const DebugProfile& profile = *FindDebugProfile(flags.profile);
  ApplyDebugProfile(profile, /*on_node=*/true, container);
  TRY(Customize(session, flags, container));
  if (!flags.quiet) {
    command.Print("Creating debugging pod {} with container {} on node {}.\n", name, container_name,
                  node);
  }
  Json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"labels", {{"app.kubernetes.io/managed-by", "kubectl-debug"}}}, {"name", name}}},
      {"spec",
       {{"nodeName", node},
        {"restartPolicy", "Never"},
        {"tolerations", Json::array({{{"operator", "Exists"}}})}}}};
  if (profile.hosts_namespaces) {
    for (const char* shared : {"hostIPC", "hostNetwork", "hostPID"}) pod["spec"][shared] = true;
  }
  if (profile.hosts_files) {
    container["volumeMounts"] = Json::array({{{"mountPath", "/host"}, {"name", "host-root"}}});
    pod["spec"]["volumes"] =
        Json::array({{{"hostPath", {{"path", "/"}}}, {"name", "host-root"}}});
  }
  pod["spec"]["containers"] = Json::array({std::move(container)});
  const ObjectKey key = {session.namespace_(), name};
  TRY(session.api().Create(pods.resource, key.namespace_, pod, {}));
  if (!flags.attaches(command)) return {};
  return Follow(command, flags, pods.resource, key, container_name);
}

// Flags that are about a copy, or want one.
Result<> CheckCopy(const Command& command, const DebugFlags& flags) {
  const bool words = command.rest() && !command.rest()->empty();
  if (!flags.copy_to.empty()) {
    if (flags.image.empty() && flags.set_images.empty() && !words) {
      return CliError("you must specify --image, --set-image or command arguments.");
    }
    if (words && flags.container.empty() && flags.image.empty()) {
      return CliError(
          "you must specify an existing container or a new image when specifying args.");
    }
    return {};
  }
  if (flags.replace) return CliError("--replace may only be used with --copy-to.");
  if (flags.same_node) return CliError("--same-node may only be used with --copy-to.");
  if (!flags.set_images.empty()) return CliError("--set-image may only be used with --copy-to.");
  if (flags.image.empty()) return CliError("you must specify --image when not using --copy-to.");
  return {};
}

Result<> CheckPairs(Command& command, const DebugFlags& flags) {
  for (const auto& [name, pairs] : {std::pair("set-image", &flags.set_images),
                                    std::pair("env", &flags.env)}) {
    for (const std::string& pair : *pairs) {
      const size_t equals = pair.find('=');
      if (equals != 0 && equals != std::string::npos) continue;
      return CliError(fmt::format(
          "invalid argument \"{0}\" for \"--{1}\" flag: {0} must be formatted as key=value\nSee "
          "'{2} debug --help' for usage.",
          pair, name, command.environment().program));
    }
  }
  return {};
}

Result<> Check(Command& command, const DebugFlags& flags) {
  TRY(CheckPairs(command, flags));
  TRY(CheckCopy(command, flags));
  if (command.words().empty() && flags.files.empty()) {
    return CliError("NAME or filename is required for debug");
  }
  if (!FindDebugProfile(flags.profile)) {
    return CliError(fmt::format("unknown profile: {}", flags.profile));
  }
  if (!flags.image.empty()) {
    if (const auto image = ParseImageName(flags.image); !image) {
      return CliError(
          fmt::format("invalid image name \"{}\": {}", flags.image, image.error().message));
    }
  }
  static const std::set<std::string> kPolicies = {"", "Always", "IfNotPresent", "Never"};
  if (!kPolicies.contains(flags.pull_policy)) {
    return CliError(fmt::format("invalid image pull policy: {}", flags.pull_policy));
  }
  if (flags.tty && !flags.stdin_open) {
    return CliError("-i/--stdin is required for containers with -t/--tty=true");
  }
  if (!flags.target.empty() && flags.image.empty()) {
    return CliError("--target is only supported with --image");
  }
  if (!flags.target.empty() && !flags.copy_to.empty()) {
    return CliError("--target is incompatible with --copy-to. Use --share-processes instead.");
  }
  return {};
}

}  // namespace

Result<> RunDebug(Command& command, const Args& args) {
  DebugFlags flags;
  flags.AddTo(command);
  command.KeepRest();
  TRY(command.Parse(args));
  TRY(Check(command, flags));
  if (flags.profile == "legacy") {
    command.Warn(
        "--profile=legacy is deprecated and will be removed in the future. It is recommended to "
        "explicitly specify a profile, for example \"--profile=general\".\n");
  }
  Args words = command.words();
  for (std::string& word : words) {
    if (word.find('/') == std::string::npos) word = "pod/" + word;
  }
  const auto targets = TRY(FindTargets(command, words, {.files = &flags.files}));
  for (const Target& target : targets) {
    const std::string kind = GroupKind(target.resource);
    if (kind == "Node") {
      TRY(DebugNode(command, flags, target.key.name));
    } else if (kind != "Pod") {
      const bool core = target.resource.Group().empty();
      return CliError(fmt::format("\"{}{}, Kind={}\" not supported by debug", core ? "/" : "",
                                  target.resource.api_version, target.resource.kind));
    } else if (flags.copy_to.empty()) {
      TRY(DebugInPod(command, flags, target));
    } else {
      TRY(DebugCopy(command, flags, target));
    }
  }
  return {};
}

}  // namespace skiff::cli
