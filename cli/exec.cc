// `exec` and `attach`.
#include <unistd.h>

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "cli/json_text.h"
#include "cli/manifest.h"
#include "cli/session.h"
#include "cli/streams.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

struct ExecFlags {
  std::string container;
  bool with_stdin = false;
  bool tty = false;
  bool quiet = false;
  Duration pod_running_timeout = 1min;
  FileFlags files;  // Of exec.

  void AddTo(Command& command) {
    command.Flag("container,c", container, "Container name.");
    command.Flag("stdin,i", with_stdin, "Pass stdin to the container.");
    command.Flag("tty,t", tty, "Stdin is a TTY.");
    command.Flag("quiet,q", quiet, "Only print output from the remote session.");
    command.Flag("pod-running-timeout", pod_running_timeout, "How long to wait for a pod.");
  }
};

constexpr char kMissingContainer[] = "container {0} not found in pod {1}";

// What names the pod, or what has it: a word of the command line, or an object of a file.
Result<std::string> PodWord(Command& command, const FileFlags& files) {
  if (files.empty()) return command.words()[0];
  if (!command.words().empty()) {
    return CliError("resource/name arguments cannot be provided when a path is specified");
  }
  const auto objects = TRY(ReadManifests(command, files));
  if (objects.size() > 1) return CliError("cannot exec into multiple objects at a time");
  if (objects.empty()) return CliError("no objects found in " + Join(files.filenames, ", "));
  const ManifestObject& object = objects[0];
  const Session& session = *TRY(command.session());
  if (object.kind.resource.namespaced && object.key.namespace_ != session.namespace_()) {
    return CliError(fmt::format("the object is in the namespace {0}: give --namespace={0}",
                                object.key.namespace_));
  }
  return KindName(object.kind.resource) + "/" + object.key.name;
}

}  // namespace

bool TakesTerminal(Command& command, const TerminalWish& wish) {
  if (!wish.tty || !wish.with_stdin || isatty(STDIN_FILENO)) return wish.tty && wish.with_stdin;
  if (!wish.quiet) {
    command.Warn("Unable to use a TTY - input is not a terminal or the right kind of file\n");
  }
  return false;
}

Result<> RunExec(Command& command, const Args& args) {
  ExecFlags flags;
  flags.AddTo(command);
  command.FlagEach("filename,f", flags.files.filenames, "A file with the object to exec into.");
  // The first word is the pod; what follows it without "--" is refused, as kubectl does.
  command.KeepRest();
  TRY(command.Parse(args));
  const bool named = !command.words().empty() && !command.words()[0].empty();
  if (command.words().size() > 1) {
    return command.UsageError(
        "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead");
  }
  TRY(CheckPodRunningTimeout(command, flags.pod_running_timeout));
  if (!named && flags.files.empty()) {
    return CliError("pod, type/name or --filename must be specified");
  }
  if (!command.rest() || command.rest()->empty()) {
    return CliError("you must specify at least one command for the container");
  }
  const std::string word = TRY(PodWord(command, flags.files));
  const Json pod = TRY(FindPod(command, word, PodUse::kCommands, flags.pod_running_timeout));
  if (HasEnded(TextAt(pod, "status", "phase"))) {
    return CliError(
        fmt::format("cannot exec into a container in a completed pod; current phase is "
                    "{}",
                    TextAt(pod, "status", "phase")));
  }
  // A container that is named is the server's to find.
  std::string container = flags.container;
  if (container.empty()) {
    container = TRY(ChooseContainer(command, pod, "", kMissingContainer, flags.quiet));
  }
  flags.tty = TakesTerminal(command, {flags.with_stdin, flags.tty, flags.quiet});
  const RemoteRequest request{.pod = {NamespaceOf(pod), NameOf(pod)},
                              .subresource = "exec",
                              .container = container,
                              .command = *command.rest(),
                              .with_stdin = flags.with_stdin,
                              .tty = flags.tty};
  const int code = TRY(RunRemote(command, request));
  if (code == 0) return {};
  command.Warn("command terminated with exit code {}\n", code);
  command.set_exit_code(code);
  return {};
}

Result<int> RunAttached(Command& command, const Json& pod, RemoteRequest request, bool quiet) {
  if (!quiet) {
    command.Warn(
        "All commands and output from this session will be recorded in container logs, including "
        "credentials and sensitive information passed through the command prompt.\n"
        "If you don't see a command prompt, try pressing enter.\n");
  }
  request.subresource = "attach";
  request.redraws = true;
  const int code = TRY(RunRemote(command, request));
  if (quiet || !request.with_stdin || !request.tty) return code;
  if (TextAt(pod, "spec", "restartPolicy") != "Always") return code;
  const std::string again = fmt::format("'{} attach {} -c {} -i -t'", command.environment().program,
                                        request.pod.name, request.container);
  const Json& ephemeral = At(pod, "spec", "ephemeralContainers");
  const bool is_ephemeral = std::any_of(ephemeral.begin(), ephemeral.end(), [&](const Json& each) {
    return TextAt(each, "name") == request.container;
  });
  if (is_ephemeral) {
    command.Print(
        "Session ended, the ephemeral container will not be restarted but may be reattached using "
        "{} if it is still running\n",
        again);
  } else {
    command.Print("Session ended, resume using {} command when the pod is running\n", again);
  }
  return code;
}

Result<> RunAttach(Command& command, const Args& args) {
  ExecFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(CheckPodRunningTimeout(command, flags.pod_running_timeout));
  if (command.words().empty()) {
    return CliError("at least 1 argument is required for attach");
  }
  if (command.words().size() > 2) {
    return CliError(fmt::format(
        "expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {}: [{}]",
        command.words().size(), Join(command.words(), " ")));
  }
  const Json pod = TRY(
      FindPod(command, Join(command.words(), "/"), PodUse::kCommands, flags.pod_running_timeout));
  if (HasEnded(TextAt(pod, "status", "phase"))) {
    return CliError(fmt::format("cannot attach a container in a completed pod; current phase is {}",
                                TextAt(pod, "status", "phase")));
  }
  const auto chosen =
      ChooseContainer(command, pod, flags.container, kMissingContainer, flags.quiet);
  if (!chosen) return CliError("cannot attach to the container: " + chosen.error().message);
  const std::string& container = *chosen;
  for (const Json& each : At(pod, "spec", "containers")) {
    if (TextAt(each, "name") != container) continue;
    const bool allocated = IsTrue(At(each, "tty"));
    if (flags.tty && !allocated && !flags.quiet) {
      command.Warn("error: Unable to use a TTY - container {} did not allocate one\n", container);
    }
    // What has a terminal speaks as one, whether or not it was asked for.
    flags.tty = allocated;
  }
  flags.tty = TakesTerminal(command, {flags.with_stdin, flags.tty, flags.quiet});
  const RemoteRequest request{.pod = {NamespaceOf(pod), NameOf(pod)},
                              .container = container,
                              .with_stdin = flags.with_stdin,
                              .tty = flags.tty};
  const int code = TRY(RunAttached(command, pod, request, flags.quiet));
  if (code != 0) command.set_exit_code(code);
  return {};
}

}  // namespace skiff::cli
