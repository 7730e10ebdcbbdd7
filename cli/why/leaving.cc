// Why something that was deleted is still there: who has to let it go first.
#include <fmt/format.h>

#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

struct Keeper {
  std::string_view finalizer;
  const char* until;
};

// Those that the cluster itself sets and takes away.
constexpr Keeper kKeepers[] = {
    {"foregroundDeletion", "the garbage collector has deleted what it owns"},
    {"orphan", "the garbage collector has let go of what it owns"},
    {"kubernetes.io/pv-protection", "no claim is bound to it"},
    {"skiff.io/local-volume",
     "its claim is gone, and its node has removed its directory or is no more: a machine that does "
     "not come back is given up by deleting its Node"},
    {"kubernetes.io/vac-protection", "no claim and no volume names it"},
    {"customresourcecleanup.apiextensions.k8s.io", "the API server has deleted all objects of it"},
    {"service.kubernetes.io/load-balancer-cleanup", "its load balancer has been taken away"},
    {"batch.kubernetes.io/job-tracking", "the job controller has counted it"},
};

const char* UntilWhen(std::string_view finalizer) {
  for (const Keeper& each : kKeepers) {
    if (each.finalizer == finalizer) return each.until;
  }
  return nullptr;
}

}  // namespace

void ExplainLeaving(const Facts& facts, const Json& object, Findings& out) {
  const std::string since = TextAt(object, "metadata", "deletionTimestamp");
  if (since.empty()) return;
  constexpr Duration kHaste = 30s;
  const auto asked = Time::Parse(since);
  const bool late = asked && facts.now - asked->point() > kHaste;
  const auto finalizers = TextsAt(At(object, "metadata"), "finalizers");
  Finding finding;
  finding.weight = late ? Weight::kWrong : Weight::kWaits;
  finding.cause = "Terminating";
  finding.sentence = fmt::format(
      "{} is being deleted{}", Named(object),
      finalizers.empty()
          ? ""
          : fmt::format(", and stays until {} been removed: {}",
                        finalizers.size() == 1 ? "its finalizer has" : "its finalizers have",
                        Some(finalizers)));
  finding.Saw(fmt::format("for {}", Age(facts, since)), "metadata.deletionTimestamp");
  bool foreign = false;
  for (const std::string& each : finalizers) {
    const char* until = UntilWhen(each);
    foreign |= until == nullptr;
    finding.Saw(until ? fmt::format("{} stays until {}", each, until)
                      : fmt::format("{} is removed by whoever set it, after a clean-up: does that "
                                    "program run?",
                                    each),
                "metadata.finalizers");
  }
  if (late && foreign) {
    finding.Try(CommandFor(
        object, fmt::format("patch {} --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'",
                            ShellWord(Named(object)))));
  }
  out.push_back(std::move(finding));
}

}  // namespace skiff::cli::why
