#include <algorithm>

#include "api/text/human_duration.h"
#include "base/seconds.h"
#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {
namespace {

std::string OrNone(const std::string& text) {
  return text.empty() ? "<none>" : text;
}

// What of a type has the object's labels, and is its own.
Result<std::vector<Json>> ListOwned(DescribeContext& context, const char* type,
                                    const Json& object) {
  ListOptions options;
  options.namespace_ = NamespaceOf(object);
  options.label_selector = SelectorText(At(object, "spec", "selector"));
  std::vector<Json> owned;
  for (Json& item : TRY(ListForDescribe(context, type, options))) {
    for (const Json& owner : At(item, "metadata", "ownerReferences")) {
      if (TextAt(owner, "uid") == TextAt(object, "metadata", "uid")) {
        owned.push_back(std::move(item));
        break;
      }
    }
  }
  return owned;
}

Result<std::string> PodsStatus(DescribeContext& context, const Json& object) {
  std::map<std::string, int> phases;
  for (const Json& pod : TRY(ListOwned(context, "pods", object))) {
    ++phases[TextAt(pod, "status", "phase")];
  }
  return fmt::format("{} Running / {} Waiting / {} Succeeded / {} Failed", phases["Running"],
                     phases["Pending"], phases["Succeeded"], phases["Failed"]);
}

// Of a kind that is not described without its pods.
void WritePodsStatus(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const auto status = PodsStatus(context, object);
  if (!status) context.failure = status.error();
  out.Field(0, "Pods Status", status.value_or(""));
}

void WriteConditions(DescribeWriter& out, const Json& object) {
  const Json& conditions = At(object, "status", "conditions");
  if (conditions.is_null() || conditions.empty()) return;
  out.Line(0, "Conditions:\n  Type\tStatus\tReason");
  out.Line(1, "----\t------\t------");
  for (const Json& condition : conditions) {
    out.Line(1, fmt::format("{} \t{}\t{}", TextAt(condition, "type"), TextAt(condition, "status"),
                            TextAt(condition, "reason")));
  }
}

std::string ReplicaSetText(const Json& set) {
  return fmt::format("{} ({}/{} replicas created)", NameOf(set), IntAt(set, "status", "replicas"),
                     IntAt(set, "spec", "replicas"));
}

bool SameTemplate(const Json& set, const Json& deployment) {
  Json own = At(set, "spec", "template");
  if (own.is_object() && own["metadata"]["labels"].is_object()) {
    own["metadata"]["labels"].erase("pod-template-hash");
  }
  return own == At(deployment, "spec", "template");
}

}  // namespace

void DescribeDeployment(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& status = At(object, "status");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Selector", SelectorText(At(spec, "selector")));
  out.Field(0, "Replicas",
            fmt::format("{} desired | {} updated | {} total | {} available | {} unavailable",
                        IntOf(At(spec, "replicas"), 1), IntAt(status, "updatedReplicas"),
                        IntAt(status, "replicas"), IntAt(status, "availableReplicas"),
                        IntAt(status, "unavailableReplicas")));
  out.Field(0, "StrategyType", TextAt(spec, "strategy", "type"));
  out.Field(0, "MinReadySeconds", std::to_string(IntAt(spec, "minReadySeconds")));
  if (const Json& rolling = At(spec, "strategy", "rollingUpdate"); rolling.is_object()) {
    out.Field(
        0, "RollingUpdateStrategy",
        fmt::format("{} max unavailable, {} max surge", PlainText(At(rolling, "maxUnavailable")),
                    PlainText(At(rolling, "maxSurge"))));
  }
  WritePodTemplate(out, At(spec, "template"));
  WriteConditions(out, object);
  std::vector<std::string> old_sets;
  std::string new_set;
  auto sets = ListOwned(context, "replicasets", object).value_or(std::vector<Json>());
  std::stable_sort(sets.begin(), sets.end(), [](const Json& left, const Json& right) {
    return TextAt(left, "metadata", "creationTimestamp") <
           TextAt(right, "metadata", "creationTimestamp");
  });
  for (const Json& set : sets) {
    // Of several with the same template the oldest is the one that is used.
    if (new_set.empty() && SameTemplate(set, object)) {
      new_set = ReplicaSetText(set);
    } else {
      old_sets.push_back(ReplicaSetText(set));
    }
  }
  if (sets.empty()) return;
  out.Field(0, "OldReplicaSets", OrNone(Join(old_sets, ", ")));
  out.Field(0, "NewReplicaSet", OrNone(new_set));
}

void DescribeReplicas(DescribeWriter& out, DescribeContext& context, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "Selector", OrNone(SelectorText(At(object, "spec", "selector"))));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.FieldIf(0, "Controlled By", ControllerText(object));
  out.Field(0, "Replicas",
            fmt::format("{} current / {} desired", IntAt(object, "status", "replicas"),
                        IntOf(At(object, "spec", "replicas"), 1)));
  if (const auto status = PodsStatus(context, object)) {
    out.Field(0, "Pods Status", *status);
  } else if (TextAt(object, "kind") == "ReplicaSet") {
    out.Field(0, "Pods Status", "error in fetching pods: " + status.error().message);
  } else {
    context.failure = status.error();
  }
  WritePodTemplate(out, At(object, "spec", "template"));
  WriteConditions(out, object);
}

namespace {

// As many of "1,3-5,7" as begin in its first fifty characters.
std::string SomeIndexes(const std::string& indexes) {
  constexpr size_t kShownMax = 50;
  if (indexes.empty()) return "<none>";
  const size_t comma = indexes.find(',', kShownMax);
  return comma == std::string::npos ? indexes : indexes.substr(0, comma + 1) + "...";
}

}  // namespace

void DescribeJob(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& status = At(object, "status");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "Selector", SelectorText(At(spec, "selector")));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.FieldIf(0, "Controlled By", ControllerText(object));
  out.Field(0, "Parallelism", PlainText(At(spec, "parallelism")));
  const std::string completions = PlainText(At(spec, "completions"));
  out.Field(0, "Completions", completions.empty() ? "<unset>" : completions);
  out.FieldIf(0, "Completion Mode", TextAt(spec, "completionMode"));
  out.FieldIf(0, "Suspend", PlainText(At(spec, "suspend")));
  out.FieldIf(0, "Backoff Limit", PlainText(At(spec, "backoffLimit")));
  out.FieldIf(0, "TTL Seconds After Finished", PlainText(At(spec, "ttlSecondsAfterFinished")));
  out.FieldIf(0, "Start Time", DescribeTime(TextAt(status, "startTime")));
  out.FieldIf(0, "Completed At", DescribeTime(TextAt(status, "completionTime")));
  const auto begun = Time::Parse(TextAt(status, "startTime"));
  const auto ended = Time::Parse(TextAt(status, "completionTime"));
  if (begun && ended) out.Field(0, "Duration", HumanDuration(Between(begun->point(), ended->point())));
  if (const Json& deadline = At(spec, "activeDeadlineSeconds"); !deadline.is_null()) {
    out.Field(0, "Active Deadline Seconds", fmt::format("{}s", IntOf(deadline)));
  }
  out.Field(0, "Pods Statuses",
            fmt::format("{} Active{} / {} Succeeded / {} Failed", IntAt(status, "active"),
                        At(status, "ready").is_null()
                            ? ""  // Its status is somebody else's, who does not say.
                            : fmt::format(" ({} Ready)", IntAt(status, "ready")),
                        IntAt(status, "succeeded"), IntAt(status, "failed")));
  if (TextAt(spec, "completionMode") == "Indexed") {
    out.Field(0, "Completed Indexes", SomeIndexes(TextAt(status, "completedIndexes")));
  }
  WritePodTemplate(out, At(spec, "template"));
}

void DescribeDaemonSet(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& status = At(object, "status");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "Selector", SelectorText(At(object, "spec", "selector")));
  out.Field(0, "Node-Selector",
            OrNone(SelectorText(At(object, "spec", "template", "spec", "nodeSelector"))));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  const std::pair<const char*, const char*> counts[] = {
      {"Desired Number of Nodes Scheduled", "desiredNumberScheduled"},
      {"Current Number of Nodes Scheduled", "currentNumberScheduled"},
      {"Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"},
      {"Number of Nodes Scheduled with Available Pods", "numberAvailable"},
      {"Number of Nodes Misscheduled", "numberMisscheduled"}};
  for (const auto& [title, field] : counts) {
    out.Line(0, fmt::format("{}: {}", title, IntAt(status, field)));
  }
  WritePodsStatus(out, context, object);
  WritePodTemplate(out, At(object, "spec", "template"));
}

namespace {

void WriteClaimTemplates(DescribeWriter& out, const Json& templates) {
  if (!templates.is_array() || templates.empty()) {
    out.Field(0, "Volume Claims", "<none>");
    return;
  }
  out.Line(0, "Volume Claims:");
  for (const Json& claim : templates) {
    out.Field(1, "Name", NameOf(claim));
    out.Field(1, "StorageClass", StorageClassOf(claim));
    out.Labels("  Labels", At(claim, "metadata", "labels"));
    out.Labels("  Annotations", At(claim, "metadata", "annotations"));
    const std::string size = PlainText(At(claim, "spec", "resources", "requests", "storage"));
    out.Field(1, "Capacity", size.empty() ? "<default>" : size);
    out.Field(1, "Access Modes", "[" + Join(TextsAt(At(claim, "spec"), "accessModes"), " ") + "]");
  }
}

std::string OrUnset(const Json& value, const char* unit = "") {
  return value.is_null() ? "<unset>" : PlainText(value) + unit;
}

}  // namespace

void DescribeStatefulSet(DescribeWriter& out, DescribeContext& context, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  out.Field(0, "Selector", SelectorText(At(spec, "selector")));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Replicas",
            fmt::format("{} desired | {} total", IntOf(At(spec, "replicas"), 1),
                        IntAt(object, "status", "replicas")));
  out.Field(0, "Update Strategy", TextAt(spec, "updateStrategy", "type"));
  const Json& rolling = At(spec, "updateStrategy", "rollingUpdate");
  if (const Json& partition = At(rolling, "partition"); !partition.is_null()) {
    out.Field(1, "Partition", PlainText(partition));
    out.FieldIf(1, "MaxUnavailable", PlainText(At(rolling, "maxUnavailable")));
  }
  WritePodsStatus(out, context, object);
  WritePodTemplate(out, At(spec, "template"));
  WriteClaimTemplates(out, At(spec, "volumeClaimTemplates"));
}

void DescribeCronJob(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& job = At(spec, "jobTemplate", "spec");
  out.Head(object);
  out.Field(0, "Schedule", TextAt(spec, "schedule"));
  out.Field(0, "Concurrency Policy", TextAt(spec, "concurrencyPolicy"));
  const Json& suspend = At(spec, "suspend");
  out.Field(0, "Suspend", suspend.is_null() ? "<unset>" : IsTrue(suspend) ? "True" : "False");
  out.Field(0, "Successful Job History Limit", OrUnset(At(spec, "successfulJobsHistoryLimit")));
  out.Field(0, "Failed Job History Limit", OrUnset(At(spec, "failedJobsHistoryLimit")));
  out.Field(0, "Starting Deadline Seconds", OrUnset(At(spec, "startingDeadlineSeconds"), "s"));
  const std::string selector = SelectorText(At(job, "selector"));
  out.Field(0, "Selector", selector.empty() ? "<unset>" : selector);
  out.Field(0, "Parallelism", OrUnset(At(job, "parallelism")));
  out.Field(0, "Completions", OrUnset(At(job, "completions")));
  if (const Json& deadline = At(job, "activeDeadlineSeconds"); !deadline.is_null()) {
    out.Field(0, "Active Deadline Seconds", PlainText(deadline) + "s");
  }
  WritePodTemplate(out, At(job, "template"));
  const std::string last = TextAt(object, "status", "lastScheduleTime");
  out.Field(0, "Last Schedule Time", last.empty() ? "<unset>" : DescribeTime(last));
  std::vector<std::string> active;
  for (const Json& each : At(object, "status", "active")) active.push_back(TextAt(each, "name"));
  out.Field(0, "Active Jobs", OrNone(Join(active, ", ")));
}

}  // namespace skiff::cli
