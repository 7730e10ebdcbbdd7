#include "cli/debug.h"

#include "api/codec/json.h"
#include "base/id.h"
#include "cli/debug_flags.h"
#include "cli/debug_profile.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/streams.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

Json EnvironmentOf(const DebugFlags& flags) {
  Json environment = Json::array();
  for (const auto& [name, value] : flags.env) {
    environment.push_back({{"name", name}, {"value", value}});
  }
  return environment;
}

Json MakeContainer(const Command& command, const DebugFlags& flags, const std::string& name) {
  Json container = {{"image", flags.image},
                    {"name", name},
                    {"resources", Json::object()},
                    {"terminationMessagePolicy", "File"}};
  if (!flags.pull_policy.empty()) container["imagePullPolicy"] = flags.pull_policy;
  if (flags.stdin_open) container["stdin"] = true;
  if (flags.tty) container["tty"] = true;
  Args words = DebugFlags::WordsOf(command);
  if (!words.empty()) container[flags.arguments_only ? "args" : "command"] = std::move(words);
  if (!flags.env.empty()) container["env"] = EnvironmentOf(flags);
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

// What the user's own file says goes over what the profile made of the container.
Result<> Customize(Session& session, const DebugFlags& flags, Json& container) {
  if (flags.custom.is_null()) return {};
  Json custom = flags.custom;
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
  Json container = MakeContainer(command, flags, name);
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
void KeepInCopy(const DebugFlags& flags, Json& copy) {
  // The oldest profile asks nobody: labels, by which services find pods, go; the rest stays.
  const bool legacy = flags.profile == "legacy";
  if (legacy || !flags.keep_labels) copy["metadata"].erase("labels");
  if (!legacy && !flags.keep_annotations) copy["metadata"].erase("annotations");
  if (!FindDebugProfile(flags.profile)->debugs_copy) return;
  Json& spec = copy["spec"];
  if (!spec.contains("shareProcessNamespace")) spec["shareProcessNamespace"] = true;
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

void SetImages(const DebugFlags& flags, Json& containers) {
  for (Json& container : containers) {
    std::string image;
    for (const auto& [name, set_image] : flags.set_images) {
      const bool is_own = name == TextAt(container, "name");
      if (is_own || (name == "*" && image.empty())) image = set_image;
      if (is_own) break;
    }
    if (!image.empty()) container["image"] = image;
  }
}

// nullptr where the list has none of that name.
Json* FindContainer(Json& spec, const char* list, const std::string& name) {
  if (!spec.contains(list)) return nullptr;
  for (Json& container : spec[list]) {
    if (TextAt(container, "name") == name) return &container;
  }
  return nullptr;
}

void ChangeContainer(const Command& command, const DebugFlags& flags, Json& container) {
  if (!flags.image.empty()) container["image"] = flags.image;
  if (!flags.pull_policy.empty()) container["imagePullPolicy"] = flags.pull_policy;
  if (!flags.env.empty()) container["env"] = EnvironmentOf(flags);
  if (Args words = DebugFlags::WordsOf(command); !words.empty()) {
    if (!flags.arguments_only) container.erase("args");
    container[flags.arguments_only ? "args" : "command"] = std::move(words);
  }
  container["stdin"] = flags.stdin_open;
  container["tty"] = flags.tty;
}

// What the user's own file says is of a container of the copy; others are not found, as by kubectl.
Result<> CustomizeInCopy(Command& command, const DebugFlags& flags, const std::string& name,
                         Json& copy) {
  Json* container = FindContainer(copy["spec"], "containers", name);
  if (!flags.custom.is_null()) {
    if (!container) {
      return CliError(
          fmt::format("unable to find the {} container in the pod {}", name, flags.copy_to));
    }
    TRY(Customize(*TRY(command.session()), flags, *container));
  }
  if (container) WarnOfUser(command, *container, copy);
  return {};
}

// Changes the container that is named, or adds one. Returns its name; "" where neither was asked
// for.
Result<std::string> PutContainer(Command& command, const DebugFlags& flags, Json& copy) {
  Json& spec = copy["spec"];
  Json& containers = spec["containers"];
  SetImages(flags, containers);
  Json* named = FindContainer(spec, "initContainers", flags.container);
  if (!named) named = FindContainer(spec, "containers", flags.container);
  if (!named && flags.image.empty()) {
    if (!flags.set_images.empty()) return std::string();
    return CliError("you must specify image when creating new container");
  }
  if (named) {
    ChangeContainer(command, flags, *named);
  } else {
    const std::string name = ContainerName(command, flags);
    containers.push_back(MakeContainer(command, flags, name));
    named = &containers.back();
  }
  const std::string name = TextAt(*named, "name");
  ApplyDebugProfile(*FindDebugProfile(flags.profile), /*on_node=*/false, *named);
  KeepInCopy(flags, copy);
  TRY(CustomizeInCopy(command, flags, name, copy));
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
  Json container = MakeContainer(command, flags, container_name);
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

Result<> DebugTarget(Command& command, const DebugFlags& flags, const Target& target) {
  const std::string kind = GroupKind(target.resource);
  if (kind == "Node") return DebugNode(command, flags, target.key.name);
  if (kind != "Pod") {
    const bool core = target.resource.Group().empty();
    return CliError(fmt::format("\"{}{}, Kind={}\" not supported by debug", core ? "/" : "",
                                target.resource.api_version, target.resource.kind));
  }
  return flags.copy_to.empty() ? DebugInPod(command, flags, target)
                               : DebugCopy(command, flags, target);
}

}  // namespace

Result<> RunDebug(Command& command, const Args& args) {
  DebugFlags flags;
  TRY(flags.Parse(command, args));
  if (flags.profile == "legacy") {
    command.Warn(
        "--profile=legacy is deprecated and will be removed in the future. It is recommended to "
        "explicitly specify a profile, for example \"--profile=general\".\n");
  }
  // One after the other: the first is debugged also where the second is not there.
  std::vector<Args> names;
  for (const std::string& word : command.words()) {
    names.push_back({word.find('/') == std::string::npos ? "pod/" + word : word});
  }
  if (names.empty()) names.emplace_back();  // Files have them.
  for (const Args& name : names) {
    const auto targets =
        TRY(FindTargets(command, name, {.files = &flags.files, .first_missing_ends = true}));
    for (const Target& target : targets) TRY(DebugTarget(command, flags, target));
  }
  return {};
}

}  // namespace skiff::cli
