#include "api/crd/keyed_items.h"

#include "api/codec/json.h"

namespace skiff::crd {
namespace {

std::string TextOfKeys(const std::vector<std::string>& keys, const Json& item) {
  Json values = Json::array();
  for (const std::string& key : keys) {
    const auto found = item.find(key);
    values.push_back(found == item.end() ? Json() : *found);
  }
  return DumpJson(values);
}

}  // namespace

KeyedItems::KeyedItems(ListType type, const std::vector<std::string>& keys, const Json* list)
    : keys_(keys) {
  if (type != ListType::kMap || list == nullptr || !list->is_array()) return;
  for (const Json& item : *list) {
    if (item.is_object()) items_.emplace(TextOfKeys(keys_, item), &item);
  }
}

const Json* KeyedItems::Find(const Json& item) const {
  if (items_.empty() || !item.is_object()) return nullptr;
  const auto found = items_.find(TextOfKeys(keys_, item));
  return found == items_.end() ? nullptr : found->second;
}

}  // namespace skiff::crd
