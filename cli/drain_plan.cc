#include "cli/drain_plan.h"

#include "api/pods/mirror_pods.h"
#include "api/pods/pod_phase.h"
#include "cli/json_text.h"

namespace skiff::cli {
namespace {

struct Verdict {
  bool goes = true;
  std::string refusal = {};
  std::string warning = {};
};

bool UsesEmptyDir(const Json& pod) {
  for (const Json& volume : At(pod, "spec", "volumes")) {
    if (At(volume, "emptyDir").is_object()) return true;
  }
  return false;
}

const Json& ControllerOf(const Json& pod) {
  for (const Json& owner : At(pod, "metadata", "ownerReferences")) {
    if (IsTrue(At(owner, "controller"))) return owner;
  }
  static const Json kNone;
  return kNone;
}

Verdict Refused(const std::string& why) {
  return {false, "cannot delete " + why};
}

// Pods of DaemonSets stay: those would make them anew. Only who has lost his may be forced to go.
Verdict JudgeDaemon(const DrainRules& rules, const std::string& namespace_, const Json& controller,
                    const FindDaemonSet& find) {
  const auto found = find({namespace_, TextAt(controller, "name")});
  if (!found && found.error().reason == Reason::kNotFound && rules.force) return {};
  if (!found) return Refused(found.error().message);
  if (!rules.ignore_daemonsets) {
    return Refused("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)");
  }
  return {false, "", "ignoring DaemonSet-managed Pods"};
}

Verdict Judge(const DrainRules& rules, const Json& pod, TimePoint now, const FindDaemonSet& find) {
  if (IsNotWaitedFor(rules, pod, now)) return {false};
  const bool has_ended = HasEnded(TextAt(pod, "status", "phase"));
  const Json& controller = ControllerOf(pod);
  const bool is_daemon =
      TextAt(controller, "kind") == "DaemonSet" && TextAt(controller, "apiVersion") == "apps/v1";
  if (is_daemon && !has_ended) {
    Verdict verdict = JudgeDaemon(rules, NamespaceOf(pod), controller, find);
    if (!verdict.goes) return verdict;
  }
  if (!At(pod, "metadata", "annotations", kMirrorPodAnnotation).is_null()) return {false};
  if (has_ended) return {};
  if (UsesEmptyDir(pod) && !rules.delete_emptydir_data) {
    return Refused("Pods with local storage (use --delete-emptydir-data to override)");
  }
  if (controller.is_object()) return {};
  if (rules.force) return {true, "", "deleting Pods that declare no controller"};
  return Refused("Pods that declare no controller (use --force to override)");
}

}  // namespace

std::vector<std::string> DrainPlan::Refusals() const {
  std::vector<std::string> lines;
  for (const auto& [cause, names] : refused) lines.push_back(cause + ": " + Join(names, ", "));
  return lines;
}

DrainPlan PlanDrain(const DrainRules& rules, const std::vector<Json>& pods, TimePoint now,
                    const FindDaemonSet& find) {
  DrainPlan plan;
  for (const Json& pod : pods) {
    const std::string name = NamespaceOf(pod) + "/" + NameOf(pod);
    const Verdict verdict = Judge(rules, pod, now, find);
    if (verdict.goes) plan.pods.push_back(pod);
    if (!verdict.refusal.empty()) plan.refused[verdict.refusal].push_back(name);
    if (!verdict.warning.empty()) plan.warnings[verdict.warning].push_back(name);
  }
  return plan;
}

bool IsNotWaitedFor(const DrainRules& rules, const Json& pod, TimePoint now) {
  const auto deleted = Time::Parse(TextAt(pod, "metadata", "deletionTimestamp"));
  return deleted && rules.skip_wait_for_delete_s > 0 &&
         now - deleted->point() > std::chrono::seconds(rules.skip_wait_for_delete_s);
}

}  // namespace skiff::cli
