#include "controllers/label_selector.h"

#include <algorithm>

namespace skiff {
namespace {

bool Meets(const meta_v1::LabelSelectorRequirement& requirement, const Labels& labels) {
  const auto label = labels.find(requirement.key);
  const bool present = label != labels.end();
  const auto listed = [&] {
    return std::find(requirement.values.begin(), requirement.values.end(), label->second) !=
           requirement.values.end();
  };
  if (requirement.operator_ == "In") return present && listed();
  if (requirement.operator_ == "NotIn") return !present || !listed();
  if (requirement.operator_ == "Exists") return present;
  if (requirement.operator_ == "DoesNotExist") return !present;
  return false;
}

}  // namespace

bool Matches(const meta_v1::LabelSelector& selector, const Labels& labels) {
  if (!HasAll(labels, selector.match_labels)) return false;
  return std::all_of(selector.match_expressions.begin(), selector.match_expressions.end(),
                     [&](const auto& requirement) { return Meets(requirement, labels); });
}

bool HasAll(const Labels& labels, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& pair) {
    const auto found = labels.find(pair.first);
    return found != labels.end() && found->second == pair.second;
  });
}

bool IsEmpty(const meta_v1::LabelSelector& selector) {
  return selector.match_labels.empty() && selector.match_expressions.empty();
}

std::string SelectorText(const meta_v1::LabelSelector& selector) {
  std::string text;
  const auto append = [&](const std::string& part) { text += (text.empty() ? "" : ",") + part; };
  for (const auto& [key, value] : selector.match_labels) append(key + "=" + value);
  for (const auto& requirement : selector.match_expressions) {
    if (requirement.operator_ == "Exists") {
      append(requirement.key);
    } else if (requirement.operator_ == "DoesNotExist") {
      append("!" + requirement.key);
    } else {
      std::string values;
      for (const std::string& value : requirement.values) {
        values += (values.empty() ? "" : ",") + value;
      }
      append(requirement.key + (requirement.operator_ == "In" ? " in (" : " notin (") + values +
             ")");
    }
  }
  return text;
}

}  // namespace skiff
