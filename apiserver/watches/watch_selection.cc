#include "apiserver/watches/watch_selection.h"

#include "apiserver/objects/reader.h"
#include "apiserver/storage/keys.h"
#include "apiserver/storage/record_header.h"

namespace skiff {

bool WatchSelection::Takes(const Record& record) const {
  if (TakesAll()) return true;
  const auto parts = ParseStoreKey(kind.storage_key, record.key);
  if (!name.empty() && (!parts || parts->name != name)) return false;
  if (GoesByKey()) return true;
  const auto view = ObjectView::Of(record);
  if (!view) return IsUnreadable(record.value);  // Nobody knows; the watch ends by it.
  if (!TakesLabels(*view)) return false;
  const auto values = CurrentFields(kind, *view);
  if (!values) return true;
  return fields.All([&](std::string_view field, const PackedRules::Rule& rule) {
    if (field == "metadata.name") return rule.Takes(parts ? parts->name : "");
    if (field == "metadata.namespace") return rule.Takes(parts ? parts->object_namespace : "");
    if (*values) return rule.Takes((*values)->at(std::string(field)));
    return rule.Takes(view->field(field).value_or(""));
  });
}

bool WatchSelection::TakesLabels(const ObjectView& view) const {
  return labels.empty() || labels.MatchesEach([&](auto take) {
    view.ForEachLabel([&](const NamedText& label) { take(label.name, label.value); });
  });
}

std::shared_ptr<const KindInfo> WatchedKind(
    const std::shared_ptr<const WatchSelection>& selection) {
  return {selection, &selection->kind};
}

}  // namespace skiff
