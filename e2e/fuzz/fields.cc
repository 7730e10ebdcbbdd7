// Field selectors.
#include <algorithm>

#include "api/codec/document.h"
#include "api/kinds/behaviour.h"
#include "api/select/selector.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void Fields(std::string_view bytes) {
  const auto selector = FieldSelector::Parse(bytes);
  if (!selector) return;
  const auto again = FieldSelector::Parse(selector->Text());
  CHECK(again.has_value());
  // Terms are sorted as they were sent, and may stand in another order as they are written.
  CHECK(std::is_permutation(again->terms().begin(), again->terms().end(),
                            selector->terms().begin(), selector->terms().end()));
  for (const Type* type : Kinds()) {
    const KindInfo& kind = KindOf(*type);
    const auto of_kind = selector->For(kind);
    if (!of_kind) continue;
    const auto find = [&](std::string_view name) {
      const auto fields = kind.behaviour->selectable.fields;
      const auto field = std::ranges::find(fields, name, &SelectableField::name);
      return field == fields.end() ? TextAt(LiveObject(*type), name)
                                   : SelectableValue(*field, LiveObject(*type));
    };
    bool all = true;
    for (const FieldTerm& term : of_kind->terms()) {
      all = all && (find(term.field) == term.value) == term.equal;
    }
    CHECK(of_kind->MatchesBy(find) == all);
  }
}

}  // namespace skiff::fuzz
