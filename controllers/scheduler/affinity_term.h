// A term of a pod's affinity or anti-affinity, ready to be asked about other pods.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/select/selector.h"

namespace skiff::scheduler {

// Labels of a namespace.
using NamespaceLabels =
    std::function<std::map<std::string, std::string>(const std::string& namespace_)>;

struct AffinityTerm {
  std::string key;                      // Of the node label whose value is a place.
  std::vector<std::string> namespaces;  // Sorted.
  std::optional<LabelSelector> namespace_selector;
  std::optional<LabelSelector> selector;  // Absent: matches nothing.
  // Terms with one id match the same pods, whosever they are; `key` is not in it.
  std::string id;

  AffinityTerm(const core_v1::PodAffinityTerm& spec, const core_v1::Pod& owner);
  bool Matches(const core_v1::Pod& pod, const NamespaceLabels& labels) const;
  // Whether a pod matches depends on the pod alone, not on what its namespace is labelled with.
  bool IsLasting() const { return !namespace_selector; }
};

struct WeightedTerm {
  AffinityTerm term;
  int64_t weight = 0;
};

// What a pod's affinity says; all empty for most pods.
struct AffinityTerms {
  explicit AffinityTerms(const core_v1::Pod& pod);
  std::vector<AffinityTerm> required;
  std::vector<AffinityTerm> required_anti;
  std::vector<WeightedTerm> preferred;  // Below 0: rather not.
};

}  // namespace skiff::scheduler
