// A pod as a whole: whether it leaves, has ended, waits for a node, or lives on one.
#include <fmt/format.h>

#include <map>

#include "api/pods/pod_phase.h"
#include "base/seconds.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

constexpr char kJobTracking[] = "batch.kubernetes.io/job-tracking";

bool IsLeavingPod(const Json& object) {
  return !TextAt(object, "metadata", "deletionTimestamp").empty();
}

// It would be gone, if it were not for its finalizers.
bool IsHeld(const Json& pod) {
  return IsLeavingPod(pod) && HasEnded(TextAt(pod, "status", "phase")) &&
         !At(pod, "metadata", "finalizers").empty();
}

std::string SymptomOfContainer(const Json& status) {
  if (const Json& waiting = At(status, "state", "waiting"); waiting.is_object()) {
    const std::string reason = TextAt(waiting, "reason");
    // It is the turn of another.
    return reason == "PodInitializing" ? "" : reason;
  }
  const Json& ended = At(status, "state", "terminated");
  if (!ended.is_object() || IntAt(ended, "exitCode") == 0) return "";
  const std::string reason = TextAt(ended, "reason");
  return reason.empty() ? "Error" : reason;
}

// A pod that is asked to go stays until its containers have ended, its node has said so, and its
// finalizers are gone. The deletion's moment has the grace period in it.
void ExplainLeavingPod(const Facts& facts, const Json& pod, Findings& out) {
  const std::string deadline = TextAt(pod, "metadata", "deletionTimestamp");
  const auto time = Time::Parse(deadline);
  const bool late = time && time->point() < facts.now;
  Finding finding;
  finding.weight = late ? Weight::kWrong : Weight::kWaits;
  finding.cause = "Terminating";
  const bool ended = HasEnded(TextAt(pod, "status", "phase"));
  finding.sentence =
      fmt::format("{} is being deleted{}", Named(pod),
                  ended  ? ", and has ended, but is held by finalizers"
                  : late ? fmt::format(", and should have been gone {} ago", Age(facts, deadline))
                         : fmt::format(", with {}s to end well",
                                       IntAt(pod, "metadata", "deletionGracePeriodSeconds")));
  finding.Saw(deadline, "metadata.deletionTimestamp");
  const auto finalizers = TextsAt(At(pod, "metadata"), "finalizers");
  if (!finalizers.empty()) {
    finding.Saw(fmt::format("somebody has yet to clean up and let it go: {}", Some(finalizers)),
                "metadata.finalizers");
  }
  const std::string node_name = TextAt(pod, "spec", "nodeName");
  const Json* node = facts.Find("nodes", "", node_name);
  const bool node_gone = facts.Has("nodes") && !node_name.empty() && node == nullptr;
  const bool unready = node && TextAt(Condition(*node, "Ready"), "status") != "True";
  if (node_gone) finding.Saw(fmt::format("node {} does not exist", node_name), "nodes");
  if (unready) finding.Saw(fmt::format("node {} is not ready", node_name), "node/" + node_name);
  if (late && !ended && finalizers.empty()) {
    finding.Try(CommandFor(pod, fmt::format("delete pod {} --force", NameOf(pod))));
  }
  // Those of others; the job controller's goes by itself.
  if (late && ended && !finalizers.empty() &&
      finalizers != std::vector<std::string>{kJobTracking}) {
    finding.Try(CommandFor(
        pod, fmt::format("patch pod {} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
                         NameOf(pod))));
  }
  out.push_back(std::move(finding));
}

void ExplainFailed(const Facts& facts, const Json& pod, Findings& out) {
  const std::string reason = TextAt(pod, "status", "reason");
  ExplainContainers(facts, pod, out);
  if (reason.empty() && AnyTrouble(out)) return;
  Finding finding;
  finding.cause = reason.empty() ? "Failed" : reason;
  const std::string message = OneLine(TextAt(pod, "status", "message"));
  finding.sentence = fmt::format("{} has failed{}{}, and runs no more", Named(pod),
                                 reason.empty() ? "" : fmt::format(" ({})", reason),
                                 message.empty() ? "" : ": " + message);
  finding.Saw("Failed", "status.phase");
  out.insert(out.begin(), std::move(finding));
}

// The node that it is on, where that is the trouble.
void ExplainNode(const Facts& facts, const Json& pod, Findings& out) {
  const std::string name = TextAt(pod, "spec", "nodeName");
  if (!facts.Has("nodes")) return;
  const Json* node = facts.Find("nodes", "", name);
  Finding finding;
  if (!node) {
    finding.cause = "NodeLost";
    finding.sentence = fmt::format("{} is on node {}, which does not exist", Named(pod), name);
    finding.Saw(name, "spec.nodeName");
    finding.Try(CommandFor(pod, fmt::format("delete pod {}", NameOf(pod))));
    out.push_back(std::move(finding));
    return;
  }
  const Json& ready = Condition(*node, "Ready");
  if (TextAt(ready, "status") == "True") return;
  finding.cause = "NodeNotReady";
  finding.sentence = fmt::format("{} is on node {}, which has not been ready for {}", Named(pod),
                                 name, Age(facts, TextAt(ready, "lastTransitionTime")));
  finding.Saw(fmt::format("Ready is {}: {}", ready.is_null() ? "not said" : TextAt(ready, "status"),
                          OneLine(TextAt(ready, "message"))),
              fmt::format("node/{} status.conditions", name));
  finding.Try(fmt::format("skiff describe node {}", name));
  out.push_back(std::move(finding));
}

// Conditions that others have to set before the pod counts as ready.
void ExplainGates(const Facts& facts, const Json& pod, Findings& out) {
  for (const Json& gate : At(pod, "spec", "readinessGates")) {
    const std::string type = TextAt(gate, "conditionType");
    const Json& condition = Condition(pod, type);
    if (TextAt(condition, "status") == "True") continue;
    Finding finding;
    finding.weight = Weight::kWaits;
    finding.cause = "ReadinessGate";
    finding.sentence = fmt::format("{} is not ready as its readiness gate {} is {}", Named(pod),
                                   type, condition.is_null() ? "not set by anybody" : "not true");
    finding.Saw(condition.is_null()
                    ? "no such condition"
                    : fmt::format("for {}: {}", Age(facts, TextAt(condition, "lastTransitionTime")),
                                  OneLine(TextAt(condition, "message"))),
                "status.conditions");
    out.push_back(std::move(finding));
  }
}

void SayPodFine(const Facts& facts, const Json& pod, Findings& out) {
  Finding finding;
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  if (TextAt(pod, "status", "phase") == "Succeeded") {
    finding.sentence =
        fmt::format("{} has done its work and ended well; nothing is wrong", Named(pod));
    finding.Saw("Succeeded", "status.phase");
  } else {
    const Json& ready = Condition(pod, "Ready");
    finding.sentence = fmt::format("{} runs and is ready; nothing is wrong", Named(pod));
    finding.Saw(
        fmt::format("ready for {}, {} on node {}", Age(facts, TextAt(ready, "lastTransitionTime")),
                    Count(At(pod, "spec", "containers").size(), "container"),
                    TextAt(pod, "spec", "nodeName")),
        "status.conditions");
  }
  out.insert(out.begin(), std::move(finding));
}

// Something is amiss, and no state of any container says what.
void ExplainUnready(const Facts& facts, const Json& pod, Findings& out) {
  const Json& ready = Condition(pod, "Ready");
  if (TextAt(ready, "status") == "True") return SayPodFine(facts, pod, out);
  Finding finding;
  finding.weight = Weight::kWaits;
  finding.cause = "NotReady";
  const bool seen = !At(pod, "status", "containerStatuses").empty();
  finding.sentence =
      seen ? fmt::format("{} is not ready yet", Named(pod))
           : fmt::format("{} was given to node {}, whose kubelet has not begun with it", Named(pod),
                         TextAt(pod, "spec", "nodeName"));
  finding.Saw(
      fmt::format("Ready is {} for {}{}", ready.is_null() ? "not said" : TextAt(ready, "status"),
                  Age(facts, TextAt(ready, "lastTransitionTime")),
                  TextAt(ready, "message").empty() ? "" : ": " + OneLine(TextAt(ready, "message"))),
      "status.conditions");
  finding.Try(CommandFor(pod, fmt::format("describe pod {}", NameOf(pod))));
  out.push_back(std::move(finding));
}

}  // namespace

std::string SymptomOf(const Json& pod) {
  const std::string phase = TextAt(pod, "status", "phase");
  if (IsHeld(pod)) return "Terminating";
  if (phase == "Succeeded") return "";
  if (IsLeavingPod(pod)) return "Terminating";
  if (phase == "Failed") {
    const std::string reason = TextAt(pod, "status", "reason");
    return reason.empty() ? "Failed" : reason;
  }
  if (TextAt(pod, "spec", "nodeName").empty()) {
    return At(pod, "spec", "schedulingGates").empty() ? "Unschedulable" : "SchedulingGated";
  }
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : At(pod, "status", list)) {
      std::string symptom = SymptomOfContainer(status);
      if (!symptom.empty()) return symptom;
    }
  }
  return TextAt(Condition(pod, "Ready"), "status") == "True" ? "" : "NotReady";
}

std::vector<Symptom> SymptomsOf(const std::vector<Json>& pods) {
  std::vector<Symptom> symptoms;
  std::map<std::string, size_t> places;
  for (const Json& pod : pods) {
    const std::string word = SymptomOf(pod);
    if (word.empty()) continue;
    const auto [place, is_new] = places.try_emplace(word, symptoms.size());
    if (is_new) symptoms.push_back({word, {}});
    symptoms[place->second].pods.push_back(&pod);
  }
  std::stable_sort(symptoms.begin(), symptoms.end(), [](const Symptom& a, const Symptom& b) {
    return a.pods.size() > b.pods.size();
  });
  return symptoms;
}

void ExplainPod(const Facts& facts, const Json& pod, Findings& out) {
  const std::string phase = TextAt(pod, "status", "phase");
  if (IsHeld(pod) || (IsLeavingPod(pod) && !HasEnded(phase)))
    return ExplainLeavingPod(facts, pod, out);
  if (phase == "Succeeded") return SayPodFine(facts, pod, out);
  if (phase == "Failed") return ExplainFailed(facts, pod, out);
  if (TextAt(pod, "spec", "nodeName").empty()) return ExplainScheduling(facts, pod, out);
  Findings own;
  ExplainNode(facts, pod, own);
  ExplainContainers(facts, pod, own);
  ExplainGates(facts, pod, own);
  if (!AnyTrouble(own)) ExplainUnready(facts, pod, own);
  ExplainPodPolicies(facts, pod, own);
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
