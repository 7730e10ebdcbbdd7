// Where a pod may run: affinity, tolerations, topology spread.
#include <map>
#include <set>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr const char* kNotAnOperator = "not a valid selector operator";

void ValidateRequirement(const NodeSelectorRequirement& requirement, bool check_values,
                         const FieldPath& path, Violations& out) {
  const std::string& operation = requirement.operator_;
  const auto& values = requirement.values;
  if (operation == "In" || operation == "NotIn") {
    if (values.empty()) {
      out.Required(path.Child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
    }
  } else if (operation == "Exists" || operation == "DoesNotExist") {
    if (!values.empty()) {
      out.Forbidden(path.Child("values"),
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (operation == "Gt" || operation == "Lt") {
    if (values.size() != 1) {
      out.Required(path.Child("values"),
                   "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else {
    out.Invalid(path.Child("operator"), operation, kNotAnOperator);
  }
  CheckFormat(LabelKeyErrors, requirement.key, path.Child("key"), out);
  if (!check_values) return;
  for (size_t i = 0; i < values.size(); ++i) {
    CheckFormat(LabelValueErrors, values[i], path.Child("values").Index(i), out);
  }
}

void ValidateFieldRequirement(const NodeSelectorRequirement& requirement, const FieldPath& path,
                              Violations& out) {
  const auto& values = requirement.values;
  if (requirement.operator_ != "In" && requirement.operator_ != "NotIn") {
    out.Invalid(path.Child("operator"), requirement.operator_, kNotAnOperator);
  } else if (values.size() != 1) {
    out.Required(path.Child("values"),
                 "must be only one value when `operator` is 'In' or 'NotIn' for node field "
                 "selector");
  }
  if (requirement.key != "metadata.name") {
    return out.Invalid(path.Child("key"), requirement.key, "not a valid field selector key");
  }
  for (size_t i = 0; i < values.size(); ++i) {
    CheckFormat(Dns1123SubdomainErrors, values[i], path.Child("values").Index(i), out);
  }
}

void ValidateTerm(const NodeSelectorTerm& term, bool check_values, const FieldPath& path,
                  Violations& out) {
  for (size_t i = 0; i < term.match_expressions.size(); ++i) {
    ValidateRequirement(term.match_expressions[i], check_values,
                        path.Child("matchExpressions").Index(i), out);
  }
  for (size_t i = 0; i < term.match_fields.size(); ++i) {
    ValidateFieldRequirement(term.match_fields[i], path.Child("matchFields").Index(i), out);
  }
}

void ValidateWeight(int32_t weight, const FieldPath& path, Violations& out) {
  if (weight < 1 || weight > 100) out.Invalid(path, weight, "must be in the range 1-100");
}

// The update of a pod does not fail for what the pod always had.
bool HasBadNodeValues(const PodSpec* spec) {
  if (spec == nullptr || !spec->affinity || !spec->affinity->node_affinity) return false;
  const auto& required =
      spec->affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  if (!required) return false;
  for (const auto& term : required->node_selector_terms) {
    for (const auto& requirement : term.match_expressions) {
      for (const auto& value : requirement.values) {
        if (!LabelValueErrors(value).empty()) return true;
      }
    }
  }
  return false;
}

bool HasBadSpreadSelectors(const PodSpec* spec) {
  if (spec == nullptr) return false;
  Violations errors;
  for (const auto& constraint : spec->topology_spread_constraints) {
    if (constraint.label_selector) {
      ValidateLabelSelector(*constraint.label_selector, {}, FieldPath(), errors);
    }
  }
  return !errors.empty();
}

void ValidateNodeAffinity(const NodeAffinity& affinity, bool check_values, const FieldPath& path,
                          Violations& out) {
  if (affinity.required_during_scheduling_ignored_during_execution) {
    ValidateNodeSelector(*affinity.required_during_scheduling_ignored_during_execution,
                         check_values, path.Child("requiredDuringSchedulingIgnoredDuringExecution"),
                         out);
  }
  const auto& preferred = affinity.preferred_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < preferred.size(); ++i) {
    const FieldPath at = path.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i);
    ValidateWeight(preferred[i].weight, at.Child("weight"), out);
    ValidateTerm(preferred[i].preference, false, at.Child("preference"), out);
  }
}

void ValidateLabelKeys(const std::vector<std::string>& keys,
                       const Box<meta_v1::LabelSelector>& selector, const FieldPath& path,
                       Violations& out) {
  if (keys.empty()) return;
  if (!selector) {
    return out.Forbidden(path, "must not be specified when labelSelector is not set");
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    CheckFormat(LabelKeyErrors, keys[i], path.Index(i), out);
  }
}

// Preparation has added an expression for each of matchLabelKeys to the selector: a key that is
// there twice was there before. `path` is that of the term or constraint.
void ValidateMergedKeys(const std::vector<std::string>& match_keys,
                        const Box<meta_v1::LabelSelector>& selector, const FieldPath& path,
                        Violations& out) {
  if (!selector) return;
  std::set<std::string_view> seen;
  for (const auto& [key, value] : selector->match_labels) seen.insert(key);
  std::map<std::string_view, size_t> places;  // Of a key that is there twice the last.
  for (size_t i = 0; i < match_keys.size(); ++i) places[match_keys[i]] = i;
  for (const auto& expression : selector->match_expressions) {
    const auto found = places.find(expression.key);
    if (!seen.insert(expression.key).second && found != places.end()) {
      out.Invalid(path.Index(found->second), expression.key,
                  "exists in both matchLabelKeys and labelSelector");
    }
  }
}

void ValidatePodAffinityTerm(const PodAffinityTerm& term, bool allow_bad_values,
                             const FieldPath& path, Violations& out) {
  const LabelSelectorOptions options{.allow_invalid_label_values = allow_bad_values};
  if (term.label_selector) {
    ValidateLabelSelector(*term.label_selector, options, path.Child("labelSelector"), out);
  }
  if (term.namespace_selector) {
    ValidateLabelSelector(*term.namespace_selector, options, path.Child("namespaceSelector"), out);
  }
  for (const std::string& name : term.namespaces) {
    CheckFormat(Dns1123LabelErrors, name, path.Child("namespace"), out);
  }
  ValidateLabelKeys(term.match_label_keys, term.label_selector, path.Child("matchLabelKeys"), out);
  ValidateLabelKeys(term.mismatch_label_keys, term.label_selector, path.Child("mismatchLabelKeys"),
                    out);
  ValidateMergedKeys(term.match_label_keys, term.label_selector, path, out);
  const std::set<std::string_view> others(term.mismatch_label_keys.begin(),
                                          term.mismatch_label_keys.end());
  for (size_t i = 0; i < term.match_label_keys.size(); ++i) {
    if (!others.contains(term.match_label_keys[i])) continue;
    out.Invalid(path.Child("matchLabelKeys").Index(i), term.match_label_keys[i],
                "exists in both matchLabelKeys and mismatchLabelKeys");
  }
  const FieldPath topology = path.Child("topologyKey");
  if (term.topology_key.empty()) out.Required(topology, "can not be empty");
  CheckFormat(LabelKeyErrors, term.topology_key, topology, out);
}

template <typename PodTerms>
void ValidatePodTerms(const Box<PodTerms>& terms, bool allow_bad_values, const FieldPath& path,
                      Violations& out) {
  if (!terms) return;
  const auto& required = terms->required_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < required.size(); ++i) {
    ValidatePodAffinityTerm(required[i], allow_bad_values,
                            path.Child("requiredDuringSchedulingIgnoredDuringExecution").Index(i),
                            out);
  }
  const auto& preferred = terms->preferred_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < preferred.size(); ++i) {
    const FieldPath at = path.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i);
    ValidateWeight(preferred[i].weight, at.Child("weight"), out);
    ValidatePodAffinityTerm(preferred[i].pod_affinity_term, allow_bad_values,
                            at.Child("podAffinityTerm"), out);
  }
}

void ValidateTolerationValue(const Toleration& toleration, const FieldPath& path, Violations& out) {
  const std::string& operation = toleration.operator_;
  if (operation.empty() || operation == "Equal") {
    std::string joined;
    for (const auto& message : LabelValueErrors(toleration.value)) {
      joined += (joined.empty() ? "" : ";") + message;
    }
    if (!joined.empty()) out.Invalid(path, toleration.value, joined);
  } else if (operation == "Exists") {
    if (!toleration.value.empty()) {
      out.Invalid(path, toleration.value, "value must be empty when `operator` is 'Exists'");
    }
  } else if (operation == "Lt" || operation == "Gt") {
    out.NotSupported(path, operation, {"Equal", "Exists", "Lt", "Gt"});
  } else {
    out.NotSupported(path, operation, {"Equal", "Exists"});
  }
}

}  // namespace

void ValidateNodeSelector(const NodeSelector& selector, bool check_values, const FieldPath& path,
                          Violations& out) {
  const FieldPath at = path.Child("nodeSelectorTerms");
  if (selector.node_selector_terms.empty()) {
    return out.Required(at, "must have at least one node selector term");
  }
  for (size_t i = 0; i < selector.node_selector_terms.size(); ++i) {
    ValidateTerm(selector.node_selector_terms[i], check_values, at.Index(i), out);
  }
}

void ValidateTolerations(const std::vector<Toleration>& tolerations, const FieldPath& path,
                         Violations& out) {
  for (size_t i = 0; i < tolerations.size(); ++i) {
    const Toleration& toleration = tolerations[i];
    const FieldPath at = path.Index(i);
    if (!toleration.key.empty()) {
      CheckFormat(LabelKeyErrors, toleration.key, at.Child("key"), out);
    } else if (toleration.operator_ != "Exists") {
      out.Invalid(at.Child("operator"), toleration.operator_,
                  "operator must be Exists when `key` is empty, which means \"match all values "
                  "and all keys\"");
    }
    if (toleration.toleration_seconds && toleration.effect != "NoExecute") {
      out.Invalid(at.Child("effect"), toleration.effect,
                  "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    ValidateTolerationValue(toleration, at.Child("operator"), out);
    if (!toleration.effect.empty()) {
      CheckOneOf(toleration.effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"},
                 at.Child("effect"), out);
    }
  }
}

void ValidateAffinity(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  if (!context.spec.affinity) return;
  const Affinity& affinity = *context.spec.affinity;
  if (affinity.node_affinity) {
    ValidateNodeAffinity(*affinity.node_affinity, !HasBadNodeValues(context.old),
                         path.Child("nodeAffinity"), out);
  }
  const bool allow_bad_values =
      context.old != nullptr && context.old->affinity && *context.old->affinity == affinity;
  ValidatePodTerms(affinity.pod_affinity, allow_bad_values, path.Child("podAffinity"), out);
  ValidatePodTerms(affinity.pod_anti_affinity, allow_bad_values, path.Child("podAntiAffinity"),
                   out);
}

void ValidateTopologySpread(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  const auto& constraints = context.spec.topology_spread_constraints;
  const bool allow_bad_selectors = HasBadSpreadSelectors(context.old);
  std::map<std::pair<std::string_view, std::string_view>, size_t> last_place;
  for (size_t i = 0; i < constraints.size(); ++i) {
    last_place[{constraints[i].topology_key, constraints[i].when_unsatisfiable}] = i;
  }
  for (size_t i = 0; i < constraints.size(); ++i) {
    const TopologySpreadConstraint& constraint = constraints[i];
    const FieldPath at = path.Index(i);
    ValidatePositive(constraint.max_skew, at.Child("maxSkew"), out);
    if (constraint.topology_key.empty()) {
      out.Required(at.Child("topologyKey"), "can not be empty");
    }
    CheckOneOf(constraint.when_unsatisfiable, {"DoNotSchedule", "ScheduleAnyway"},
               at.Child("whenUnsatisfiable"), out);
    if (last_place[{constraint.topology_key, constraint.when_unsatisfiable}] > i) {
      out.Duplicate(at.Child("{topologyKey, whenUnsatisfiable}"),
                    "{" + constraint.topology_key + ", " + constraint.when_unsatisfiable + "}");
    }
    if (constraint.min_domains) {
      ValidatePositive(*constraint.min_domains, at.Child("minDomains"), out);
      if (constraint.when_unsatisfiable != "DoNotSchedule") {
        out.Invalid(at.Child("minDomains"), *constraint.min_domains,
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not " +
                        constraint.when_unsatisfiable);
      }
    }
    const auto policy = [&](const std::optional<std::string>& value, const char* field) {
      if (value) CheckOneOf(*value, {"Honor", "Ignore"}, at.Child(field), out);
    };
    policy(constraint.node_affinity_policy, "nodeAffinityPolicy");
    policy(constraint.node_taints_policy, "nodeTaintsPolicy");
    ValidateLabelKeys(constraint.match_label_keys, constraint.label_selector,
                      at.Child("matchLabelKeys"), out);
    ValidateMergedKeys(constraint.match_label_keys, constraint.label_selector, at, out);
    if (constraint.label_selector && !allow_bad_selectors) {
      ValidateLabelSelector(*constraint.label_selector, {}, at.Child("labelSelector"), out);
    }
  }
}

}  // namespace skiff
