#include "api/rules/workloads/workload_validation.h"

#include <charconv>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/select/selector.h"

namespace skiff {

Json IntOrStringJson(const IntOrString& value) {
  return value.is_string() ? Json(value.text()) : Json(value.value());
}

Json LabelsJson(const std::map<std::string, std::string>& labels) {
  return labels.empty() ? Json(nullptr) : Json(labels);
}

void CheckIntOrPercent(const IntOrString& value, const FieldPath& path, Violations& out) {
  if (value.is_string()) {
    out.InvalidEach(path, value.text(), PercentErrors(value.text()));
  } else {
    ValidateNonNegative(value.value(), path, out);
  }
}

int IntOrPercentValue(const IntOrString& value) {
  if (!value.is_string()) return value.value();
  int number = 0;
  std::string_view text = value.text();
  if (text.ends_with('%') && PercentErrors(text).empty()) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

void CheckAtMost100Percent(const IntOrString& value, const FieldPath& path, Violations& out) {
  if (!value.is_string() || IntOrPercentValue(value) <= 100) return;
  out.Invalid(path, value.text(), "must not be greater than 100%");
}

void RequireSelector(const Box<meta_v1::LabelSelector>& selector, const std::string& kind,
                     const FieldPath& path, Violations& out) {
  if (!selector) return out.Required(path);
  ValidateLabelSelector(*selector, {}, path, out);
  if (selector->match_labels.empty() && selector->match_expressions.empty()) {
    out.Invalid(path, Printed(*selector), "empty selector is invalid for " + kind);
  }
}

void CheckTemplateMatches(const Box<meta_v1::LabelSelector>& selector,
                          const core_v1::PodTemplateSpec& pod_template, const FieldPath& path,
                          Violations& out) {
  const auto parsed = selector ? LabelSelector::From(*selector) : LabelSelector::Nothing();
  if (!parsed || parsed->empty() || parsed->Matches(pod_template.metadata.labels)) return;
  out.Invalid(path.Child("metadata").Child("labels"), LabelsJson(pod_template.metadata.labels),
              "`selector` does not match template `labels`");
}

void CheckRunsForever(const core_v1::PodSpec& spec, const std::string& kind, const FieldPath& path,
                      Violations& out) {
  CheckOneOf(spec.restart_policy, {"Always"}, path.Child("restartPolicy"), out);
  if (spec.active_deadline_seconds) {
    out.Forbidden(path.Child("activeDeadlineSeconds"),
                  "activeDeadlineSeconds in " + kind + " is not Supported");
  }
}

void CheckAtMost(int32_t value, int32_t value_max, const FieldPath& path, std::string_view detail,
                 Violations& out) {
  if (value > value_max) out.Invalid(path, value, detail);
}

void CheckNotDecremented(const std::optional<int32_t>& value, const std::optional<int32_t>& old,
                         const FieldPath& path, Violations& out) {
  if (!old || (value && *value >= *old)) return;
  out.Invalid(path, value.value_or(0), "cannot be decremented");
}

}  // namespace skiff
