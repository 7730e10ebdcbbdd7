// `cordon`, `uncordon` and `drain`: nodes that take no more pods, and give up those they have.
#include <map>

#include "api/select/selector.h"
#include "api/pods/pod_phase.h"
#include "api/text/go_text.h"
#include "cli/delete.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr Duration kEvictionRetry = 5s;
constexpr char kMirrorPod[] = "kubernetes.io/config.mirror";

struct NodeFlags {
  DryRun dry_run;
  SelectorFlags selectors;
  void AddTo(Command& command) {
    dry_run.AddTo(command);
    command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  }
};

Result<std::vector<Target>> FindNodes(Command& command, const NodeFlags& flags,
                                      int chunk_size = kPageItems) {
  if (command.words().empty() && flags.selectors.labels.empty()) {
    if (command.Given("selector")) return NothingNamed();
    return command.UsageError(fmt::format("USAGE: {} NODE [flags]", command.verb()));
  }
  if (!command.words().empty() && !flags.selectors.labels.empty()) {
    return command.UsageError("cannot specify both a node name and a --selector option");
  }
  return FindTargets(
      command, OfKind("nodes", command.words()),
      {.selectors = flags.selectors, .first_missing_ends = true, .chunk_size = chunk_size});
}

Result<> SetUnschedulable(Command& command, const NodeFlags& flags, const Target& node,
                          bool wanted) {
  const char* done = wanted ? "cordoned" : "uncordoned";
  if (IsTrue(At(node.object, "spec", "unschedulable")) == wanted) {
    command.Print("node/{} already {}{}\n", node.key.name, done, flags.dry_run.Suffix());
    return {};
  }
  if (!flags.dry_run.client()) {
    Session& session = *TRY(command.session());
    WriteOptions options;
    options.dry_run = flags.dry_run.Parameter();
    const Json patch = {{"spec", {{"unschedulable", wanted ? Json(true) : Json(nullptr)}}}};
    TRY(session.api().Patch(node.resource, node.key, PatchType::kStrategic, patch, options));
  }
  command.Print("node/{} {}{}\n", node.key.name, done, flags.dry_run.Suffix());
  return {};
}

Result<> RunCordonOrNot(Command& command, const Args& args, bool wanted) {
  NodeFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.dry_run.Check());
  const auto nodes = TRY(FindNodes(command, flags));
  if (command.exit_code() != 0) return {};
  for (const Target& node : nodes) {
    const auto done = SetUnschedulable(command, flags, node, wanted);
    if (!done) command.Report(done.error());
  }
  return {};
}

struct DrainFlags {
  NodeFlags node;
  std::string pod_selector;
  bool delete_emptydir_data = false;
  bool disable_eviction = false;
  bool force = false;
  bool ignore_daemonsets = false;
  int chunk_size = 500;
  int grace_period = -1;
  int skip_wait_for_delete = 0;
  Duration timeout = Duration(0);

  void AddTo(Command& command) {
    node.AddTo(command);
    command.Flag("pod-selector", pod_selector, "Label selector of the pods to evict.");
    command.Flag("delete-emptydir-data", delete_emptydir_data, "Also pods that use emptyDir.");
    command.Flag("delete-local-data", delete_emptydir_data, "As --delete-emptydir-data.");
    command.Flag("disable-eviction", disable_eviction, "Delete pods, past disruption budgets.");
    command.Flag("force", force, "Also pods that no controller made.");
    command.Flag("ignore-daemonsets", ignore_daemonsets, "Leave the pods of DaemonSets.");
    command.Flag("chunk-size", chunk_size, kChunkSizeHelp);
    command.Flag("grace-period", grace_period, "Seconds for each pod; below 0 its own.");
    command.Flag("skip-wait-for-delete-timeout", skip_wait_for_delete,
                 "Do not wait for pods whose deletion is older than this many seconds.");
    command.Flag("timeout", timeout, "How long to wait before giving up; 0 waits for ever.");
  }
};

// What is to become of the pods of a node.
struct DrainPlan {
  std::vector<Json> pods;                                    // To be evicted.
  std::map<std::string, std::vector<std::string>> refused;   // Cause -> pods.
  std::map<std::string, std::vector<std::string>> warnings;  // "ignoring ...", "deleting ..."
};

bool UsesEmptyDir(const Json& pod) {
  for (const Json& volume : At(pod, "spec", "volumes")) {
    if (At(volume, "emptyDir").is_object()) return true;
  }
  return false;
}

// Whether it has been going for longer than anybody is to wait for it.
bool IsNotWaitedFor(const DrainFlags& flags, const Json& pod, TimePoint now) {
  const auto deleted = Time::Parse(TextAt(pod, "metadata", "deletionTimestamp"));
  return deleted && flags.skip_wait_for_delete > 0 &&
         now - deleted->point() > std::chrono::seconds(flags.skip_wait_for_delete);
}

// Sorts one pod in, by the first rule that says something of it.
void Plan(const DrainFlags& flags, const Json& pod, TimePoint now, DrainPlan& plan) {
  const std::string name = NamespaceOf(pod) + "/" + NameOf(pod);
  const bool has_ended = HasEnded(TextAt(pod, "status", "phase"));
  if (!At(pod, "metadata", "annotations", kMirrorPod).is_null()) return;
  if (IsNotWaitedFor(flags, pod, now)) return;
  std::string controller;
  for (const Json& owner : At(pod, "metadata", "ownerReferences")) {
    if (IsTrue(At(owner, "controller"))) controller = TextAt(owner, "kind");
  }
  if (controller == "DaemonSet" && !has_ended) {
    if (flags.ignore_daemonsets) {
      plan.warnings["ignoring DaemonSet-managed Pods"].push_back(name);
    } else {
      plan.refused["cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)"]
          .push_back(name);
    }
    return;
  }
  bool refused = false;
  if (UsesEmptyDir(pod) && !has_ended) {
    refused |= !flags.delete_emptydir_data;
    if (flags.delete_emptydir_data) {
      plan.warnings["deleting Pods with local storage"].push_back(name);
    } else {
      plan.refused["cannot delete Pods with local storage (use --delete-emptydir-data to override)"]
          .push_back(name);
    }
  }
  if (controller.empty() && !has_ended) {
    refused |= !flags.force;
    if (flags.force) {
      plan.warnings["deleting Pods that declare no controller"].push_back(name);
    } else {
      plan.refused["cannot delete Pods that declare no controller (use --force to override)"]
          .push_back(name);
    }
  }
  if (!refused) plan.pods.push_back(pod);
}

std::string Listed(const std::map<std::string, std::vector<std::string>>& causes,
                   std::string_view separator) {
  std::vector<std::string> parts;
  for (const auto& [cause, pods] : causes) parts.push_back(cause + ": " + Join(pods, ", "));
  return Join(parts, separator);
}

class Drainer {
 public:
  Drainer(Command& command, Session& session, const DrainFlags& flags, ServedKind pods)
      : command_(command),
        session_(session),
        flags_(flags),
        pods_(std::move(pods)),
        begin_(command.environment().clock.Monotonic()) {}

  Result<> Drain(const Target& node) {
    DrainPlan plan;
    ListOptions options;
    options.field_selector = "spec.nodeName=" + node.key.name;
    options.label_selector = flags_.pod_selector;
    options.limit = PageLimit(flags_.chunk_size);
    const JsonList list = TRY(session_.api().List(pods_.resource, options));
    for (const Json& pod : list.items) {
      Plan(flags_, pod, command_.environment().clock.Now(), plan);
    }
    if (!plan.refused.empty()) return Refuse(plan);
    if (!plan.warnings.empty()) command_.Warn("Warning: {}\n", Listed(plan.warnings, "; "));
    for (const Json& pod : plan.pods) TRY(Evict(pod));
    if (flags_.node.dry_run.value != "none") return {};
    for (const Json& pod : plan.pods) TRY(AwaitEnd(pod));
    return {};
  }

 private:
  static tl::unexpected<Error> Refuse(const DrainPlan& plan) {
    const std::string all = Listed(plan.refused, ", ");
    return CliError(plan.refused.size() > 1 ? "[" + all + "]" : all);
  }
  // What is left of --timeout; kNever without one.
  Duration Left() const {
    if (flags_.timeout <= Duration(0)) return kNever;
    return flags_.timeout - (command_.environment().clock.Monotonic() - begin_);
  }
  Result<> Evict(const Json& pod);
  Result<> AwaitEnd(const Json& pod);

  Command& command_;
  Session& session_;
  const DrainFlags& flags_;
  const ServedKind pods_;
  const Duration begin_;
};

// Asks again while a disruption budget refuses.
Result<> Drainer::Evict(const Json& pod) {
  const ObjectKey key = {NamespaceOf(pod), NameOf(pod)};
  const DryRun& dry_run = flags_.node.dry_run;
  const char* verb = flags_.disable_eviction ? "deleting" : "evicting";
  command_.Print("{} pod {}/{}{}\n", verb, key.namespace_, key.name, dry_run.Suffix());
  if (dry_run.client()) return {};
  DeleteFlags deletion;
  deletion.grace_period = flags_.grace_period;
  Json options = deletion.Body(dry_run.Parameter());
  options.erase("propagationPolicy");
  while (true) {
    const Json body = {{"apiVersion", "policy/v1"},
                       {"kind", "Eviction"},
                       {"metadata", {{"name", key.name}, {"namespace", key.namespace_}}},
                       {"deleteOptions", options}};
    const auto done =
        flags_.disable_eviction
            ? session_.api().Write("DELETE", TRY(pods_.resource.Path(key)), {}, options)
            : session_.api().Write("POST", TRY(pods_.resource.Path(key, "eviction")), {}, body);
    if (done || done.error().reason == Reason::kNotFound) return {};
    if (done.error().reason != Reason::kTooManyRequests) {
      return CliError(fmt::format("error when {} pods/{} -n {}: {}", verb, GoQuote(key.name),
                                  GoQuote(key.namespace_), done.error().message));
    }
    command_.Warn("error when {} pods/{} -n {} (will retry after 5s): {}\n", verb,
                  GoQuote(key.name), GoQuote(key.namespace_), done.error().message);
    if (Left() <= Duration(0)) {
      return CliError(fmt::format("error when {} pods/{} -n {}: global timeout reached: {}", verb,
                                  GoQuote(key.name), GoQuote(key.namespace_), "timed out"));
    }
    command_.environment().pause(kEvictionRetry);
    command_.Print("{} pod {}/{}\n", verb, key.namespace_, key.name);
  }
}

Result<> Drainer::AwaitEnd(const Json& pod) {
  const ObjectKey key = {NamespaceOf(pod), NameOf(pod)};
  const std::string uid = TextAt(pod, "metadata", "uid");
  bool is_skipped = false;
  const auto gone = [&](const Json* now) -> Result<bool> {
    if (!now || TextAt(*now, "metadata", "uid") != uid) return true;
    is_skipped = IsNotWaitedFor(flags_, *now, command_.environment().clock.Now());
    return is_skipped;
  };
  // Nothing tells that a pod has been going for long: it is looked at again.
  const Duration step = flags_.skip_wait_for_delete > 0
                            ? Duration(std::chrono::seconds(flags_.skip_wait_for_delete))
                            : kNever;
  while (true) {
    const auto waited = WaitUntil(session_, pods_.resource, key, std::min(step, Left()), gone);
    if (waited) break;
    const bool goes_on = waited.error().reason == Reason::kTimeout && Left() > Duration(0);
    if (!goes_on) return Fail(waited.error());
  }
  if (is_skipped) {
    command_.Print("pod {} has DeletionTimestamp older than {} seconds, skipping\n",
                   GoQuote(key.name), flags_.skip_wait_for_delete);
    return {};
  }
  command_.Print("pod/{} {}\n", key.name, flags_.disable_eviction ? "deleted" : "evicted");
  return {};
}

}  // namespace

Result<> RunCordon(Command& command, const Args& args) {
  return RunCordonOrNot(command, args, true);
}
Result<> RunUncordon(Command& command, const Args& args) {
  return RunCordonOrNot(command, args, false);
}

Result<> RunDrain(Command& command, const Args& args) {
  DrainFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(flags.node.dry_run.Check());
  if (!LabelSelector::Parse(flags.pod_selector)) {
    return CliError("--pod-selector=<pod_selector> must be a valid label selector");
  }
  const auto nodes = TRY(FindNodes(command, flags.node, flags.chunk_size));
  if (command.exit_code() != 0) return {};  // All of them, or none.
  Session& session = *TRY(command.session());
  ServedKind pods = TRY(session.kinds().Find("pods"));
  for (const Target& node : nodes) TRY(SetUnschedulable(command, flags.node, node, true));
  Drainer drainer(command, session, flags, std::move(pods));
  for (const Target& node : nodes) {
    const auto drained = drainer.Drain(node);
    if (drained) {
      command.Print("node/{} drained{}\n", node.key.name, flags.node.dry_run.Suffix());
      continue;
    }
    const std::string& why = drained.error().message;
    // Said at once: the next node may take long.
    command.Warn("error: unable to drain node {} due to error: {}, continuing command...\n",
                 GoQuote(node.key.name), why);
    command.set_exit_code(1);
    command.Warn("There are pending nodes to be drained:\n {}\n", node.key.name);
    const bool several = why.starts_with("[");
    for (const std::string& line : Split(several ? why.substr(1, why.size() - 2) : why, '\n')) {
      command.Warn("{}\n", line);
    }
  }
  return {};
}

}  // namespace skiff::cli
