// `run NAME --image=...`: one pod.
#include <charconv>

#include "api/pods/pod_phase.h"
#include "api/text/go_text.h"
#include "cli/delete.h"
#include "cli/env_name.h"
#include "cli/image_form.h"
#include "cli/json_text.h"
#include "cli/manifest.h"
#include "cli/overrides.h"
#include "cli/streams.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

struct RunFlags {
  WriteFlags write;
  std::string image;
  std::string labels;
  std::string restart = "Always";
  std::string pull_policy;
  std::string port;
  std::vector<std::string> env;
  std::vector<std::string> annotations;
  OverrideFlags overrides;
  Duration pod_running_timeout = 1min;
  bool as_command = false;
  bool privileged = false;
  bool attach = false;
  bool stdin_open = false;
  bool tty = false;
  bool rm = false;
  bool quiet = false;
  bool leave_stdin_open = false;
  bool expose = false;
  DeleteFlags deletion;  // Of --rm.
  bool wait = false;
  FileFlags files;  // kubectl takes them, and does nothing with them either.

  void AddTo(Command& command);
};

void RunFlags::AddTo(Command& command) {
  write.AddTo(command, "kubectl-run");
  command.Flag("image", image, "The image for the container to run.");
  command.Flag("labels,l", labels, "Comma separated labels to apply to the pod.");
  command.Flag("restart", restart, "Always, OnFailure or Never.");
  command.Flag("image-pull-policy", pull_policy, "The image pull policy for the container.");
  command.Flag("port", port, "The port that this container exposes.");
  command.FlagEach("env", env, "Environment variables to set: NAME=value.");
  command.FlagEach("annotations", annotations, "Annotations to apply: key=value.");
  command.Flag("expose", expose, "Create a ClusterIP service in front of the pod.");
  overrides.AddTo(command);
  deletion.AddTo(command);
  command.FlagEach("filename,f", files.filenames, "Has no effect here: --image says what is run.");
  command.Flag("kustomize,k", files.kustomize, "Has no effect here, as --filename.");
  command.Flag("recursive,R", files.recursive, "Has no effect here, as --filename.");
  command.Flag("wait", wait, "With --rm: wait until the pod is gone.");
  command.Flag("pod-running-timeout", pod_running_timeout, "How long to wait for the pod to run.");
  command.Flag("command", as_command, "Use the arguments as command, not as args.");
  command.Flag("privileged", privileged, "Run the container in privileged mode.");
  command.Flag("attach", attach, "Attach to the pod once it runs.");
  command.Flag("stdin,i", stdin_open, "Keep stdin open and attach.");
  command.Flag("tty,t", tty, "Allocate a TTY for the container.");
  command.Flag("rm", rm, "Delete the pod after it exits.");
  command.Flag("quiet,q", quiet, "Suppress prompt messages.");
  command.Flag("leave-stdin-open", leave_stdin_open, "Keep stdin open after the first attach.");
}

Result<Json> Pairs(const std::vector<std::string>& texts, const char* what) {
  Json pairs = Json::object();
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return CliError(fmt::format("invalid {}: {}", what, text));
    }
    pairs[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return pairs;
}

bool IsNumber(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  return read.ec == std::errc() && read.ptr == end;
}

Result<Json> MakePod(const RunFlags& flags, const std::string& name, const Args& arguments) {
  Json container = {{"image", flags.image}, {"name", name}, {"resources", Json::object()}};
  if (!arguments.empty()) container[flags.as_command ? "command" : "args"] = arguments;
  if (!flags.pull_policy.empty()) container["imagePullPolicy"] = flags.pull_policy;
  if (!flags.port.empty()) {
    container["ports"] = Json::array({{{"containerPort", std::atoi(flags.port.c_str())}}});
  }
  for (const std::string& text : flags.env) {
    const size_t equals = text.find('=');
    const std::string key = text.substr(0, equals);
    if (equals == std::string::npos || !CheckEnvName(key)) {
      return CliError("invalid env: " + text);
    }
    Json variable = {{"name", key}};
    if (equals + 1 < text.size()) variable["value"] = text.substr(equals + 1);
    container["env"].push_back(std::move(variable));
  }
  if (flags.privileged) container["securityContext"] = {{"privileged", true}};
  if (flags.tty) container["tty"] = true;
  if (flags.stdin_open) {
    container["stdin"] = true;
    if (!flags.leave_stdin_open) container["stdinOnce"] = true;
  }
  Json labels = {{"run", name}};
  if (!flags.labels.empty()) labels = TRY(ParseLabelSpec(flags.labels));
  Json pod = {{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", {{"labels", labels}, {"name", name}}},
              {"spec",
               {{"containers", Json::array({container})},
                {"dnsPolicy", "ClusterFirst"},
                {"restartPolicy", flags.restart}}},
              {"status", Json::object()}};
  if (!flags.annotations.empty()) {
    pod["metadata"]["annotations"] = TRY(Pairs(flags.annotations, "annotations format"));
  }
  return pod;
}

Result<> Check(const Command& command, const RunFlags& flags) {
  if (command.words().empty()) return command.UsageError("NAME is required for run");
  if (flags.image.empty()) return CliError("--image is required");
  if (!HasImageForm(flags.image)) {
    return CliError(
        fmt::format("Invalid image name {}: invalid reference format", GoQuote(flags.image)));
  }
  if (flags.tty && !flags.stdin_open) {
    return command.UsageError("-i/--stdin is required for containers with -t/--tty=true");
  }
  if (flags.rm && !flags.attach) {
    return command.UsageError("--rm should only be used for attached containers");
  }
  if (flags.expose && flags.port.empty()) {
    return command.UsageError("--port must be set when exposing a service");
  }
  if (!flags.port.empty() && !IsNumber(flags.port)) {
    return CliError(fmt::format("strconv.Atoi: parsing {}: invalid syntax", GoQuote(flags.port)));
  }
  if (flags.attach && flags.write.dry_run.value != "none") {
    return command.UsageError(
        "--dry-run=[server|client] can't be used with attached containers options "
        "(--attach, --stdin, or --tty)");
  }
  if (flags.pod_running_timeout <= Duration(0)) {
    return command.UsageError("--pod-running-timeout must be higher than zero");
  }
  const std::string& pull = flags.pull_policy;
  if (!pull.empty() && pull != "Always" && pull != "IfNotPresent" && pull != "Never") {
    return command.UsageError("invalid image pull policy: " + pull);
  }
  if (flags.restart != "Always" && flags.restart != "OnFailure" && flags.restart != "Never") {
    return command.UsageError(fmt::format("invalid restart policy: {}", flags.restart));
  }
  return {};
}

// The service of --expose.
Result<> ExposePod(Command& command, const RunFlags& flags, const std::string& name) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("services"));
  const int port = std::atoi(flags.port.c_str());
  Json labels = {{"run", name}};
  Json metadata = {{"name", name}};
  if (!flags.labels.empty()) {
    labels = TRY(ParseLabelSpec(flags.labels));
    metadata["labels"] = labels;
  }
  Json service = {
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", std::move(metadata)},
      {"spec",
       {{"ports", Json::array({{{"port", port}, {"protocol", "TCP"}, {"targetPort", port}}})},
        {"selector", std::move(labels)}}},
      {"status", {{"loadBalancer", Json::object()}}}};
  service = flags.write.record.In(std::move(service));
  if (!flags.write.dry_run.client()) {
    const WriteOptions options = TRY(flags.write.Options());
    if (flags.write.save_config) service = WithLastApplied(std::move(service));
    service = TRY(session.api().Create(kind.resource, session.namespace_(), service, options));
  }
  return PrintWritten(command, flags.write, service, kind.resource, "created");
}

// How the pod's end shows: the exit code, and what is said of a failure.
std::string TakeEnd(Command& command, const Json& pod) {
  if (TextAt(pod, "status", "phase") != "Failed") return "";
  const Json& statuses = At(pod, "status", "containerStatuses");
  const Json none;
  const Json& ended =
      statuses.is_array() && !statuses.empty() ? At(statuses[0], "state", "terminated") : none;
  const auto code = ended.is_object() ? IntAt(ended, "exitCode") : 0;
  const std::string name = NamespaceOf(pod) + "/" + NameOf(pod);
  if (code == 0) {
    command.set_exit_code(1);
    return fmt::format("error: pod {} failed with unknown exit code\n", name);
  }
  command.set_exit_code(static_cast<int>(code));
  std::string text = fmt::format("pod {} terminated ({})\n{}", name, TextAt(ended, "reason"),
                                 TextAt(ended, "message"));
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

// Attaches to the pod that runs; shows its log where that cannot be.
Result<> AttachTo(Command& command, const RunFlags& flags, const Target& target, const Json& pod) {
  Session& session = *TRY(command.session());
  const std::string container = TRY(ChooseContainer(command, pod, "", "", flags.quiet));
  if (TextAt(pod, "status", "phase") == "Running") {
    const bool tty = TakesTerminal(command, {flags.stdin_open, flags.tty, flags.quiet});
    const RemoteRequest request{
        .pod = target.key, .container = container, .with_stdin = flags.stdin_open, .tty = tty};
    const auto code = RunAttached(command, pod, request, flags.quiet);
    if (code) {
      if (*code != 0) command.set_exit_code(*code);
      return {};
    }
    if (Command::IsExit(code.error())) return Fail(code.error());
    // As when it ended just now.
    command.Warn("warning: couldn't attach to pod/{}, falling back to streaming logs: {}\n",
                 target.key.name, code.error().message);
  }
  const std::string path = TRY(target.resource.Path(target.key, "log"));
  return session.api().GetPieces(path, {{"container", container}}, session.request_limit(),
                                 command.environment().out);
}

// Attaches once the pod runs, or shows its log when it ended before that. Returns what is to be
// said at the very end.
Result<std::string> Follow(Command& command, const RunFlags& flags, const Target& target) {
  Session& session = *TRY(command.session());
  Json pod;
  const auto begun = [&](const Json* object) -> Result<bool> {
    if (!object) return Fail(Reason::kNotFound, "the pod was deleted");
    pod = *object;
    return TextAt(pod, "status", "phase") != "Pending" && !TextAt(pod, "status", "phase").empty();
  };
  TRY(WaitUntil(session, target.resource, target.key, flags.pod_running_timeout, begun));
  TRY(AttachTo(command, flags, target, pod));
  if (flags.restart == "Always" || flags.leave_stdin_open) return "";
  // One that is started anew until it succeeds may never do so.
  const bool until_success = flags.restart == "OnFailure";
  std::string last_words;
  const auto ended = [&](const Json* object) -> Result<bool> {
    if (!object) return true;
    const std::string phase = TextAt(*object, "status", "phase");
    if (until_success ? phase != "Succeeded" : !HasEnded(phase)) return false;
    last_words = TakeEnd(command, *object);
    return true;
  };
  TRY(WaitUntil(session, target.resource, target.key,
                until_success ? flags.pod_running_timeout : kNever, ended));
  return last_words;
}

// Of --rm: the pod, and the service in front of it. What cannot be deleted is nobody's concern at
// the end of a session.
Result<> RemoveCreated(Command& command, const RunFlags& flags, const Target& pod,
                       const std::string& uid) {
  Session& session = *TRY(command.session());
  std::vector<Target> targets = {pod};
  if (flags.expose) {
    const ServedKind services = TRY(session.kinds().Find("services"));
    targets.push_back({services.resource, pod.key, "", nullptr});
  }
  for (const Target& target : targets) {
    const auto deleted = DeleteObject(session, target, flags.deletion, "");
    if (deleted && !flags.quiet) PrintDeleted(command, target, flags.deletion, "");
    if (deleted && flags.wait && &target == &targets.front()) {
      TRY(WaitUntilGone(session, target, uid, flags.deletion.timeout));
    }
  }
  return {};
}

}  // namespace

Result<> RunRun(Command& command, const Args& args) {
  RunFlags flags;
  flags.AddTo(command);
  command.Require("image");
  command.KeepRest();
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  TRY(flags.deletion.Check(/*now=*/false));
  if (flags.restart.empty()) flags.restart = "Always";
  if (!command.Given("attach")) flags.attach = flags.stdin_open;
  TRY(Check(command, flags));
  const std::string name = command.words()[0];
  Args arguments(command.words().begin() + 1, command.words().end());
  if (command.rest()) {
    arguments.insert(arguments.end(), command.rest()->begin(), command.rest()->end());
  }
  Json pod = TRY(MakePod(flags, name, arguments));
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("pods"));
  pod = TRY(flags.overrides.Apply(session, kind.resource, std::move(pod)));
  const Target target{kind.resource, {session.namespace_(), name}, "", nullptr};
  pod = flags.write.record.In(std::move(pod));
  if (!flags.write.dry_run.client()) {
    const WriteOptions options = TRY(flags.write.Options());
    if (flags.write.save_config) pod = WithLastApplied(std::move(pod));
    pod = TRY(session.api().Create(kind.resource, session.namespace_(), pod, options));
  }
  // The pod is there: that it is not exposed is told behind it.
  const auto exposed = flags.expose ? ExposePod(command, flags, name) : Result<>();
  if (flags.expose && exposed && flags.write.print.output == "yaml") command.Print("---\n");
  if (!flags.attach) {
    TRY(PrintWritten(command, flags.write, pod, kind.resource, "created"));
    return exposed;
  }
  const auto followed = Follow(command, flags, target);
  if (flags.rm) TRY(RemoveCreated(command, flags, target, TextAt(pod, "metadata", "uid")));
  if (!followed) return Fail(followed.error());
  command.Warn("{}", *followed);
  return {};
}

}  // namespace skiff::cli
