#include "api/select/selector_go_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace skiff {

std::string GoSelectorText(const meta_v1::LabelSelector& selector) {
  std::string labels;
  for (const auto& [key, value] : selector.match_labels) labels += key + ": " + value + ",";
  std::string expressions;
  for (const auto& each : selector.match_expressions) {
    expressions += fmt::format("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                               each.key, each.operator_, fmt::join(each.values, " "));
  }
  return fmt::format(
      "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:"
      "[]LabelSelectorRequirement{{{}}},}}",
      labels, expressions);
}

}  // namespace skiff
