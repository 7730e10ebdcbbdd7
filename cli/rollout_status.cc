#include "api/text/go_text.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {
namespace {

Result<RolloutProgress> DeploymentProgress(const Json& object, int64_t revision) {
  const std::string name = NameOf(object);
  if (revision > 0) {
    const std::string own =
        TextAt(object, "metadata", "annotations", "deployment.kubernetes.io/revision");
    const int64_t running = std::strtoll(own.c_str(), nullptr, 10);
    if (running != revision) {
      return CliError(fmt::format(
          "desired revision ({}) is different from the running revision ({})", revision, running));
    }
  }
  if (IntAt(object, "status", "observedGeneration") < IntAt(object, "metadata", "generation")) {
    return RolloutProgress{"Waiting for deployment spec update to be observed...\n"};
  }
  for (const Json& condition : At(object, "status", "conditions")) {
    if (TextAt(condition, "type") == "Progressing" &&
        TextAt(condition, "reason") == "ProgressDeadlineExceeded") {
      return CliError(fmt::format("deployment {} exceeded its progress deadline", GoQuote(name)));
    }
  }
  const int64_t wanted = IntOf(At(object, "spec", "replicas"), 1);
  const int64_t updated = IntAt(object, "status", "updatedReplicas");
  const int64_t total = IntAt(object, "status", "replicas");
  const int64_t available = IntAt(object, "status", "availableReplicas");
  const std::string begin =
      fmt::format("Waiting for deployment {} rollout to finish: ", GoQuote(name));
  if (updated < wanted) {
    return RolloutProgress{
        fmt::format("{}{} out of {} new replicas have been updated...\n", begin, updated, wanted)};
  }
  if (total > updated) {
    return RolloutProgress{
        fmt::format("{}{} old replicas are pending termination...\n", begin, total - updated)};
  }
  if (available < updated) {
    return RolloutProgress{
        fmt::format("{}{} of {} updated replicas are available...\n", begin, available, updated)};
  }
  return RolloutProgress{fmt::format("deployment {} successfully rolled out\n", GoQuote(name)),
                         true};
}

Result<RolloutProgress> DaemonSetProgress(const Json& object) {
  const std::string name = GoQuote(NameOf(object));
  if (TextAt(object, "spec", "updateStrategy", "type") != "RollingUpdate") {
    return CliError("rollout status is only available for RollingUpdate strategy type");
  }
  if (IntAt(object, "status", "observedGeneration") < IntAt(object, "metadata", "generation")) {
    return RolloutProgress{"Waiting for daemon set spec update to be observed...\n"};
  }
  const int64_t desired = IntAt(object, "status", "desiredNumberScheduled");
  const int64_t updated = IntAt(object, "status", "updatedNumberScheduled");
  const int64_t available = IntAt(object, "status", "numberAvailable");
  if (updated < desired) {
    return RolloutProgress{fmt::format(
        "Waiting for daemon set {} rollout to finish: {} out of {} new pods have been updated...\n",
        name, updated, desired)};
  }
  if (available < desired) {
    return RolloutProgress{fmt::format(
        "Waiting for daemon set {} rollout to finish: {} of {} updated pods are available...\n",
        name, available, desired)};
  }
  return RolloutProgress{fmt::format("daemon set {} successfully rolled out\n", name), true};
}

Result<RolloutProgress> StatefulSetProgress(const Json& object) {
  if (TextAt(object, "spec", "updateStrategy", "type") != "RollingUpdate") {
    return CliError("rollout status is only available for RollingUpdate strategy type");
  }
  const Json& status = At(object, "status");
  if (IntAt(status, "observedGeneration") < IntAt(object, "metadata", "generation")) {
    return RolloutProgress{"Waiting for statefulset spec update to be observed...\n"};
  }
  const int64_t wanted = IntOf(At(object, "spec", "replicas"), 1);
  const int64_t ready = IntAt(status, "readyReplicas");
  const int64_t updated = IntAt(status, "updatedReplicas");
  if (ready < wanted) {
    return RolloutProgress{fmt::format("Waiting for {} pods to be ready...\n", wanted - ready)};
  }
  const Json& rolling = At(object, "spec", "updateStrategy", "rollingUpdate");
  const int64_t partition = IntAt(rolling, "partition");
  if (!At(rolling, "partition").is_null()) {
    if (updated < wanted - partition) {
      return RolloutProgress{
          fmt::format("Waiting for partitioned roll out to finish: {} out of {} new pods have been "
                      "updated...\n",
                      updated, wanted - partition)};
    }
    return RolloutProgress{
        fmt::format("partitioned roll out complete: {} new pods have been updated...\n", updated),
        true};
  }
  const std::string update = TextAt(status, "updateRevision");
  if (update != TextAt(status, "currentRevision")) {
    return RolloutProgress{fmt::format(
        "waiting for statefulset rolling update to complete {} pods at revision {}...\n", updated,
        update)};
  }
  return RolloutProgress{
      fmt::format("statefulset rolling update complete {} pods at revision {}...\n",
                  IntAt(status, "currentReplicas"), TextAt(status, "currentRevision")),
      true};
}

}  // namespace

Result<RolloutProgress> ProgressOf(const Json& object, int64_t revision) {
  Resource resource;
  resource.api_version = TextAt(object, "apiVersion");
  resource.kind = TextAt(object, "kind");
  const std::string kind = GroupKind(resource);
  if (kind == "Deployment.apps") return DeploymentProgress(object, revision);
  if (kind == "DaemonSet.apps") return DaemonSetProgress(object);
  if (kind == "StatefulSet.apps") return StatefulSetProgress(object);
  return CliError("no status viewer has been implemented for " + kind);
}

Result<> RunRolloutStatus(Command& command, const Args& args) {
  FileFlags files;
  SelectorFlags selectors;
  Duration timeout = Duration(0);
  bool watch = true;
  int revision = 0;
  files.own_kinds_alone = true;
  files.AddTo(command);
  command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  command.Flag("timeout", timeout, "How long to wait; 0 waits for ever.");
  command.Flag("watch,w", watch, "Watch the rollout until it is done.");
  command.Flag("revision", revision, "Pin the revision whose status is shown.");
  TRY(command.Parse(args));
  if (command.words().empty() && files.empty()) {
    return CliError("required resource not specified");
  }
  if (revision < 0) {
    return CliError(fmt::format("revision must be a positive integer: {}", revision));
  }
  Session& session = *TRY(command.session());
  const auto targets =
      TRY(FindTargets(command, command.words(),
                      {.files = &files, .selectors = selectors, .names_needed = false}));
  if (targets.empty() && command.exit_code() == 0) {
    command.Warn("{}", NothingFoundText(session.namespace_()));
  }
  for (const Target& target : targets) {
    std::string said;
    const auto done = [&](const Json* object) -> Result<bool> {
      if (!object) return CliError("object has been deleted");
      Json whole = *object;
      // Items of lists do not say what they are.
      whole["apiVersion"] = target.resource.api_version;
      whole["kind"] = target.resource.kind;
      const RolloutProgress progress = TRY(ProgressOf(whole, revision));
      if (progress.text != said) command.environment().out(progress.text);
      said = progress.text;
      return progress.done || !watch;
    };
    const auto waited = WaitUntil(session, target.resource, target.key,
                                  timeout > Duration(0) ? timeout : kNever, done);
    if (!waited) command.Report(waited.error());
  }
  return {};
}

}  // namespace skiff::cli
