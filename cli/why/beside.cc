// Which pods a pod is to be beside, or not to be.
#include <fmt/format.h>

#include <algorithm>

#include "cli/rollout.h"
#include "cli/why/scheduling.h"

namespace skiff::cli::why {
namespace {

// The terms that have to hold of one of the two affinities to pods.
const Json& TermsOf(const Json& pod, const char* affinity) {
  return At(pod, "spec", "affinity", affinity, "requiredDuringSchedulingIgnoredDuringExecution");
}

}  // namespace

std::string LabelsOfNobody(const Facts& facts, const Json& pod) {
  if (!facts.Has("pods")) return "";
  for (const Json& term : TermsOf(pod, "podAffinity")) {
    const Json& selector = At(term, "labelSelector");
    if (term.contains("namespaces") || term.contains("namespaceSelector") || selector.empty()) {
      continue;
    }
    const auto& pods = facts.Of("pods");
    const bool any = std::any_of(pods.begin(), pods.end(), [&](const Json& each) {
      return NamespaceOf(each) == NamespaceOf(pod) && NameOf(each) != NameOf(pod) &&
             Selects(selector, At(each, "metadata", "labels"));
    });
    if (!any) return SelectorText(selector);
  }
  return "";
}

void SawTerms(const Json& pod, const char* affinity, std::string_view beside, Finding& finding) {
  for (const Json& term : TermsOf(pod, affinity)) {
    finding.Saw(fmt::format("{} {}, by {}", beside, SelectorText(At(term, "labelSelector")),
                            TextAt(term, "topologyKey")),
                fmt::format("spec.affinity.{}", affinity));
  }
}

}  // namespace skiff::cli::why
