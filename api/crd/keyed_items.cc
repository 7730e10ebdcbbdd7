#include "api/crd/keyed_items.h"

#include <optional>

#include "api/codec/go_equal.h"
#include "api/codec/json.h"

namespace skiff::crd {
namespace {

// nullopt: it has not all of them, or one that is no scalar.
std::optional<std::string> TextOfKeys(const std::vector<std::string>& keys, const Json& item) {
  if (!item.is_object() || keys.empty()) return std::nullopt;
  std::string text;
  for (const std::string& key : keys) {
    const auto found = item.find(key);
    if (found == item.end() || found->is_structured() || found->is_null()) return std::nullopt;
    if (found->is_number() && !IsGoInt(*found)) text += "float64 ";  // 1.0 is not 1.
    AppendJson(*found, text);
    text += ',';
  }
  return text;
}

}  // namespace

KeyedItems::KeyedItems(ListType type, const std::vector<std::string>& keys, const Json* list)
    : keys_(keys) {
  if (type != ListType::kMap || list == nullptr || !list->is_array()) return;
  for (const Json& item : *list) {
    if (auto text = TextOfKeys(keys_, item)) items_.emplace(*std::move(text), &item);
  }
}

const Json* KeyedItems::Find(const Json& item) const {
  if (items_.empty()) return nullptr;
  const auto text = TextOfKeys(keys_, item);
  const auto found = text ? items_.find(*text) : items_.end();
  return found == items_.end() ? nullptr : found->second;
}

const KeyedItems& KeyedLists::Of(ListType type, const std::vector<std::string>& keys,
                                 const Json* list) {
  static const std::vector<std::string> no_keys;
  static const KeyedItems nothing(ListType::kMap, no_keys, nullptr);
  if (type != ListType::kMap || list == nullptr || !list->is_array()) return nothing;
  return known_.try_emplace({list, &keys}, type, keys, list).first->second;
}

}  // namespace skiff::crd
