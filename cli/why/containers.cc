// What the containers of a pod wait for, why they ended, and which probe says that they are not
// well.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/seconds.h"
#include "cli/events.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// A container, its status and where that stands.
struct Place {
  const Facts& facts;
  const Json& pod;
  const Json& container;
  const Json& status;
  std::string path;  // "status.containerStatuses[0]"
  bool init = false;

  std::string name() const { return TextAt(container, "name"); }
  std::string Subject() const {
    return fmt::format("{}: {} {}", Named(pod), init ? "init container" : "container", name());
  }
  std::string LogCommand(bool previous) const {
    return CommandFor(
        pod, fmt::format("logs {} -c {}{}", NameOf(pod), name(), previous ? " --previous" : ""));
  }
};

bool Holds(std::string_view text, std::initializer_list<std::string_view> words) {
  const std::string lower = Lower(text);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return lower.find(word) != lower.npos; });
}

// What a registry's or runtime's words come to.
std::string WhyNoImage(const std::string& message) {
  if (Holds(message, {"toomanyrequests", "429", "rate limit"})) {
    return "its registry has been asked too often and refuses for now";
  }
  if (Holds(message, {"no such host", "name resolution", "server misbehaving"})) {
    return "the name of its registry cannot be resolved from the node";
  }
  if (Holds(message, {"x509", "certificate", "http response to https"})) {
    return "the registry cannot be spoken to safely";
  }
  if (Holds(message, {"timeout", "connection refused", "no route to host", "unreachable",
                      "deadline exceeded"})) {
    return "its registry cannot be reached from the node";
  }
  if (Holds(message, {"no match for platform", "no matching manifest"})) {
    return "it does not exist for this node's architecture";
  }
  if (Holds(message, {"unauthorized", "denied", "authentication", "forbidden", "no basic auth"})) {
    return "the registry refuses: there is no such image, or it wants credentials";
  }
  if (Holds(message, {"not found", "manifest unknown", "does not exist"})) {
    return "there is no such image or tag";
  }
  return "";
}

void AddImageTrouble(const Place& at, const std::string& reason, std::string message,
                     Findings& out) {
  // A back-off says that it waits; what has failed stands in an event.
  const std::string image = TextAt(at.container, "image");
  const Json* event =
      at.facts.Event(at.pod, "Failed", fmt::format("Failed to pull image \"{}\"", image));
  if (event && WhyNoImage(message).empty()) message = TextAt(*event, "message");
  Finding finding;
  finding.cause = "ImagePull";
  std::string why = WhyNoImage(message);
  if (reason == "InvalidImageName") why = "that is no name of an image";
  if (reason == "ErrImageNeverPull") {
    why = "the node does not have it, and imagePullPolicy is Never";
  }
  // Such are built or packed here, and no registry has them.
  const bool is_local = image.starts_with("skiff.local/") && reason != "InvalidImageName";
  if (is_local) why = "no registry has it, and it was not loaded on the node";
  if (why.empty()) why = "it cannot be pulled";
  finding.sentence = fmt::format("{} has no image {}: {}", at.Subject(), image, why);
  finding.Saw(
      fmt::format("{}: {}", reason, OneLine(TextAt(at.status, "state", "waiting", "message"))),
      at.path + ".state.waiting");
  if (event) finding.Saw(OneLine(TextAt(*event, "message")), EventSource(at.facts, *event));
  const Json& secrets = At(at.pod, "spec", "imagePullSecrets");
  if (why.starts_with("the registry refuses")) {
    std::vector<std::string> names;
    for (const Json& each : secrets) names.push_back(TextAt(each, "name"));
    finding.Saw(names.empty() ? "no credentials are given along"
                              : fmt::format("credentials of {}", Some(names)),
                "spec.imagePullSecrets");
  }
  if (is_local || reason == "ErrImageNeverPull") finding.Try("skiff image load FILE");
  const std::string workload = WorkloadOf(at.pod);
  if (!workload.starts_with("job/")) {  // Whose template stays as it is.
    finding.Try(CommandFor(
        at.pod, fmt::format("set image {} {}=IMAGE", ShellWord(workload), at.name())));
  }
  out.push_back(std::move(finding));
}

std::string SignalText(int64_t code) {
  switch (code) {
    case 126:
      return "code 126: its command cannot be executed";
    case 127:
      return "code 127: its command was not found in the image";
    case 128 + 6:
      return "code 134: it aborted itself (SIGABRT)";
    case 128 + 9:
      return "code 137: it was killed (SIGKILL)";
    case 128 + 11:
      return "code 139: it touched memory that is not its own (SIGSEGV)";
    case 128 + 15:
      return "code 143: it was asked to end (SIGTERM)";
    default:
      return fmt::format("code {}", code);
  }
}

// "was killed as it used more memory than its limit of 64Mi"
std::string EndText(const Place& at, const Json& ended) {
  const std::string reason = TextAt(ended, "reason");
  const int64_t code = IntAt(ended, "exitCode");
  if (reason == "OOMKilled") {
    const std::string limit = PlainText(At(at.container, "resources", "limits", "memory"));
    return limit.empty()
               ? "was killed as its node had no memory left"
               : fmt::format("was killed as it used more memory than its limit of {}", limit);
  }
  if (reason == "ContainerCannotRun" || reason == "StartError") {
    return fmt::format("could not be started: {}", OneLine(TextAt(ended, "message")));
  }
  if (code == 0) return "ended with code 0, as if its work were done";
  return "ended with " + SignalText(code);
}

void AddLog(const Place& at, Finding& finding) {
  const auto found = at.facts.logs.find(LogKey(at.pod, at.name()));
  if (found == at.facts.logs.end()) return;
  for (const std::string& line : Split(found->second, '\n')) {
    if (!line.empty()) finding.Saw(OneLine(line), "its last lines");
  }
}

// The kubelet kills for a probe that fails; the end then looks like any other.
const Json* KilledForProbe(const Place& at) {
  for (const char* probe : {"liveness", "startup"}) {
    const Json* event = at.facts.Event(
        at.pod, "Killing", fmt::format("Container {} failed {} probe", at.name(), probe));
    if (event) return event;
  }
  return nullptr;
}

std::string ProbeText(const Json& probe) {
  if (const Json& http = At(probe, "httpGet"); http.is_object()) {
    return fmt::format("GET {} on port {}", TextAt(http, "path"), PlainText(At(http, "port")));
  }
  if (const Json& tcp = At(probe, "tcpSocket"); tcp.is_object()) {
    return fmt::format("a connection to port {}", PlainText(At(tcp, "port")));
  }
  if (const Json& exec = At(probe, "exec"); exec.is_object()) {
    return fmt::format("the command {}", OneLine(Join(TextsAt(exec, "command"), " ")));
  }
  return fmt::format("gRPC on port {}", PlainText(At(probe, "grpc", "port")));
}

// The newest event of a failing probe of that kind ("Readiness") of the container.
const Json* ProbeEvent(const Place& at, std::string_view kind) {
  for (const Json* event : at.facts.EventsOf(at.pod)) {
    if (TextAt(*event, "reason") != "Unhealthy") continue;
    const std::string path = TextAt(*event, "involvedObject", "fieldPath");
    if (!path.empty() && path.find("{" + at.name() + "}") == path.npos) continue;
    if (TextAt(*event, "message").starts_with(kind)) return event;
  }
  return nullptr;
}

void AddProbe(const Place& at, const char* field, const char* kind, Finding& finding) {
  const Json& probe = At(at.container, field);
  if (!probe.is_object()) return;
  finding.Saw(
      fmt::format("the probe is {}, every {}s, {} failures count", ProbeText(probe),
                  IntOf(At(probe, "periodSeconds"), 10), IntOf(At(probe, "failureThreshold"), 3)),
      fmt::format("spec of {}, {}", at.name(), field));
  if (const Json* event = ProbeEvent(at, kind)) {
    finding.Saw(OneLine(TextAt(*event, "message")), EventSource(at.facts, *event));
  }
}

// It ended, and is started again and again, or never again.
void AddEnd(const Place& at, const Json& ended, bool again, Findings& out) {
  Finding finding;
  const Json* killed = KilledForProbe(at);
  const bool oom = TextAt(ended, "reason") == "OOMKilled";
  finding.cause = oom ? "OOMKilled" : killed ? "LivenessProbe" : again ? "CrashLoop" : "Ended";
  const bool startup =
      killed && TextAt(*killed, "message").find("startup probe") != std::string::npos;
  const std::string what = killed && !oom ? fmt::format("was killed as its {} probe failed",
                                                        startup ? "startup" : "liveness")
                                          : EndText(at, ended);
  const int64_t restarts = IntAt(at.status, "restartCount");
  finding.sentence =
      fmt::format("{} {}{}", at.Subject(), what,
                  again ? fmt::format(", and has been restarted {}",
                                      restarts == 1 ? "once" : fmt::format("{} times", restarts))
                        : "");
  finding.Saw(
      fmt::format("{}exit code {}, {} ago, after {}",
                  TextAt(ended, "reason").empty() ? "" : TextAt(ended, "reason") + ", ",
                  IntAt(ended, "exitCode"), Age(at.facts, TextAt(ended, "finishedAt")),
                  [&] {
                    Facts then;
                    const auto end = Time::Parse(TextAt(ended, "finishedAt"));
                    if (end) then.now = end->point();
                    return Age(then, TextAt(ended, "startedAt"));
                  }()),
      at.path + (At(at.status, "state", "terminated").is_object() ? ".state.terminated"
                                                                  : ".lastState.terminated"));
  if (const std::string message = OneLine(TextAt(ended, "message")); !message.empty()) {
    finding.Saw(message, "termination message");
  }
  if (killed && !oom) {
    AddProbe(at, startup ? "startupProbe" : "livenessProbe", startup ? "Startup" : "Liveness",
             finding);
    finding.Saw(OneLine(TextAt(*killed, "message")), EventSource(at.facts, *killed));
  }
  AddLog(at, finding);
  finding.Try(at.LogCommand(again && At(at.status, "lastState", "terminated").is_object()));
  const std::string workload = WorkloadOf(at.pod);
  if (oom && !at.init && !workload.starts_with("pod/") && !workload.starts_with("job/")) {
    finding.Try(CommandFor(
        at.pod, fmt::format("set resources {} -c {} --limits=memory=MORE", ShellWord(workload),
                            at.name())));
  }
  out.push_back(std::move(finding));
}

// Whether it is there by now; false as well where it could not be looked for.
bool IsThereByNow(const Place& at, const MissedSource& source) {
  return at.facts.Find(source.kind + "s", NamespaceOf(at.pod), source.name) != nullptr;
}

std::string WaitedFor(const MissedSource& source) {
  return fmt::format("it waited for {} {}, which is there by now, and the kubelet tries again",
                     source.kind, source.name);
}

std::string CommandThatMakes(const MissedSource& source) {
  return fmt::format("create {} {} --from-literal=KEY=VALUE",
                     source.kind == "secret" ? "secret generic" : source.kind,
                     ShellWord(source.name));
}

void AddConfigTrouble(const Place& at, const std::string& reason, const std::string& message,
                      Findings& out) {
  Finding finding;
  finding.cause = reason;
  const std::string why = OneLine(message);
  const auto missing = MissedSourceIn(why);
  if (missing && IsThereByNow(at, *missing)) {
    finding.weight = Weight::kWaits;
    finding.sentence = fmt::format("{} is not made yet: {}", at.Subject(), WaitedFor(*missing));
    finding.Saw(fmt::format("{}: {}", reason, why), at.path + ".state.waiting");
    out.push_back(std::move(finding));
    return;
  }
  finding.sentence =
      fmt::format("{} cannot be {}: {}", at.Subject(),
                  reason == "RunContainerError" ? "started" : "made", why.empty() ? reason : why);
  finding.Saw(reason, at.path + ".state.waiting");
  // "couldn't find key color in ConfigMap shop/settings"
  constexpr std::string_view kNoKey = "couldn't find key ";
  const size_t in = why.find(" in ");
  const size_t slash = why.find('/', in == why.npos ? why.size() : in);
  if (missing) {
    finding.Try(CommandFor(at.pod, CommandThatMakes(*missing)));
  } else if (why.starts_with(kNoKey) && slash != why.npos) {
    finding.Try(CommandFor(at.pod, fmt::format("describe {} {}",
                                               why.compare(in + 4, 6, "Secret") == 0 ? "secret"
                                                                                     : "configmap",
                                               ShellWord(why.substr(slash + 1)))));
  } else {
    finding.Try(CommandFor(at.pod, fmt::format("describe pod {}", NameOf(at.pod))));
  }
  out.push_back(std::move(finding));
}

// "its volume v cannot be had: no such device", of words of the kubelet; "" where those name none,
// or are longer than a sentence.
std::string VolumeTrouble(const std::string& message) {
  constexpr std::string_view kBefore = "failed for volume \"";
  constexpr size_t kWordsMax = 160;
  const size_t at = message.find(kBefore);
  if (at == message.npos) return "";
  const size_t begin = at + kBefore.size();
  const size_t end = message.find('"', begin);
  const size_t words = message.find(": ", std::min(end, message.size()));
  if (words == message.npos || message.size() - words > kWordsMax) return "";
  return fmt::format("its volume {} cannot be had: {}", message.substr(begin, end - begin),
                     message.substr(words + 2));
}

// What the kubelet does before containers exist: volumes, the sandbox, the network.
void AddPreparation(const Place& at, Findings& out) {
  static const std::set<std::string, std::less<>> kReasons = {
      "FailedMount",     "FailedAttachVolume", "FailedCreatePodSandBox",  "NetworkNotReady",
      "FailedMapVolume", "FailedBinding",      "FailedCreatePodContainer"};
  for (const Json* event : at.facts.EventsOf(at.pod)) {
    const std::string reason = TextAt(*event, "reason");
    if (!kReasons.contains(reason)) continue;
    Finding finding;
    finding.cause = reason;
    const std::string message = OneLine(TextAt(*event, "message"));
    std::string what =
        reason == "FailedMount" || reason == "FailedMapVolume" || reason == "FailedAttachVolume"
            ? "a volume of it cannot be had"
        : reason == "FailedCreatePodSandBox" || reason == "NetworkNotReady"
            ? "its network cannot be set up"
            : "its containers cannot be made";
    if (const std::string volume = VolumeTrouble(message); !volume.empty()) what = volume;
    const auto missing = MissedSourceIn(message);
    const bool there = missing && IsThereByNow(at, *missing);
    if (there) finding.weight = Weight::kWaits;
    const std::string why = there ? WaitedFor(*missing)
                            : missing
                                ? fmt::format("there is no {} {}, which a volume of it is to show",
                                              missing->kind, missing->name)
                                : what;
    finding.sentence = fmt::format("{} is held up on node {}: {}", Named(at.pod),
                                   TextAt(at.pod, "spec", "nodeName"), why);
    finding.Saw(message, EventSource(at.facts, *event));
    finding.Try(CommandFor(at.pod, missing && !there
                                       ? CommandThatMakes(*missing)
                                       : fmt::format("describe pod {}", NameOf(at.pod))));
    out.push_back(std::move(finding));
    return;
  }
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "ContainerCreating";
  finding.sentence = fmt::format("{} is being set up on node {}", Named(at.pod),
                                 TextAt(at.pod, "spec", "nodeName"));
  finding.Saw(
      fmt::format("ContainerCreating, {} after it was scheduled",
                  Age(at.facts, TextAt(Condition(at.pod, "PodScheduled"), "lastTransitionTime"))),
      at.path + ".state.waiting");
  const auto events = at.facts.EventsOf(at.pod);
  if (!events.empty())
    finding.Saw(OneLine(TextAt(*events[0], "message")), EventSource(at.facts, *events[0]));
  out.push_back(std::move(finding));
}

void AddWaiting(const Place& at, const Json& waiting, Findings& out) {
  static const std::set<std::string, std::less<>> kImage = {
      "ErrImagePull",      "ImagePullBackOff",    "InvalidImageName",         "ErrImageNeverPull",
      "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"};
  const std::string reason = TextAt(waiting, "reason");
  const std::string message = TextAt(waiting, "message");
  if (kImage.contains(reason)) return AddImageTrouble(at, reason, message, out);
  if (reason == "CrashLoopBackOff") {
    return AddEnd(at, At(at.status, "lastState", "terminated"), /*again=*/true, out);
  }
  if (reason == "PodInitializing") return;  // Another one's turn.
  if (reason == "ContainerCreating" || reason.empty()) {
    // What holds them up holds them all up.
    const bool said = std::any_of(out.begin(), out.end(), [](const Finding& each) {
      return each.cause == "ContainerCreating" || each.cause.starts_with("Failed");
    });
    if (!said) AddPreparation(at, out);
    return;
  }
  AddConfigTrouble(at, reason, message, out);
}

// It runs, and does not count as ready.
void AddUnready(const Place& at, const Json& running, Findings& out) {
  const bool starting =
      At(at.container, "startupProbe").is_object() && !IsTrue(At(at.status, "started"));
  const char* field = starting ? "startupProbe" : "readinessProbe";
  const char* kind = starting ? "Startup" : "Readiness";
  const Json& probe = At(at.container, field);
  if (!probe.is_object()) return;
  const Json* event = ProbeEvent(at, kind);
  Finding finding;
  finding.weight = event ? Weight::kWrong : Weight::kWaits;
  finding.cause = starting ? "StartupProbe" : "ReadinessProbe";
  const std::string since = TextAt(Condition(at.pod, "ContainersReady"), "lastTransitionTime");
  finding.sentence =
      fmt::format("{} runs but is not ready: its {} probe {}", at.Subject(), Lower(kind),
                  event ? fmt::format("fails, not ready for {}", Age(at.facts, since))
                        : "has not succeeded yet");
  finding.Saw(fmt::format("running for {}", Age(at.facts, TextAt(running, "startedAt"))),
              at.path + ".state.running");
  AddProbe(at, field, kind, finding);
  if (!event && IntAt(probe, "initialDelaySeconds") > 0) {
    finding.Saw(fmt::format("it is first asked after {}s", IntAt(probe, "initialDelaySeconds")),
                fmt::format("spec of {}, {}", at.name(), field));
  }
  finding.Try(at.LogCommand(false));
  out.push_back(std::move(finding));
}

// An init container that still runs keeps all behind it waiting.
void AddInitRunning(const Place& at, const Json& running, Findings& out) {
  const Json& all = At(at.pod, "spec", "initContainers");
  size_t number = 1;
  for (const Json& each : all) {
    if (TextAt(each, "name") == at.name()) break;
    ++number;
  }
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "InitContainer";
  finding.sentence =
      fmt::format("{} waits for init container {} ({} of {}), which has run for {}", Named(at.pod),
                  at.name(), number, all.size(), Age(at.facts, TextAt(running, "startedAt")));
  finding.Saw("running", at.path + ".state");
  AddLog(at, finding);
  finding.Try(at.LogCommand(false));
  out.push_back(std::move(finding));
}

// Ready again, but it has not always been.
void NoteRestarts(const Place& at, Findings& out) {
  const Json& ended = At(at.status, "lastState", "terminated");
  if (IntAt(at.status, "restartCount") == 0 || !ended.is_object()) return;
  Finding finding;
  finding.weight = Weight::kNote;
  finding.cause = "Restarted";
  finding.sentence = fmt::format("{} {} {} ago, and was started again", at.Subject(),
                                 EndText(at, ended), Age(at.facts, TextAt(ended, "finishedAt")));
  finding.Saw(Count(static_cast<size_t>(IntAt(at.status, "restartCount")), "restart"),
              at.path + ".restartCount");
  finding.Try(at.LogCommand(true));
  out.push_back(std::move(finding));
}

// True: whoever comes behind it has to wait.
bool ExplainOne(const Place& at, Findings& out) {
  const Json& state = At(at.status, "state");
  const bool sidecar = at.init && TextAt(at.container, "restartPolicy") == "Always";
  if (const Json& ended = At(state, "terminated"); ended.is_object()) {
    const bool failed = IntAt(ended, "exitCode") != 0;
    const std::string policy = TextAt(at.pod, "spec", "restartPolicy");
    const bool again = policy == "Always" || (policy == "OnFailure" && failed) || sidecar;
    if (failed || (again && !at.init)) AddEnd(at, ended, again, out);
    return failed && at.init;
  }
  if (const Json& running = At(state, "running"); running.is_object()) {
    if (at.init && !sidecar) {
      AddInitRunning(at, running, out);
      return true;
    }
    if (!IsTrue(At(at.status, "ready"))) AddUnready(at, running, out);
    NoteRestarts(at, out);
    return at.init && !IsTrue(At(at.status, "started"));
  }
  AddWaiting(at, At(state, "waiting"), out);
  return at.init;
}

const Json* ContainerOf(const Json& pod, const char* field, const std::string& name) {
  for (const Json& each : At(pod, "spec", field)) {
    if (TextAt(each, "name") == name) return &each;
  }
  return nullptr;
}

}  // namespace

std::optional<MissedSource> MissedSourceIn(const std::string& words) {
  for (const char* kind : {"configmap", "secret"}) {
    const std::string before = fmt::format("{} \"", kind);
    const size_t at = words.find(before);
    if (at == words.npos || (at > 0 && words[at - 1] != ' ')) continue;
    const size_t begin = at + before.size();
    const size_t end = words.find('"', begin);
    if (end == words.npos || words.compare(end, 11, "\" not found") != 0) continue;
    return MissedSource{kind, words.substr(begin, end - begin)};
  }
  return std::nullopt;
}

std::set<MissedSource> SourcesMissed(const Facts& facts, const Json& pod) {
  std::set<MissedSource> missed;
  const auto note = [&missed](const std::string& words) {
    if (auto source = MissedSourceIn(OneLine(words))) missed.insert(std::move(*source));
  };
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : At(pod, "status", list)) {
      note(TextAt(status, "state", "waiting", "message"));
    }
  }
  for (const Json* event : facts.EventsOf(pod)) note(TextAt(*event, "message"));
  return missed;
}

std::vector<LogWanted> LogsWanted(const Json& pod) {
  std::vector<LogWanted> wanted;
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    const bool init = list[0] == 'i';
    for (const Json& status : At(pod, "status", list)) {
      const Json& state = At(status, "state");
      const Json& ended = At(state, "terminated");
      const bool looping = TextAt(state, "waiting", "reason") == "CrashLoopBackOff";
      const bool failed = ended.is_object() && (IntAt(ended, "exitCode") != 0 || !init);
      const bool runs = init && At(state, "running").is_object();
      if (looping || failed || runs) wanted.push_back({TextAt(status, "name"), looping});
    }
  }
  return wanted;
}

void ExplainContainers(const Facts& facts, const Json& pod, Findings& out) {
  struct Kind {
    const char* field;
    const char* statuses;
    bool init;
  };
  for (const Kind& kind : {Kind{"initContainers", "initContainerStatuses", true},
                           Kind{"containers", "containerStatuses", false}}) {
    size_t index = 0;
    for (const Json& status : At(pod, "status", kind.statuses)) {
      const std::string path = fmt::format("status.{}[{}]", kind.statuses, index++);
      const Json* container = ContainerOf(pod, kind.field, TextAt(status, "name"));
      if (!container) continue;
      if (ExplainOne({facts, pod, *container, status, path, kind.init}, out)) return;
    }
  }
}

}  // namespace skiff::cli::why
