#include "controllers/scheduler/affinity_term.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace skiff::scheduler {
namespace {

std::optional<LabelSelector> TermSelector(const Box<meta_v1::LabelSelector>& spec) {
  if (!spec) return std::nullopt;
  auto selector = LabelSelector::From(*spec);
  if (!selector) return std::nullopt;
  return std::move(*selector);
}

// No selector has this text.
std::string TermText(const std::optional<LabelSelector>& selector) {
  return selector ? selector->Text() : "-";
}

}  // namespace

AffinityTerm::AffinityTerm(const core_v1::PodAffinityTerm& spec, const core_v1::Pod& owner)
    : key(spec.topology_key),
      namespaces(spec.namespaces),
      namespace_selector(TermSelector(spec.namespace_selector)),
      selector(TermSelector(spec.label_selector)) {
  if (namespaces.empty() && !namespace_selector) namespaces = {owner.metadata.namespace_};
  std::sort(namespaces.begin(), namespaces.end());
  id = fmt::format("{}\n{}\n{}", fmt::join(namespaces, ","), TermText(namespace_selector),
                   TermText(selector));
}

bool AffinityTerm::Matches(const core_v1::Pod& pod, const NamespaceLabels& labels) const {
  const std::string& name = pod.metadata.namespace_;
  return selector &&
         (std::binary_search(namespaces.begin(), namespaces.end(), name) ||
          (namespace_selector && namespace_selector->Matches(labels(name)))) &&
         selector->Matches(pod.metadata.labels);
}

AffinityTerms::AffinityTerms(const core_v1::Pod& pod) {
  const auto& affinity = pod.spec.affinity;
  if (!affinity) return;
  const auto add_preferred = [&](const auto& specs, int sign) {
    for (const auto& each : specs) {
      preferred.push_back({AffinityTerm(each.pod_affinity_term, pod), sign * each.weight});
    }
  };
  if (affinity->pod_affinity) {
    const auto& near = *affinity->pod_affinity;
    for (const auto& spec : near.required_during_scheduling_ignored_during_execution) {
      required.emplace_back(spec, pod);
    }
    add_preferred(near.preferred_during_scheduling_ignored_during_execution, 1);
  }
  if (affinity->pod_anti_affinity) {
    const auto& far = *affinity->pod_anti_affinity;
    for (const auto& spec : far.required_during_scheduling_ignored_during_execution) {
      required_anti.emplace_back(spec, pod);
    }
    add_preferred(far.preferred_during_scheduling_ignored_during_execution, -1);
  }
}

}  // namespace skiff::scheduler
