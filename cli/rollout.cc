// `rollout status|history|undo|pause|resume|restart`.
#include "cli/rollout.h"

#include <algorithm>
#include <map>
#include <set>

#include "api/text/go_text.h"
#include "cli/describe_pod.h"
#include "cli/get.h"
#include "cli/json_text.h"
#include "cli/tab_writer.h"
#include "cli/verbs.h"

namespace skiff::cli {
namespace {

struct RolloutFlags {
  RolloutFlags() {
    write.field_manager = "kubectl-rollout";
    files.reads_all_first = files.own_kinds_alone = true;
  }
  WriteFlags write;
  FileFlags files;
  SelectorFlags selectors;
};

// Adds what all these verbs take. Only `undo` knows --dry-run: a flag that no one looks at would
// let a verb write that was asked not to.
Result<std::vector<Target>> Parse(Command& command, const Args& args, RolloutFlags& flags) {
  flags.write.print.AddTo(command);
  flags.write.print.separates_documents = false;
  flags.files.AddTo(command);
  command.Flag("selector,l", flags.selectors.labels, "Selector (label query) to filter on.");
  TRY(command.Parse(args));
  TRY(flags.write.Check());
  if (command.words().empty() && flags.files.empty()) {
    return CliError("required resource not specified");
  }
  return FindTargets(
      command, command.words(),
      {.files = &flags.files, .selectors = flags.selectors, .names_needed = false});
}

// "deployments.apps"
std::string PluralName(const Resource& resource) {
  const std::string group = resource.Group();
  return group.empty() ? resource.name : resource.name + "." + group;
}

void AddFieldManager(Command& command, RolloutFlags& flags) {
  command.Flag("field-manager", flags.write.field_manager,
               "Name of the manager used to track fields.");
}

Result<> SetPaused(Command& command, const Args& args, bool paused) {
  RolloutFlags flags;
  flags.files.tells_build_plainly = true;
  AddFieldManager(command, flags);
  const auto targets = TRY(Parse(command, args, flags));
  Session& session = *TRY(command.session());
  if (targets.empty() && command.exit_code() == 0) {
    command.Warn("{}", NothingFoundText(session.namespace_()));
  }
  for (const Target& target : targets) {
    const std::string named =
        fmt::format("{} {}", PluralName(target.resource), GoQuote(target.key.name));
    if (GroupKind(target.resource) != "Deployment.apps") {
      command.Report(PlainError(fmt::format("error: {} {} is not supported", named,
                                            paused ? "pausing" : "resuming"))
                         .value());
      continue;
    }
    if (IsTrue(At(target.object, "spec", "paused")) == paused) {
      command.Report(PlainError(fmt::format("error: {} is {}", named,
                                            paused ? "already paused" : "not paused"))
                         .value());
      continue;
    }
    const Json patch = {{"spec", {{"paused", paused ? Json(true) : Json(nullptr)}}}};
    WriteOptions options = TRY(flags.write.Options());
    options.field_validation.clear();
    const auto patched =
        session.api().Patch(target.resource, target.key, PatchType::kStrategic, patch, options);
    if (!patched) {
      command.Report(patched.error());
      continue;
    }
    TRY(PrintWritten(command, flags.write, *patched, target.resource,
                     paused ? "paused" : "resumed"));
  }
  return {};
}

Result<> RunPause(Command& command, const Args& args) {
  return SetPaused(command, args, true);
}
Result<> RunResume(Command& command, const Args& args) {
  return SetPaused(command, args, false);
}

Result<> RunRestart(Command& command, const Args& args) {
  RolloutFlags flags;
  flags.files.tells_build_plainly = true;
  AddFieldManager(command, flags);
  const auto targets = TRY(Parse(command, args, flags));
  Session& session = *TRY(command.session());
  if (targets.empty() && command.exit_code() == 0) {
    command.Warn("{}", NothingFoundText(session.namespace_()));
  }
  const std::string now = Time(command.environment().clock.Now()).Rfc3339();
  for (const Target& target : targets) {
    const std::string kind = GroupKind(target.resource);
    if (kind != "Deployment.apps" && kind != "DaemonSet.apps" && kind != "StatefulSet.apps") {
      command.Report(PlainError(fmt::format("error: {} {} restarting is not supported",
                                            PluralName(target.resource),
                                            GoQuote(target.key.name)))
                         .value());
      continue;
    }
    if (IsTrue(At(target.object, "spec", "paused"))) {
      command.Report(
          CliError(fmt::format("{} {} can't restart paused deployment (run rollout resume first)",
                               PluralName(target.resource), GoQuote(target.key.name)))
              .value());
      continue;
    }
    const char* annotation = "kubectl.kubernetes.io/restartedAt";
    if (TextAt(target.object, "spec", "template", "metadata", "annotations", annotation) == now) {
      command.Report(CliError(fmt::format("failed to create patch for {}: if restart has already "
                                          "been triggered within the past second, please wait "
                                          "before attempting to trigger another",
                                          target.key.name))
                         .value());
      continue;
    }
    const Json annotations = {{"metadata", {{"annotations", {{annotation, now}}}}}};
    WriteOptions options = TRY(flags.write.Options());
    options.field_validation.clear();
    const auto patched = session.api().Patch(target.resource, target.key, PatchType::kStrategic,
                                             {{"spec", {{"template", annotations}}}}, options);
    if (!patched) {
      command.Report(patched.error());
      continue;
    }
    TRY(PrintWritten(command, flags.write, *patched, target.resource, "restarted"));
  }
  return {};
}

constexpr char kChangeCause[] = "kubernetes.io/change-cause";

// As -o asks; `revision` alone, or all for 0.
Result<> PrintRevisions(Command& command, const RolloutFlags& flags, ObjectPrinter& printer,
                        const std::map<int64_t, Revision>& history, int revision) {
  if (revision > 0 && !history.contains(revision)) {
    return CliError("unable to find the specified revision");
  }
  for (const auto& [number, each] : history) {
    if (revision > 0 && number != revision) continue;
    Json object = each.object;
    if (flags.write.print.HidesManagedFields()) DropManagedFields(object);
    const std::string text = TRY(printer.Print(object));
    command.environment().out(text);
  }
  return {};
}

struct HistoryWish {
  ObjectPrinter* printer = nullptr;  // None: a table, or one revision's description.
  int revision = 0;
  bool of_target = false;  // The printer prints what has the history.
};

Result<> ShowHistory(Command& command, const RolloutFlags& flags, const Target& target,
                     const HistoryWish& wish) {
  Session& session = *TRY(command.session());
  const auto history = TRY(RevisionsOf(session, target, "history viewer"));
  if (wish.of_target) {
    const std::string text = TRY(wish.printer->Print(target.object));
    command.environment().out(text);
    return {};
  }
  if (wish.printer) return PrintRevisions(command, flags, *wish.printer, history, wish.revision);
  const std::string name = KindName(target.resource) + "/" + target.key.name;
  if (history.empty()) {
    command.Print("{} {}\nNo rollout history found.\n", name,
                  wish.revision > 0 ? fmt::format("with revision #{}", wish.revision) : "");
    return {};
  }
  if (wish.revision > 0) {
    const auto found = history.find(wish.revision);
    if (found == history.end()) return CliError("unable to find the specified revision");
    Json pod_template = found->second.pod_template;
    // A ReplicaSet tells its own cause, which is shown as if it were its pods'.
    const std::string& cause = found->second.change_cause;
    if (target.resource.kind == "Deployment" && !cause.empty()) {
      pod_template["metadata"]["annotations"][kChangeCause] = cause;
    }
    command.Print("{} with revision #{}\n{}\n", name, wish.revision,
                  DescribePodTemplate(pod_template));
    return {};
  }
  TabWriter table;
  table.Write("REVISION\tCHANGE-CAUSE\n");
  for (const auto& [number, each] : history) {
    table.Write(
        fmt::format("{}\t{}\n", number, each.change_cause.empty() ? "<none>" : each.change_cause));
  }
  command.Print("{} \n{}\n", name, table.Flush());
  return {};
}

Result<> RunHistory(Command& command, const Args& args) {
  RolloutFlags flags;
  int revision = 0;
  command.Flag("revision", revision, "See the details of this revision.");
  const auto targets = TRY(Parse(command, args, flags));
  if (revision < 0) {
    return CliError(fmt::format("revision must be a positive integer: {}", revision));
  }
  const PrintFlags& print = flags.write.print;
  // A template alone is of the object itself, as for kubectl.
  const bool of_target = print.output.empty() && !print.template_.empty();
  const bool as_objects = !print.output.empty() || of_target;
  std::unique_ptr<ObjectPrinter> printer;
  if (as_objects) printer = TRY(MakeObjectPrinter(print));
  for (const Target& target : targets) {
    const auto shown = ShowHistory(command, flags, target, {printer.get(), revision, of_target});
    if (!shown) command.Report(shown.error());
  }
  return {};
}

// The deployment's annotations as they are to be: those of the revision, its cause among them, but
// for what tells of the deployment as it is.
Json RestoredAnnotations(const Json& deployment, const Json& set) {
  static const std::set<std::string> kStay = {kLastApplied,
                                              "deployment.kubernetes.io/revision",
                                              "deployment.kubernetes.io/revision-history",
                                              "deployment.kubernetes.io/desired-replicas",
                                              "deployment.kubernetes.io/max-replicas",
                                              "deprecated.deployment.rollback.to"};
  Json restored = Json::object();
  for (const auto& [of, stays] : {std::pair(&deployment, true), std::pair(&set, false)}) {
    const Json& annotations = At(*of, "metadata", "annotations");
    if (!annotations.is_object()) continue;
    for (const auto& [name, value] : annotations.items()) {
      if (kStay.contains(name) == stays) restored[name] = value;
    }
  }
  return restored;
}

// The patch that makes the target what it was as that revision.
Json RestoringPatch(const Target& target, const Revision& revision, const Json& pod_template) {
  Json patch = Json::array();
  patch.push_back({{"op", "replace"}, {"path", "/spec/template"}, {"value", pod_template}});
  if (target.resource.kind == "Deployment") {
    patch.push_back({{"op", "add"},
                     {"path", "/metadata/annotations"},
                     {"value", RestoredAnnotations(target.object, revision.object)}});
  }
  return patch;
}

Result<> UndoOne(Command& command, const RolloutFlags& flags, const Target& target, int revision) {
  Session& session = *TRY(command.session());
  const auto history = TRY(RevisionsOf(session, target, "rollbacker"));
  const auto none = CliError(
      fmt::format("no rollout history found for deployment {}", GoQuote(target.key.name)));
  if (history.empty()) return none;
  auto chosen = history.end();
  if (revision != 0) {
    chosen = history.find(revision);
    if (chosen == history.end()) {
      return CliError(fmt::format("unable to find specified revision {} in history", revision));
    }
  } else {
    if (history.size() < 2 && target.resource.kind == "Deployment") return none;
    if (history.size() < 2) return CliError("no last revision to roll back to");
    chosen = std::prev(history.end(), 2);
  }
  Json wanted = chosen->second.pod_template;
  if (wanted["metadata"]["labels"].is_object()) {
    wanted["metadata"]["labels"].erase("pod-template-hash");
  }
  if (flags.write.dry_run.client() && !flags.write.print.output.empty()) {
    Json object = target.object;
    object["spec"]["template"] = std::move(wanted);
    return PrintWritten(command, flags.write, object, target.resource, "rolled back");
  }
  if (flags.write.dry_run.client()) {
    command.Print("{}/{} {}{}{}\n", KindName(target.resource), target.key.name,
                  target.resource.kind == "Deployment" ? "" : "will roll back to ",
                  DescribePodTemplate(chosen->second.pod_template), flags.write.dry_run.Suffix());
    return {};
  }
  if (IsTrue(At(target.object, "spec", "paused"))) {
    return CliError(
        fmt::format("you cannot rollback a paused deployment; resume it first with '{} rollout "
                    "resume' and try again",
                    command.environment().program));
  }
  if (wanted == At(target.object, "spec", "template")) {
    return PrintWritten(
        command, flags.write, target.object, target.resource,
        fmt::format("skipped rollback (current template already matches revision {})",
                    chosen->first));
  }
  WriteOptions options = TRY(flags.write.Options());
  options.field_validation.clear();
  options.field_manager.clear();  // The server names one after the program.
  const auto result = session.api().Patch(target.resource, target.key, PatchType::kJson,
                                          RestoringPatch(target, chosen->second, wanted), options);
  if (!result) {
    return CliError(
        fmt::format("failed restoring revision {}: {}", revision, result.error().message));
  }
  return PrintWritten(command, flags.write, *result, target.resource, "rolled back");
}

Result<> RunUndo(Command& command, const Args& args) {
  RolloutFlags flags;
  int revision = 0;
  flags.write.dry_run.AddTo(command);
  command.Flag("to-revision", revision, "The revision to roll back to; 0 is the last one.");
  const auto targets = TRY(Parse(command, args, flags));
  for (const Target& target : targets) {
    const auto done = UndoOne(command, flags, target, revision);
    if (!done) command.Report(done.error());
  }
  return {};
}

constexpr Verb kRolloutVerbs[] = {
    {"history", &RunHistory}, {"pause", &RunPause},          {"restart", &RunRestart},
    {"resume", &RunResume},   {"status", &RunRolloutStatus}, {"undo", &RunUndo},
};

constexpr char kRevision[] = "deployment.kubernetes.io/revision";

bool ControlledBy(const Json& object, const std::string& uid) {
  for (const Json& owner : At(object, "metadata", "ownerReferences")) {
    if (IsTrue(At(owner, "controller")) && TextAt(owner, "uid") == uid) return true;
  }
  return false;
}

}  // namespace

std::string SelectorText(const Json& selector) {
  std::multimap<std::string, std::string> by_key;  // As all selectors are written.
  const Json& labels =
      At(selector, "matchLabels").is_null() && At(selector, "matchExpressions").is_null()
          ? selector
          : At(selector, "matchLabels");
  if (labels.is_object()) {
    for (const auto& [key, value] : labels.items()) by_key.emplace(key, key + "=" + TextOf(value));
  }
  for (const Json& term : At(selector, "matchExpressions")) {
    const std::string key = TextAt(term, "key");
    const std::string op = TextAt(term, "operator");
    auto each = TextsAt(term, "values");
    std::sort(each.begin(), each.end());
    const std::string values = Join(each, ",");
    if (op == "Exists") by_key.emplace(key, key);
    if (op == "DoesNotExist") by_key.emplace(key, "!" + key);
    if (op == "In") by_key.emplace(key, fmt::format("{} in ({})", key, values));
    if (op == "NotIn") by_key.emplace(key, fmt::format("{} notin ({})", key, values));
  }
  std::vector<std::string> terms;
  for (auto& [key, text] : by_key) terms.push_back(std::move(text));
  return Join(terms, ",");
}

Result<std::map<int64_t, Revision>> RevisionsOf(Session& session, const Target& target,
                                                const char* who) {
  const std::string named = GroupKind(target.resource);
  const bool deployment = named == "Deployment.apps";
  if (!deployment && named != "DaemonSet.apps" && named != "StatefulSet.apps") {
    constexpr std::string_view kWorkloads[] = {"CronJob.batch", "Job.batch", "Pod",
                                               "ReplicaSet.apps", "ReplicationController"};
    if (std::find(std::begin(kWorkloads), std::end(kWorkloads), named) != std::end(kWorkloads)) {
      return CliError(fmt::format("no {} has been implemented for {}", who, GoQuote(named)));
    }
    return CliError(
        fmt::format("error retrieving {} for {}, no visitor method exists for {{{} {}}}",
                    who == std::string_view("history viewer") ? "history" : who, GoQuote(named),
                    target.resource.Group(), target.resource.kind));
  }
  const ServedKind held =
      TRY(session.kinds().Find(deployment ? "replicasets" : "controllerrevisions"));
  ListOptions options;
  options.namespace_ = target.key.namespace_;
  options.label_selector = SelectorText(At(target.object, "spec", "selector"));
  const JsonList list = TRY(session.api().List(held.resource, options));
  const std::string uid = TextAt(target.object, "metadata", "uid");
  std::map<int64_t, Revision> revisions;
  for (const Json& item : list.items) {
    if (!ControlledBy(item, uid)) continue;
    const Json& annotations = At(item, "metadata", "annotations");
    int64_t number = IntAt(item, "revision");
    if (deployment) {
      number = std::strtoll(TextOf(At(annotations, kRevision)).c_str(), nullptr, 10);
    }
    if (number <= 0) continue;
    const Json& pod_template =
        deployment ? At(item, "spec", "template") : At(item, "data", "spec", "template");
    Revision revision{item, pod_template, TextOf(At(annotations, kChangeCause))};
    if (revision.pod_template.is_object()) revision.pod_template.erase("$patch");
    if (!deployment) {
      revision.object = target.object;
      revision.object["spec"]["template"] = revision.pod_template;
    }
    revisions[number] = std::move(revision);
  }
  return revisions;
}

int RolloutMain(Environment& environment, const Args& args) {
  return RunFamily(environment, "rollout", kRolloutVerbs, std::size(kRolloutVerbs), args);
}

}  // namespace skiff::cli
