// What the schema cannot say about a LimitRange.
#include <fmt/format.h>

#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/devices/resource_names.h"
#include "api/rules/kinds.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using core_v1::LimitRange;

void DefaultItem(core_v1::LimitRangeItem& item) {
  if (item.type == "Container") {
    item.default_.insert(item.max.begin(), item.max.end());
    item.default_request.insert(item.default_.begin(), item.default_.end());
    item.default_request.insert(item.min.begin(), item.min.end());
  }
  for (auto* list : {&item.max, &item.min, &item.default_, &item.default_request,
                     &item.max_limit_request_ratio}) {
    DefaultResourceList(*list);
  }
}

void SetDefaults(LimitRange& object) {
  for (auto& item : object.spec.limits) DefaultItem(item);
}

// A LimitRange may come without any name; its uid is then as good as any.
void Create(LimitRange& object) {
  Default(object.metadata.name, object.metadata.uid);
}

using core_v1::LimitRangeItem;
using Resources = std::map<std::string, Quantity>;

void ValidateNames(const LimitRangeItem& item, const Resources& list, const FieldPath& path,
                   Violations& out) {
  const bool of_container = item.type == "Pod" || item.type == "Container";
  for (const auto& [name, amount] : list) {
    of_container ? ValidateContainerResourceName(name, path.Key(name), out)
                 : ValidateResourceName(name, path.Key(name), out);
  }
}

const Quantity* Find(const Resources& list, const std::string& name) {
  const auto found = list.find(name);
  return found == list.end() ? nullptr : &found->second;
}

double AsDouble(const Quantity& amount) {
  return static_cast<double>(amount.MilliValue());
}

void ValidateRatio(const std::string& name, const Quantity& ratio, const Quantity* min,
                   const Quantity* max, const FieldPath& path, Violations& out) {
  if (ratio < Quantity::FromValue(1)) {
    out.Invalid(path.Key(name), ratio.Text(), "ratio " + ratio.Text() + " is less than 1");
  }
  if (min == nullptr || max == nullptr) return;
  const double limit = AsDouble(*max) / AsDouble(*min);
  if (AsDouble(ratio) / 1000 > limit) {
    out.Invalid(path.Key(name), ratio.Text(),
                fmt::format("ratio {} is greater than max/min = {:f}", ratio.Text(), limit));
  }
}

// What a resource's five amounts say about each other.
void ValidateAmounts(const LimitRangeItem& item, const std::string& name, const FieldPath& path,
                     Violations& out) {
  const Quantity* min = Find(item.min, name);
  const Quantity* max = Find(item.max, name);
  const Quantity* limit = Find(item.default_, name);
  const Quantity* request = Find(item.default_request, name);
  const Quantity* ratio = Find(item.max_limit_request_ratio, name);
  const auto ordered = [&](const Quantity* low, const char* low_name, const Quantity* high,
                           const char* high_name, const char* field, const Quantity* shown) {
    if (low == nullptr || high == nullptr || *low <= *high) return;
    out.Invalid(path.Child(field).Key(name), shown->Text(),
                std::string(low_name) + " value " + low->Text() + " is greater than " + high_name +
                    " value " + high->Text());
  };
  ordered(min, "min", max, "max", "min", min);
  ordered(min, "min", request, "default request", "defaultRequest", request);
  ordered(request, "default request", max, "max", "defaultRequest", request);
  ordered(request, "default request", limit, "default limit", "defaultRequest", request);
  ordered(min, "min", limit, "default", "default", min);
  ordered(limit, "default", max, "max", "default", max);
  if (ratio != nullptr) {
    ValidateRatio(name, *ratio, min, max, path.Child("maxLimitRequestRatio"), out);
  }
  if (!IsOvercommitAllowed(name) && limit && request && *limit != *request) {
    out.Invalid(path.Child("defaultRequest").Key(name), request->Text(),
                "default value " + limit->Text() + " must equal to defaultRequest value " +
                    request->Text() + " in " + name);
  }
}

void ValidateItem(const LimitRangeItem& item, const FieldPath& path, Violations& out) {
  ValidateNames(item, item.max, path.Child("max"), out);
  ValidateNames(item, item.min, path.Child("min"), out);
  if (item.type == "Pod") {
    constexpr const char* kNotForPods = "may not be specified when `type` is 'Pod'";
    if (!item.default_.empty()) out.Forbidden(path.Child("default"), kNotForPods);
    if (!item.default_request.empty()) out.Forbidden(path.Child("defaultRequest"), kNotForPods);
  } else {
    ValidateNames(item, item.default_, path.Child("default"), out);
    ValidateNames(item, item.default_request, path.Child("defaultRequest"), out);
  }
  if (item.type == "PersistentVolumeClaim" && !item.min.contains("storage") &&
      !item.max.contains("storage")) {
    out.Required(path.Child("limits"),
                 "either minimum or maximum storage value is required, but neither was provided");
  }
  ValidateNames(item, item.max_limit_request_ratio, path.Child("maxLimitRequestRatio"), out);
  std::set<std::string> names;
  for (const auto* list : {&item.max, &item.min, &item.default_, &item.default_request,
                           &item.max_limit_request_ratio}) {
    for (const auto& [name, amount] : *list) names.insert(name);
  }
  for (const std::string& name : names) ValidateAmounts(item, name, path, out);
}

void Validate(const LimitRange& object, Violations& out) {
  std::set<std::string_view> types;
  for (size_t i = 0; i < object.spec.limits.size(); ++i) {
    const LimitRangeItem& item = object.spec.limits[i];
    const FieldPath at = FieldPath("spec").Child("limits").Index(i);
    const Messages errors = LabelKeyErrors(item.type);
    out.InvalidEach(at.Child("type"), item.type, errors);
    if (errors.empty() && item.type.find('/') == std::string::npos &&
        !IsOneOf(item.type, {"Pod", "Container", "PersistentVolumeClaim"})) {
      out.Invalid(at.Child("type"), item.type, "must be a standard limit type or fully qualified");
    }
    if (!types.insert(item.type).second) out.Duplicate(at.Child("type"), item.type);
    ValidateItem(item, at, out);
  }
}

void ValidateUpdate(const LimitRange& object, const LimitRange&, Violations& out) {
  Validate(object, out);
}

}  // namespace

constexpr RulesOf<LimitRange> kTypedLimitRangeRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .allow_create_on_update = true,
};
constinit const Rules kLimitRangeRules = Erase<kTypedLimitRangeRules>();

}  // namespace skiff
