// What a PersistentVolume is there for, and why nobody else gets it.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

// "default/data"
std::string ClaimNamed(const Json& volume) {
  const Json& claim = At(volume, "spec", "claimRef");
  if (!claim.is_object()) return "";
  return TextAt(claim, "namespace") + "/" + TextAt(claim, "name");
}

// Its claim is gone.
Finding OfReleased(const Facts& facts, const Json& volume, const std::string& policy) {
  Finding finding;
  finding.cause = "Released";
  if (const Json* failed = facts.Event(volume, "VolumeFailedDelete");
      failed && policy == "Delete") {
    finding.sentence =
        fmt::format("{} cannot be deleted: {}", Named(volume), OneLine(TextAt(*failed, "message")));
    finding.Saw(OneLine(TextAt(*failed, "message")), EventSource(facts, *failed));
    return finding;
  }
  if (policy == "Retain") {
    finding.weight = Weight::kNote;
    finding.sentence = fmt::format(
        "{} is kept as claim {} left it, which is gone: nobody gets it until somebody has looked",
        Named(volume), ClaimNamed(volume));
    finding.Try(fmt::format(
        "skiff patch {} --type=json -p '[{{\"op\":\"remove\",\"path\":\"/spec/claimRef\"}}]'",
        ShellWord(Named(volume))));
    return finding;
  }
  finding.weight = Weight::kWaits;
  finding.sentence = fmt::format("{} waits to be {}, as claim {} is gone", Named(volume),
                                 policy == "Recycle" ? "emptied" : "deleted", ClaimNamed(volume));
  return finding;
}

Finding StateOf(const Facts& facts, const Json& volume, const std::string& phase) {
  const std::string claim = ClaimNamed(volume);
  const std::string policy = TextAt(volume, "spec", "persistentVolumeReclaimPolicy");
  Finding finding;
  if (phase == "Released") return OfReleased(facts, volume, policy);
  if (phase == "Failed") {
    const std::string message = OneLine(TextAt(volume, "status", "message"));
    finding.cause = "Failed";
    finding.sentence = fmt::format("{} could not be {} after its claim had gone{}", Named(volume),
                                   policy == "Recycle" ? "emptied" : "deleted",
                                   message.empty() ? "" : ": " + message);
    return finding;
  }
  if (phase.empty() || phase == "Pending") {
    finding.weight = Weight::kWaits;
    finding.cause = "NotObserved";
    finding.sentence = fmt::format("{} has not been looked at by any controller", Named(volume));
    return finding;
  }
  finding.weight = Weight::kFine;
  finding.cause = "Fine";
  finding.sentence =
      phase == "Bound"
          ? fmt::format("{} is bound to claim {}; nothing is wrong", Named(volume), claim)
      : claim.empty()
          ? fmt::format("{} is free for a claim; nothing is wrong", Named(volume))
          : fmt::format("{} is kept for claim {}; nothing is wrong", Named(volume), claim);
  return finding;
}

}  // namespace

void ExplainVolume(const Facts& facts, const Json& volume, Findings& out) {
  const std::string phase = TextAt(volume, "status", "phase");
  Finding finding = StateOf(facts, volume, phase);
  finding.Saw(phase.empty() ? "none" : phase, "status.phase");
  finding.Saw(TextAt(volume, "spec", "persistentVolumeReclaimPolicy"),
              "spec.persistentVolumeReclaimPolicy");
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
