#include "base/metric_flags.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace skiff {
namespace {

bool IsWordOf(std::string_view text, std::string_view marks) {
  const auto fits = [&](char c) { return IsAlnum(c) || marks.find(c) != marks.npos; };
  return !text.empty() && !IsDigit(text[0]) && std::all_of(text.begin(), text.end(), fits);
}

}  // namespace

std::string WhyNotHiddenMetrics(const std::string& value) {
  if (value.empty() || value == "1.34") return "";
  return "--show-hidden-metrics-for-version must be omitted or have the value '1.34'. Only the "
         "previous minor version is allowed";
}

// "METRIC,LABEL=VALUE,...". Of several in one value Kubernetes makes what its reader of CSV does.
std::string WhyNotMetricLabels(const std::string& value) {
  const std::string_view key = std::string_view(value).substr(0, value.find('='));
  if (key.size() == value.size() || value.find('=', key.size() + 1) != value.npos) return "";
  const size_t comma = std::min(key.find(','), key.size());
  if (IsWordOf(key.substr(0, comma), "_:") && comma < key.size() &&
      IsWordOf(key.substr(comma + 1), "_")) {
    return "";
  }
  return "--allow-metric-labels must have a list of kv pair with format "
         "`metricName,labelName=labelValue, labelValue,...`";
}

}  // namespace skiff
