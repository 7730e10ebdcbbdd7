// Why a workload is not scaled, and why nobody may be moved away.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

std::string TargetOf(const Json& autoscaler) {
  const Json& target = At(autoscaler, "spec", "scaleTargetRef");
  return Lower(TextAt(target, "kind")) + "/" + TextAt(target, "name");
}

// What the message of a metric that could not be had comes to.
std::string MetricTrouble(const std::string& message) {
  const auto has = [&](const char* text) { return message.find(text) != message.npos; };
  if (has("missing request for")) return "its pods request nothing that a share could be of";
  if (has("no metrics returned")) return "no metrics of its pods are there (yet)";
  if (has("did not receive metrics for")) return "none of its pods is ready and has metrics (yet)";
  if (has("metrics API") || has("the server could not find")) {
    return "the metrics that it goes by are not served here";
  }
  return "its metrics cannot be read";
}

void ExplainMetrics(const Facts& facts, const Json& autoscaler, Findings& out) {
  const Json& active = Condition(autoscaler, "ScalingActive");
  if (TextAt(active, "status") != "False") return;
  const std::string message = TextAt(active, "message");
  const std::string target = TargetOf(autoscaler);
  Finding finding;
  finding.cause = TextAt(active, "reason");
  const bool disabled = finding.cause == "ScalingDisabled";
  finding.sentence =
      disabled ? fmt::format("{} does nothing, as {} is scaled to 0", Named(autoscaler), target)
               : fmt::format("{} does not scale {}: {}", Named(autoscaler), target,
                             MetricTrouble(message));
  finding.Saw(OneLine(message), fmt::format("condition ScalingActive, for {}",
                                            Age(facts, TextAt(active, "lastTransitionTime"))));
  if (disabled) {
    finding.weight = Weight::kWaits;
    finding.Try(CommandFor(autoscaler, fmt::format("scale {} --replicas=1", ShellWord(target))));
  } else if (message.find("missing request for") != message.npos) {
    finding.Try(CommandFor(autoscaler,
                           fmt::format("set resources {} --requests=cpu=100m", ShellWord(target))));
  } else if (message.find("did not receive metrics for") != message.npos) {
    finding.Try(CommandFor(autoscaler, fmt::format("why {}", ShellWord(target))));
  } else {
    finding.Try(CommandFor(autoscaler, "top pods"));
    finding.Try("skiff get apiservices");
  }
  out.push_back(std::move(finding));
}

void ExplainTarget(const Json& autoscaler, Findings& out) {
  const Json& able = Condition(autoscaler, "AbleToScale");
  if (TextAt(able, "status") != "False") return;
  Finding finding;
  finding.cause = TextAt(able, "reason");
  finding.sentence = fmt::format("{} cannot scale {}: {}", Named(autoscaler), TargetOf(autoscaler),
                                 OneLine(TextAt(able, "message")));
  finding.Saw(finding.cause, "condition AbleToScale");
  finding.Try(CommandFor(autoscaler, fmt::format("get {}", ShellWord(TargetOf(autoscaler)))));
  out.push_back(std::move(finding));
}

}  // namespace

void ExplainAutoscaler(const Facts& facts, const Json& autoscaler, Findings& out) {
  Findings own;
  ExplainTarget(autoscaler, own);
  ExplainMetrics(facts, autoscaler, own);
  const int64_t now = IntAt(autoscaler, "status", "currentReplicas");
  const int64_t wanted = IntAt(autoscaler, "status", "desiredReplicas");
  if (At(autoscaler, "status", "conditions").empty()) {
    Finding finding;
    finding.weight = Weight::kWaits;
    finding.cause = "NotObserved";
    finding.sentence =
        fmt::format("{} has not been looked at by any controller", Named(autoscaler));
    finding.Saw("none", "status.conditions");
    finding.Try("skiff get leases -n kube-system");
    own.push_back(std::move(finding));
  }
  if (!AnyTrouble(own)) {
    Finding finding;
    finding.weight = Weight::kFine;
    finding.cause = "Fine";
    finding.sentence =
        fmt::format("{} has {} at {} of {}; nothing is wrong", Named(autoscaler),
                    TargetOf(autoscaler), now, Count(static_cast<size_t>(wanted), "replica"));
    own.push_back(std::move(finding));
    const Json& limited = Condition(autoscaler, "ScalingLimited");
    if (TextAt(limited, "status") == "True") {
      own.back().Saw(OneLine(TextAt(limited, "message")), "condition ScalingLimited");
    }
    own.back().Saw(OneLine(TextAt(Condition(autoscaler, "AbleToScale"), "message")),
                   "condition AbleToScale");
  }
  out.insert(out.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
}

}  // namespace skiff::cli::why
