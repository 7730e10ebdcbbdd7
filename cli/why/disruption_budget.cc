// Why a drain or an eviction is refused: what a PodDisruptionBudget allows just now.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// A budget's empty selector is all of its namespace; that of others takes nothing.
std::vector<const Json*> PodsOf(const Facts& facts, const Json& budget) {
  const Json& selector = At(budget, "spec", "selector");
  const bool all = selector.is_object() && At(selector, "matchLabels").empty() &&
                   At(selector, "matchExpressions").empty();
  std::vector<const Json*> pods;
  for (const Json& pod : facts.Of("pods")) {
    if (all || Selects(selector, At(pod, "metadata", "labels"))) pods.push_back(&pod);
  }
  return pods;
}

// The pods that it counts and that are not ready.
std::vector<std::string> UnreadyOf(const Facts& facts, const Json& budget) {
  std::vector<std::string> names;
  for (const Json* pod : PodsOf(facts, budget)) {
    if (TextAt(Condition(*pod, "Ready"), "status") != "True") names.push_back(NameOf(*pod));
  }
  return names;
}

std::string Rule(const Json& budget) {
  const Json& least = At(budget, "spec", "minAvailable");
  if (!least.is_null()) return "minAvailable is " + PlainText(least);
  return "maxUnavailable is " + PlainText(At(budget, "spec", "maxUnavailable"));
}

void ExplainClosed(const Facts& facts, const Json& budget, Findings& out) {
  const int64_t healthy = IntAt(budget, "status", "currentHealthy");
  const int64_t needed = IntAt(budget, "status", "desiredHealthy");
  const int64_t expected = IntAt(budget, "status", "expectedPods");
  const Json& allowed = Condition(budget, "DisruptionAllowed");
  Finding finding;
  finding.cause = "InsufficientPods";
  if (TextAt(allowed, "reason") == "SyncFailed") {
    finding.cause = "SyncFailed";
    finding.sentence = fmt::format("{} lets no pod be evicted, as its pods cannot be counted: {}",
                                   Named(budget), OneLine(TextAt(allowed, "message")));
  } else if (needed >= expected) {
    finding.cause = "NeverAllows";
    finding.sentence = fmt::format(
        "{} never lets a pod be evicted: of {} it wants {} healthy, so a drain waits for ever",
        Named(budget), Count(static_cast<size_t>(expected), "pod"), needed);
  } else {
    finding.weight = Weight::kWaits;
    finding.sentence =
        fmt::format("{} lets no pod be evicted now: {} of {} are healthy, and {} have to stay",
                    Named(budget), healthy, Count(static_cast<size_t>(expected), "pod"), needed);
  }
  finding.Saw(Rule(budget), "spec");
  finding.Saw(fmt::format("{} of {} healthy, {} wanted", healthy, expected, needed), "status");
  const auto unready = UnreadyOf(facts, budget);
  if (!unready.empty()) finding.Saw("not ready: " + Some(unready), "pods");
  finding.Try(CommandFor(budget, unready.empty() ? "edit " + ShellWord(Named(budget))
                                                 : "why pod/" + ShellWord(unready[0])));
  out.push_back(std::move(finding));
}

// It goes by how many pods their controllers want, and nothing controls these: none are expected,
// and none is let go.
bool ExplainUnmanaged(const Facts& facts, const Json& budget, Findings& out) {
  std::vector<std::string> names;
  for (const Json* pod : PodsOf(facts, budget)) {
    if (Controller(*pod).is_null()) names.push_back(NameOf(*pod));
  }
  if (names.empty()) return false;
  Finding finding;
  finding.cause = "UnmanagedPods";
  finding.sentence = fmt::format(
      "{} never lets a pod be evicted: nothing controls {}, so that it cannot count how many there "
      "should be",
      Named(budget), names.size() == 1 ? "pod " + names[0] : "the pods " + Some(names));
  finding.Saw(Rule(budget), "spec");
  finding.Saw("0", "status.expectedPods");
  if (const Json* event = facts.Event(budget, "UnmanagedPods")) {
    finding.Saw(OneLine(TextAt(*event, "message")), EventSource(facts, *event));
  }
  finding.Try(CommandFor(
      budget, fmt::format("patch {} --type=merge -p "
                          "'{{\"spec\":{{\"minAvailable\":NUMBER,\"maxUnavailable\":null}}}}'",
                          ShellWord(Named(budget)))));
  out.push_back(std::move(finding));
  return true;
}

}  // namespace

void ExplainDisruptionBudget(const Facts& facts, const Json& budget, Findings& out) {
  const int64_t allowed = IntAt(budget, "status", "disruptionsAllowed");
  const int64_t expected = IntAt(budget, "status", "expectedPods");
  const bool seen = At(budget, "status").contains("observedGeneration");
  if (seen && allowed == 0 && expected > 0) return ExplainClosed(facts, budget, out);
  if (seen && expected == 0 && ExplainUnmanaged(facts, budget, out)) return;
  Finding finding;
  finding.weight = seen ? Weight::kFine : Weight::kWaits;
  finding.cause = seen ? "Fine" : "NotObserved";
  finding.sentence =
      !seen           ? fmt::format("{} has not been looked at by any controller", Named(budget))
      : expected == 0 ? fmt::format("{} selects no pods, and is in nobody's way", Named(budget))
                      : fmt::format("{} lets {} be evicted now; nothing is wrong", Named(budget),
                                    Count(static_cast<size_t>(allowed), "pod"));
  finding.Saw(Rule(budget), "spec");
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
