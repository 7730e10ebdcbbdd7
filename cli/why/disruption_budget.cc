// Why a drain or an eviction is refused: what a PodDisruptionBudget allows just now.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// The pods that it counts and that are not ready.
std::vector<std::string> UnreadyOf(const Facts& facts, const Json& budget) {
  std::vector<std::string> names;
  for (const Json& pod : facts.Of("pods")) {
    if (!Selects(At(budget, "spec", "selector"), At(pod, "metadata", "labels"))) continue;
    if (TextAt(Condition(pod, "Ready"), "status") != "True") names.push_back(NameOf(pod));
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

}  // namespace

void ExplainDisruptionBudget(const Facts& facts, const Json& budget, Findings& out) {
  const int64_t allowed = IntAt(budget, "status", "disruptionsAllowed");
  const int64_t expected = IntAt(budget, "status", "expectedPods");
  const bool seen = At(budget, "status").contains("observedGeneration");
  if (seen && allowed == 0 && expected > 0) return ExplainClosed(facts, budget, out);
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
