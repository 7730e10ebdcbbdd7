// Label selectors.
#include <map>

#include "api/select/selector.h"
#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void Labels(std::string_view bytes) {
  const auto selector = LabelSelector::Parse(bytes);
  if (!selector) return;
  const std::string text = selector->Text();
  const auto again = LabelSelector::Parse(text);
  CHECK(again.has_value());
  CHECK(again->Text() == text);
  using Labels = std::map<std::string, std::string>;
  Labels named;
  for (const LabelRequirement& requirement : selector->requirements()) {
    named[requirement.key] = requirement.values.empty() ? "" : requirement.values[0];
  }
  for (const Labels& labels : {Labels{}, Labels{{"a", "b"}, {"c", ""}}, named}) {
    CHECK(selector->Matches(labels) == again->Matches(labels));
  }
}

}  // namespace skiff::fuzz
