// batch/v1 and HorizontalPodAutoscalers.
#include <fmt/format.h>

#include "api/columns/cells.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"

namespace skiff::columns {
namespace {

Json JobStatusCell(const CellInput& input) {
  if (ConditionIsTrue(input.object, "Complete")) return "Complete";
  if (ConditionIsTrue(input.object, "Failed")) return "Failed";
  if (FindPath(input.object, "metadata.deletionTimestamp") != nullptr) return "Terminating";
  for (const char* type : {"Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (ConditionIsTrue(input.object, type)) return type;
  }
  return "Running";
}

Json CompletionsCell(const CellInput& input) {
  const int64_t succeeded = NumberAt(input.object, "status.succeeded");
  if (FindPath(input.object, "spec.completions") != nullptr) {
    return fmt::format("{}/{}", succeeded, NumberAt(input.object, "spec.completions"));
  }
  const int64_t parallelism = NumberAt(input.object, "spec.parallelism");
  if (parallelism > 1) return fmt::format("{}/1 of {}", succeeded, parallelism);
  return fmt::format("{}/1", succeeded);
}

Json JobDurationCell(const CellInput& input) {
  const auto start = Time::Parse(TextAt(input.object, "status.startTime"));
  if (!start) return "";
  const auto end = Time::Parse(TextAt(input.object, "status.completionTime"));
  return HumanDuration(Between(start->point(), end ? end->point() : input.now));
}

constexpr TableColumn kJob[] = {
    kName,
    {"Status", JobStatusCell},
    {"Completions", CompletionsCell},
    {"Duration", JobDurationCell},
    kAge,
    {"Containers", Members<"spec.template.spec.containers", "name">, "string", 1},
    {"Images", Members<"spec.template.spec.containers", "image">, "string", 1},
    {"Selector", Selector<"spec.selector">, "string", 1},
};

Json SuspendCell(const CellInput& input) {
  const Json* suspend = FindPath(input.object, "spec.suspend");
  if (suspend == nullptr) return "<unset>";
  return *suspend == true ? "True" : "False";
}

Json LastScheduleCell(const CellInput& input) {
  if (FindPath(input.object, "status.lastScheduleTime") == nullptr) return "<none>";
  return AgeText(input, "status.lastScheduleTime");
}

constexpr TableColumn kCronJob[] = {
    kName,
    {"Schedule", Text<"spec.schedule">},
    {"Timezone", Text<"spec.timeZone", "<none>">},
    {"Suspend", SuspendCell, "boolean"},
    {"Active", Count<"status.active">, "integer"},
    {"Last Schedule", LastScheduleCell},
    kAge,
    {"Containers", Members<"spec.jobTemplate.spec.template.spec.containers", "name">, "string", 1},
    {"Images", Members<"spec.jobTemplate.spec.template.spec.containers", "image">, "string", 1},
    {"Selector", Selector<"spec.jobTemplate.spec.selector">, "string", 1},
};

Json ReferenceCell(const CellInput& input) {
  return TextAt(input.object, "spec.scaleTargetRef.kind") + "/" +
         TextAt(input.object, "spec.scaleTargetRef.name");
}

// The amount under `member` of a metric's target or current status.
std::string Amount(const Json& metric, const char* member, std::string_view absent) {
  const Json* value = FindPath(metric, member);
  return value == nullptr ? std::string(absent) : ScalarText(*value);
}

// `target` and `current` are the parts of the metric named after its type. An amount that is not in
// a current part that is there is Go's nil.
std::string MetricText(const std::string& type, const Json& target, const Json* current) {
  const auto of_current = [&](const char* member, std::string_view absent) {
    return current == nullptr ? "<unknown>" : Amount(*current, member, absent);
  };
  const std::string average = of_current("current.averageValue", "<nil>");
  const Json* wanted = FindPath(target, "target.averageValue");
  if (type == "Pods") return average + "/" + Amount(target, "target.averageValue", "<nil>");
  if (type == "External" || type == "Object") {
    if (wanted != nullptr) {
      return fmt::format("{}/{} (avg)", of_current("current.averageValue", "<unknown>"),
                         ScalarText(*wanted));
    }
    return of_current("current.value", "<nil>") + "/" + Amount(target, "target.value", "<nil>");
  }
  if (type != "Resource" && type != "ContainerResource") return "<unknown type>";
  const std::string name = TextAt(target, "name");
  if (wanted != nullptr) return fmt::format("{}: {}/{}", name, average, ScalarText(*wanted));
  const auto percent = [](const std::string& amount) {
    return amount.starts_with('<') ? amount : amount + "%";
  };
  return fmt::format("{}: {}/{}", name,
                     percent(of_current("current.averageUtilization", "<unknown>")),
                     percent(Amount(target, "target.averageUtilization", "<auto>")));
}

Json TargetsCell(const CellInput& input) {
  const Json& metrics = ListAt(input.object, "spec.metrics");
  const Json& currents = ListAt(input.object, "status.currentMetrics");
  std::vector<std::string> out;
  for (size_t i = 0; i < metrics.size(); ++i) {
    const std::string type = TextAt(metrics[i], "type");
    std::string member = type;
    if (!member.empty()) member[0] = static_cast<char>(member[0] | 0x20);
    const Json* current = i < currents.size() ? FindPath(currents[i], member) : nullptr;
    out.push_back(MetricText(type, ListAt(metrics[i], member), current));
  }
  return OrElse(JoinFirst(out, 2, ", "), "<none>");
}

// Of v2, as which objects of v1 are shown too.
constexpr TableColumn kAutoscaler[] = {
    kName,
    {"Reference", ReferenceCell},
    {"Targets", TargetsCell},
    {"MinPods", Given<"spec.minReplicas", "<unset>">},
    {"MaxPods", Number<"spec.maxReplicas">},
    {"Replicas", Number<"status.currentReplicas">},
    kAge,
};

}  // namespace

constinit const TableFormat kJobTable = {kJob};
constinit const TableFormat kCronJobTable = {kCronJob};
constinit const TableFormat kAutoscalerTable = {kAutoscaler};

}  // namespace skiff::columns
