// Pods: readiness, the one word of status that sums up phase, conditions and containers, and
// restarts.
#include <fmt/format.h>

#include "api/columns/cells.h"
#include "api/pods/pod_phase.h"
#include "api/text/human_duration.h"
#include "base/seconds.h"

namespace skiff::columns {
namespace {

struct Restarts {
  int64_t count = 0;
  Time last;

  void Add(const Json& container) {
    count += NumberAt(container, "restartCount");
    const auto finished = Time::Parse(TextAt(container, "lastState.terminated.finishedAt"));
    if (finished && last < *finished) last = *finished;
  }
};

struct PodSummary {
  std::string reason;
  int64_t ready = 0;
  size_t total = 0;
  Restarts restarts;
};

bool BoolAt(const Json& object, std::string_view path) {
  const Json* value = FindPath(object, path);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

bool IsSidecar(const Json& container) {
  return TextAt(container, "restartPolicy") == "Always";
}

// Why a container ended: its reason, or the signal or exit code.
std::string EndText(const Json& terminated) {
  const std::string reason = TextAt(terminated, "reason");
  if (!reason.empty()) return reason;
  if (const int64_t signal = NumberAt(terminated, "signal"); signal != 0) {
    return fmt::format("Signal:{}", signal);
  }
  return fmt::format("ExitCode:{}", NumberAt(terminated, "exitCode"));
}

// Sums up a pod step by step: first its init containers, and when they are done, the others.
class Summary {
 public:
  explicit Summary(const Json& pod) : pod_(pod) {
    out_.total = ListAt(pod, "spec.containers").size();
    for (const Json& container : ListAt(pod, "spec.initContainers")) {
      if (IsSidecar(container)) ++out_.total;
    }
    out_.reason = OrElse(TextAt(pod, "status.reason"), TextAt(pod, "status.phase"));
    for (const Json& condition : ListAt(pod, "status.conditions")) {
      if (TextAt(condition, "type") == "PodScheduled" &&
          TextAt(condition, "reason") == "SchedulingGated") {
        out_.reason = "SchedulingGated";
      }
    }
  }

  PodSummary Make() {
    const bool initializing = AddInitContainers();
    if (!initializing || ConditionIsTrue(pod_, "Initialized")) AddContainers();
    if (FindPath(pod_, "metadata.deletionTimestamp") != nullptr) {
      const std::string phase = TextAt(pod_, "status.phase");
      if (TextAt(pod_, "status.reason") == "NodeLost") {
        out_.reason = "Unknown";
      } else if (!HasEnded(phase)) {
        out_.reason = "Terminating";
      }
    }
    return out_;
  }

 private:
  // Whether one of them still keeps the pod from starting.
  bool AddInitContainers() {
    size_t index = 0;
    for (const Json& status : ListAt(pod_, "status.initContainerStatuses")) {
      const bool sidecar = NamesSidecar(TextAt(status, "name"));
      out_.restarts.Add(status);
      if (sidecar) sidecar_restarts_.Add(status);
      const Json* terminated = FindPath(status, "state.terminated");
      if (terminated != nullptr && NumberAt(*terminated, "exitCode") == 0) {
        ++index;
        continue;
      }
      if (sidecar && BoolAt(status, "started")) {
        if (BoolAt(status, "ready")) ++out_.ready;
        ++index;
        continue;
      }
      const std::string waiting = TextAt(status, "state.waiting.reason");
      if (terminated != nullptr) {
        out_.reason = "Init:" + EndText(*terminated);
      } else if (!waiting.empty() && waiting != "PodInitializing") {
        out_.reason = "Init:" + waiting;
      } else {
        out_.reason = fmt::format("Init:{}/{}", index, ListAt(pod_, "spec.initContainers").size());
      }
      return true;
    }
    return false;
  }

  // From the last to the first, so that the first container's reason wins.
  void AddContainers() {
    out_.restarts = sidecar_restarts_;
    bool has_running = false;
    std::string error_reason;
    const Json& statuses = ListAt(pod_, "status.containerStatuses");
    for (auto it = statuses.rbegin(); it != statuses.rend(); ++it) {
      out_.restarts.Add(*it);
      const std::string waiting = TextAt(*it, "state.waiting.reason");
      if (!waiting.empty()) {
        out_.reason = waiting;
      } else if (const Json* terminated = FindPath(*it, "state.terminated")) {
        out_.reason = EndText(*terminated);
        if (NumberAt(*terminated, "exitCode") != 0) error_reason = out_.reason;
      } else if (BoolAt(*it, "ready") && FindPath(*it, "state.running") != nullptr) {
        has_running = true;
        ++out_.ready;
      }
    }
    if (out_.reason != "Completed") return;
    if (has_running && ConditionIsTrue(pod_, "Ready")) {
      out_.reason = "Running";
    } else if (!error_reason.empty()) {
      out_.reason = error_reason;
    } else if (has_running) {
      out_.reason = "NotReady";
    }
  }

  bool NamesSidecar(const std::string& name) const {
    for (const Json& container : ListAt(pod_, "spec.initContainers")) {
      if (TextAt(container, "name") == name) return IsSidecar(container);
    }
    return false;
  }

  const Json& pod_;
  PodSummary out_;
  Restarts sidecar_restarts_;
};

Json ReadyCell(const CellInput& input) {
  const PodSummary summary = Summary(input.object).Make();
  return fmt::format("{}/{}", summary.ready, summary.total);
}

Json StatusCell(const CellInput& input) {
  return Summary(input.object).Make().reason;
}

Json RestartsCell(const CellInput& input) {
  const Restarts restarts = Summary(input.object).Make().restarts;
  if (restarts.count == 0 || restarts.last.IsZero()) return std::to_string(restarts.count);
  return fmt::format("{} ({} ago)", restarts.count,
                     HumanDuration(Between(restarts.last.point(), input.now)));
}

Json IpCell(const CellInput& input) {
  const Json& ips = ListAt(input.object, "status.podIPs");
  return OrElse(ips.empty() ? "" : TextAt(ips.front(), "ip"), "<none>");
}

Json ReadinessGatesCell(const CellInput& input) {
  const Json& gates = ListAt(input.object, "spec.readinessGates");
  if (gates.empty()) return "<none>";
  size_t open = 0;
  for (const Json& gate : gates) {
    if (ConditionIsTrue(input.object, TextAt(gate, "conditionType"))) ++open;
  }
  return fmt::format("{}/{}", open, gates.size());
}

// A pod that ended says so, and clients that print grey it out.
Json RowConditions(const Json& pod) {
  const std::string phase = TextAt(pod, "status.phase");
  if (!HasEnded(phase)) return nullptr;
  const char* message =
      phase == "Failed" ? "The pod failed." : "The pod has completed successfully.";
  return Json::array(
      {{{"type", "Completed"}, {"status", "True"}, {"reason", phase}, {"message", message}}});
}

constexpr TableColumn kPod[] = {
    kName,
    {"Ready", ReadyCell},
    {"Status", StatusCell},
    {"Restarts", RestartsCell},
    kAge,
    {"IP", IpCell, "string", 1},
    {"Node", Text<"spec.nodeName", "<none>">, "string", 1},
    {"Nominated Node", Text<"status.nominatedNodeName", "<none>">, "string", 1},
    {"Readiness Gates", ReadinessGatesCell, "string", 1},
};

}  // namespace

constinit const TableFormat kPodTable = {.columns = kPod, .row_conditions = RowConditions};

}  // namespace skiff::columns
