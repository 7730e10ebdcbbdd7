// `cordon`, `uncordon` and `drain`: nodes that take no more pods, and give up those they have.
#include <algorithm>
#include <optional>
#include <utility>

#include "api/select/selector.h"
#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "cli/delete.h"
#include "cli/drain_plan.h"
#include "cli/json_text.h"
#include "cli/verbs.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

constexpr Duration kEvictionRetry = 5s;

struct NodeFlags {
  DryRun dry_run;
  SelectorFlags selectors;
  void AddTo(Command& command) {
    dry_run.AddTo(command);
    command.Flag("selector,l", selectors.labels, "Selector (label query) to filter on.");
  }
};

Result<> CheckNamesNodes(Command& command, const NodeFlags& flags) {
  if (command.words().empty() && flags.selectors.labels.empty()) {
    if (command.Given("selector")) return NothingNamed();
    return command.UsageError(fmt::format("USAGE: {} NODE [flags]", command.verb()));
  }
  if (!command.words().empty() && !flags.selectors.labels.empty()) {
    return command.UsageError("cannot specify both a node name and a --selector option");
  }
  return {};
}

Result<std::vector<Target>> FindNodes(Command& command, const NodeFlags& flags,
                                      int chunk_size = kPageItems) {
  auto nodes = TRY(FindTargets(
      command, OfKind("nodes", command.words()),
      {.selectors = flags.selectors, .first_missing_ends = true, .chunk_size = chunk_size}));
  for (const Target& node : nodes) {
    if (!(node.resource == nodes[0].resource)) {
      return CliError("you may only specify a single resource type");
    }
  }
  for (const Target& node : nodes) {
    const Resource& resource = node.resource;
    if (resource.kind == "Node" && resource.Group().empty()) continue;
    return CliError(fmt::format("expected resource of type node, got \"{}{}, Resource={}\"",
                                resource.Group().empty() ? "/" : "", resource.api_version,
                                resource.name));
  }
  return nodes;
}

Result<> TrySetUnschedulable(Command& command, const NodeFlags& flags, const Target& node,
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

// That one node refuses keeps no other from it, and a drain from nothing: who may not write nodes
// may be one who may evict all the same. It is said, and for kubectl's exit code it is no failure.
void SetUnschedulable(Command& command, const NodeFlags& flags, const Target& node, bool wanted) {
  const auto done = TrySetUnschedulable(command, flags, node, wanted);
  if (done) return;
  command.Warn("error: unable to {} node {}: {}\n", wanted ? "cordon" : "uncordon",
               GoQuote(node.key.name), done.error().message);
}

Result<> RunCordonOrNot(Command& command, const Args& args, bool wanted) {
  NodeFlags flags;
  flags.AddTo(command);
  TRY(command.Parse(args));
  TRY(CheckNamesNodes(command, flags));
  TRY(flags.dry_run.Check());
  const auto nodes = TRY(FindNodes(command, flags));
  if (command.exit_code() != 0) return {};
  for (const Target& node : nodes) SetUnschedulable(command, flags, node, wanted);
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
  DrainRules Rules() const {
    return {ignore_daemonsets, delete_emptydir_data, force, skip_wait_for_delete};
  }
};

// As Go tells of several errors together.
std::string Together(const std::vector<std::string>& errors) {
  return errors.size() == 1 ? errors[0] : "[" + Join(errors, ", ") + "]";
}

// Why a node was not drained.
struct DrainFailure {
  std::vector<std::string> errors;
  bool is_list = true;  // Each has a line of its own where nothing else went wrong.
};

class Drainer {
 public:
  Drainer(Command& command, Session& session, const DrainFlags& flags, ServedKind pods)
      : command_(command),
        session_(session),
        flags_(flags),
        pods_(std::move(pods)),
        begin_(command.environment().clock.Monotonic()) {}

  // Says what it does; nullopt: the node is drained.
  std::optional<DrainFailure> Drain(const std::string& node);

 private:
  enum class Tried : uint8_t { kGoes, kIsGone, kLater, kNever };
  Result<DrainPlan> Plan(const std::string& node);
  std::optional<DrainFailure> EvictAll(const std::vector<Json>& pods);
  std::optional<DrainFailure> DeleteAll(const std::vector<Json>& pods);
  Tried Evict(const Json& pod, std::vector<std::string>& errors);
  Tried EvictionRefused(const Json& pod, const Error& why, std::vector<std::string>& errors);
  Json Fresh(Json pod);
  bool TellIfGone(const Json& pod);
  Result<> AwaitEnd(const Json& pod);
  void TellPending(const std::string& node, const DrainFailure& failure);
  Json DeleteOptions() const {
    DeleteFlags deletion;
    deletion.grace_period = flags_.grace_period;
    Json options = deletion.Body(flags_.node.dry_run.Parameter());
    options.erase("propagationPolicy");
    return options;
  }
  static ObjectKey KeyOf(const Json& pod) { return {NamespaceOf(pod), NameOf(pod)}; }
  bool IsDry() const { return flags_.node.dry_run.value != "none"; }
  // What is left of --timeout; kNever without one.
  Duration Left() const {
    if (flags_.timeout <= Duration(0)) return kNever;
    return flags_.timeout - (command_.environment().clock.Monotonic() - begin_);
  }

  Command& command_;
  Session& session_;
  const DrainFlags& flags_;
  const ServedKind pods_;
  const Duration begin_;
};

Result<DrainPlan> Drainer::Plan(const std::string& node) {
  ListOptions options;
  options.field_selector = "spec.nodeName=" + node;
  options.label_selector = flags_.pod_selector;
  options.limit = PageLimit(flags_.chunk_size);
  const JsonList list = TRY(session_.api().List(pods_.resource, options));
  return PlanDrain(flags_.Rules(), list.items, command_.environment().clock.Now(),
                   [&](const ObjectKey& key) -> Result<> {
                     const ServedKind kind = TRY(session_.kinds().Find("daemonsets.apps"));
                     TRY(session_.api().Get(kind.resource, key));
                     return {};
                   });
}

std::optional<DrainFailure> Drainer::Drain(const std::string& node) {
  const auto plan = Plan(node);
  if (!plan) return DrainFailure{{plan.error().message}};
  if (!plan->refused.empty()) return DrainFailure{plan->Refusals()};
  if (!plan->warnings.empty()) {
    std::vector<std::string> texts;
    for (const auto& [what, names] : plan->warnings)
      texts.push_back(what + ": " + Join(names, ", "));
    command_.Warn("Warning: {}\n", Join(texts, "; "));
  }
  const DryRun& dry_run = flags_.node.dry_run;
  if (dry_run.client()) {
    for (const Json& pod : plan->pods) {
      command_.Print("evicting pod {}/{}{}\n", NamespaceOf(pod), NameOf(pod), dry_run.Suffix());
    }
    return std::nullopt;
  }
  auto failure = flags_.disable_eviction ? DeleteAll(plan->pods) : EvictAll(plan->pods);
  if (failure) TellPending(node, *failure);
  return failure;
}

// One that a budget holds back keeps no other from going.
std::optional<DrainFailure> Drainer::EvictAll(const std::vector<Json>& pods) {
  std::vector<std::string> errors;
  std::vector<Json> going;
  std::vector<Json> queue = pods;
  while (!queue.empty()) {
    std::vector<Json> later;
    for (const Json& pod : queue) {
      const Tried tried = Evict(pod, errors);
      if (tried == Tried::kGoes) going.push_back(pod);
      if (tried == Tried::kLater) later.push_back(pod);
    }
    queue.clear();
    if (later.empty()) break;
    command_.environment().pause(kEvictionRetry);
    // Who waits for a budget sees the others go.
    if (!IsDry()) std::erase_if(going, [&](const Json& pod) { return TellIfGone(pod); });
    for (Json& pod : later) queue.push_back(Fresh(std::move(pod)));
  }
  if (!IsDry()) {
    for (const Json& pod : going) {
      const auto ended = AwaitEnd(pod);
      if (ended) continue;
      errors.push_back(fmt::format("error when waiting for pod {} in namespace {} to terminate: {}",
                                   GoQuote(NameOf(pod)), GoQuote(NamespaceOf(pod)),
                                   ended.error().message));
    }
  }
  if (errors.empty()) return std::nullopt;
  return DrainFailure{std::move(errors)};
}

Drainer::Tried Drainer::Evict(const Json& pod, std::vector<std::string>& errors) {
  const ObjectKey key = KeyOf(pod);
  command_.Print("evicting pod {}/{}{}\n", key.namespace_, key.name, flags_.node.dry_run.Suffix());
  if (Left() <= Duration(0)) {
    errors.push_back(fmt::format("error when evicting pods/{} -n {}: global timeout reached: {}",
                                 GoQuote(key.name), GoQuote(key.namespace_),
                                 FormatGoDuration(flags_.timeout.count())));
    return Tried::kNever;
  }
  const Json body = {{"apiVersion", "policy/v1"},
                     {"kind", "Eviction"},
                     {"metadata", {{"name", key.name}, {"namespace", key.namespace_}}},
                     {"deleteOptions", DeleteOptions()}};
  const auto path = pods_.resource.Path(key, "eviction");
  const auto done =
      path ? session_.api().Write("POST", *path, {}, body) : Result<Json>(Fail(path.error()));
  if (done) return Tried::kGoes;
  return EvictionRefused(pod, done.error(), errors);
}

Drainer::Tried Drainer::EvictionRefused(const Json& pod, const Error& why,
                                        std::vector<std::string>& errors) {
  const std::string name = GoQuote(NameOf(pod)), namespace_ = GoQuote(NamespaceOf(pod));
  const bool namespace_ends =
      why.reason == Reason::kForbidden && std::ranges::any_of(why.causes, [](const Cause& cause) {
        return cause.reason == "NamespaceTerminating";
      });
  if (why.reason == Reason::kNotFound) return Tried::kIsGone;
  if (why.reason == Reason::kTooManyRequests) {
    command_.Warn("error when evicting pods/{} -n {} (will retry after 5s): {}\n", name, namespace_,
                  why.message);
    return Tried::kLater;
  }
  if (namespace_ends) {
    // Its namespace takes it along, now or soon.
    if (!At(pod, "metadata", "deletionTimestamp").is_null()) return Tried::kGoes;
    command_.Warn(
        "error when evicting pod {} from terminating namespace {} (will retry after 5s): {}\n",
        name, namespace_, why.message);
    return Tried::kLater;
  }
  errors.push_back(
      fmt::format("error when evicting pods/{} -n {}: {}", name, namespace_, why.message));
  return Tried::kNever;
}

// As it is now, where that can be seen.
Json Drainer::Fresh(Json pod) {
  auto now = session_.api().Get(pods_.resource, KeyOf(pod));
  return now ? std::move(*now) : std::move(pod);
}

bool Drainer::TellIfGone(const Json& pod) {
  const auto now = session_.api().Get(pods_.resource, KeyOf(pod));
  const bool is_gone = now ? TextAt(*now, "metadata", "uid") != TextAt(pod, "metadata", "uid")
                           : now.error().reason == Reason::kNotFound;
  if (is_gone) command_.Print("pod/{} evicted\n", NameOf(pod));
  return is_gone;
}

std::optional<DrainFailure> Drainer::DeleteAll(const std::vector<Json>& pods) {
  const auto failed = [](const Error& why) { return DrainFailure{{why.message}, false}; };
  for (const Json& pod : pods) {
    const auto path = pods_.resource.Path(KeyOf(pod));
    if (!path) return failed(path.error());
    const auto done = session_.api().Write("DELETE", *path, {}, DeleteOptions());
    if (!done && done.error().reason != Reason::kNotFound) return failed(done.error());
  }
  if (IsDry()) return std::nullopt;
  for (const Json& pod : pods) {
    if (const auto ended = AwaitEnd(pod); !ended) return failed(ended.error());
  }
  return std::nullopt;
}

Result<> Drainer::AwaitEnd(const Json& pod) {
  const ObjectKey key = KeyOf(pod);
  const std::string uid = TextAt(pod, "metadata", "uid");
  const DrainRules rules = flags_.Rules();
  const char* noun = flags_.disable_eviction ? "deletion" : "eviction";
  bool is_skipped = false;
  const auto gone = [&](const Json* now) -> Result<bool> {
    if (!now || TextAt(*now, "metadata", "uid") != uid) return true;
    is_skipped = IsNotWaitedFor(rules, *now, command_.environment().clock.Now());
    return is_skipped;
  };
  // Nothing tells that a pod has been going for long: it is looked at again.
  const Duration step = rules.skip_wait_for_delete_s > 0
                            ? Duration(std::chrono::seconds(rules.skip_wait_for_delete_s))
                            : kNever;
  while (true) {
    const auto waited = WaitOrAskUntil(session_, pods_.resource, key, std::min(step, Left()), gone);
    if (waited) break;
    if (waited.error().reason != Reason::kTimeout) {
      command_.Print("pod/{} {} failed\n", key.name, noun);
      return waited;
    }
    if (Left() <= Duration(0)) return CliError("context deadline exceeded");
  }
  if (is_skipped) {
    command_.Print("pod {} has DeletionTimestamp older than {} seconds, skipping\n",
                   GoQuote(key.name), rules.skip_wait_for_delete_s);
    return {};
  }
  command_.Print("pod/{} {}\n", key.name, flags_.disable_eviction ? "deleted" : "evicted");
  return {};
}

void Drainer::TellPending(const std::string& node, const DrainFailure& failure) {
  const auto left = Plan(node);
  if (left && !left->pods.empty()) {
    command_.Warn("There are pending pods in node {} when an error occurred: {}\n", GoQuote(node),
                  Together(failure.errors));
    for (const Json& pod : left->pods) command_.Warn("pod/{}\n", NameOf(pod));
  }
  const std::vector<std::string> errors =
      left ? left->Refusals() : std::vector<std::string>{left.error().message};
  if (errors.empty()) return;
  command_.Warn("Following errors occurred while getting the list of pods to delete:\n{}",
                Together(errors));
}

// Of several nodes each has its line.
void TellFailures(Command& command,
                  const std::vector<std::pair<std::string, DrainFailure>>& failures) {
  if (failures.empty()) return;
  command.set_exit_code(1);
  command.Warn("There are pending nodes to be drained:\n");
  for (const auto& [node, failure] : failures) command.Warn(" {}\n", node);
  const DrainFailure& only = failures.front().second;
  if (failures.size() > 1) {
    for (const auto& [node, failure] : failures) command.Warn("{}\n", Together(failure.errors));
  } else if (only.is_list) {
    for (const std::string& error : only.errors) command.Warn("{}\n", error);
  } else {
    command.Warn("error: {}\n", Together(only.errors));
  }
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
  TRY(CheckNamesNodes(command, flags.node));
  TRY(flags.node.dry_run.Check());
  if (!LabelSelector::Parse(flags.pod_selector)) {
    return CliError("--pod-selector=<pod_selector> must be a valid label selector");
  }
  const auto nodes = TRY(FindNodes(command, flags.node, flags.chunk_size));
  if (command.exit_code() != 0) return {};  // All of them, or none.
  Session& session = *TRY(command.session());
  ServedKind pods = TRY(session.kinds().Find("pods"));
  for (const Target& node : nodes) SetUnschedulable(command, flags.node, node, true);
  Drainer drainer(command, session, flags, std::move(pods));
  std::vector<std::pair<std::string, DrainFailure>> failures;
  for (const Target& node : nodes) {
    auto failure = drainer.Drain(node.key.name);
    if (!failure) {
      command.Print("node/{} drained{}\n", node.key.name, flags.node.dry_run.Suffix());
      continue;
    }
    // Said at once: the next node may take long.
    command.Warn("error: unable to drain node {} due to error: {}, continuing command...\n",
                 GoQuote(node.key.name), Together(failure->errors));
    failures.emplace_back(node.key.name, std::move(*failure));
  }
  TellFailures(command, failures);
  return {};
}

}  // namespace skiff::cli
