#include "api/crd/unchanged.h"

#include <algorithm>
#include <functional>

#include "api/codec/go_equal.h"

namespace skiff::crd {

Unchanged::Unchanged(const Schema& schema, const Json& now, const Json& old) {
  KeyedLists lists;
  if (Look(schema, now, old, lists)) same_ = {&now};
  std::sort(same_.begin(), same_.end(), std::less<const Json*>());
}

bool Unchanged::Holds(const Json& value, const Json* old) const {
  if (old == nullptr) return false;
  if (!value.is_structured()) return EqualInGo(value, *old);
  return std::binary_search(same_.begin(), same_.end(), &value, std::less<const Json*>());
}

// What was noted below a value that is what it was goes: the value itself is told instead.
bool Unchanged::Look(const Schema& schema, const Json& now, const Json& old, KeyedLists& lists) {
  if (now.is_array() != old.is_array() || now.is_object() != old.is_object()) return false;
  if (!now.is_structured()) return EqualInGo(now, old);
  const size_t before = same_.size();
  const bool same =
      now.is_array() ? LookAtList(schema, now, old, lists) : LookAtObject(schema, now, old, lists);
  if (same) same_.resize(before);
  return same;
}

bool Unchanged::Note(bool same, const Json& below) {
  if (same && below.is_structured()) same_.push_back(&below);
  return same;
}

bool Unchanged::LookAtList(const Schema& schema, const Json& now, const Json& old,
                           KeyedLists& lists) {
  if (schema.list_type != ListType::kMap) return EqualInGo(now, old);
  bool all = now.size() == old.size();
  const KeyedItems& before = lists.Of(schema.list_type, schema.list_keys, &old);
  for (const Json& item : now) {
    const Json* was = schema.items == nullptr ? nullptr : before.Find(item);
    all &= was != nullptr && Note(Look(*schema.items, item, *was, lists), item);
  }
  return all;
}

bool Unchanged::LookAtObject(const Schema& schema, const Json& now, const Json& old,
                             KeyedLists& lists) {
  bool all = now.size() == old.size();
  PropertySearch properties(schema);
  for (const auto& [name, value] : now.get_ref<const Json::object_t&>()) {
    const Schema* property = properties.Find(name);
    const Schema* known = property != nullptr ? property : schema.additional.get();
    const auto was = old.find(name);
    all &= known != nullptr && was != old.end() && Note(Look(*known, value, *was, lists), value);
  }
  return all;
}

}  // namespace skiff::crd
