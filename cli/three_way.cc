#include "cli/three_way.h"

#include <algorithm>

#include "cli/json_text.h"
#include "cli/writing.h"

namespace skiff::cli {
namespace {

// The item of a keyed list; null when there is none.
const Json* FindItem(const Json& list, std::string_view key, const Json& value) {
  if (!list.is_array()) return nullptr;
  for (const Json& item : list) {
    if (At(item, key) == value) return &item;
  }
  return nullptr;
}

bool Holds(const Json& list, const Json& value) {
  return list.is_array() && std::find(list.begin(), list.end(), value) != list.end();
}

// Whether the items of `modified` stand in `current` in another order.
template <typename Find>
bool OrderDiffers(const Json& modified, const Json& current, Find same) {
  size_t at = 0;
  for (const Json& wanted : modified) {
    while (at < current.size() && !same(current[at], wanted)) ++at;
    if (at == current.size()) return true;
    ++at;
  }
  return false;
}

// ThreeWayPatch; with `retain_keys` of a map of which the server is to keep no key but those of
// `modified`.
Json PatchOf(const Type* type, bool retain_keys, const Json& original, const Json& modified,
             const Json& current);

// Whether `from` has a key that `keys` lacks, and not for null.
bool HasMoreKeys(const Json& from, const Json& keys) {
  if (!from.is_object()) return false;
  for (const auto& [key, value] : from.items()) {
    if (!value.is_null() && !keys.contains(key)) return true;
  }
  return false;
}

Json KeysWithValues(const Json& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map.items()) {
    if (!value.is_null()) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// One list that is merged item by item; puts its directives into `patch`.
struct ListPatch {
  const Field& field;
  std::string name;
  const Json& original;
  const Json& modified;
  const Json& current;

  void Keyed(Json& patch) const;
  void Values(Json& patch) const;
};

void ListPatch::Keyed(Json& patch) const {
  const std::string key(field.merge_key);
  Json changes = Json::array();
  for (const Json& item : modified) {
    const Json& value = At(item, key);
    const Json* present = FindItem(current, key, value);
    if (!present) {
      changes.push_back(item);
      continue;
    }
    const Json* before = FindItem(original, key, value);
    Json change = PatchOf(field.type->element, field.patch_retain_keys,
                          before ? *before : Json::object(), item, *present);
    if (change.empty()) continue;
    change[key] = value;
    changes.push_back(std::move(change));
  }
  if (original.is_array()) {
    for (const Json& item : original) {
      const Json& value = At(item, key);
      if (FindItem(modified, key, value) || !FindItem(current, key, value)) continue;
      changes.push_back({{"$patch", "delete"}, {key, value}});
    }
  }
  const bool moved = OrderDiffers(
      modified, current, [&](const Json& a, const Json& b) { return At(a, key) == At(b, key); });
  if (changes.empty() && !moved) return;
  Json order = Json::array();
  for (const Json& item : modified) order.push_back({{key, At(item, key)}});
  if (!order.empty()) patch["$setElementOrder/" + name] = std::move(order);
  if (!changes.empty()) patch[name] = std::move(changes);
}

void ListPatch::Values(Json& patch) const {
  Json added = Json::array();
  Json removed = Json::array();
  for (const Json& value : modified) {
    if (!Holds(current, value)) added.push_back(value);
  }
  if (original.is_array()) {
    for (const Json& value : original) {
      if (!Holds(modified, value) && Holds(current, value)) removed.push_back(value);
    }
  }
  const bool moved = OrderDiffers(modified, current, std::equal_to<Json>());
  if (added.empty() && removed.empty() && !moved) return;
  if (!modified.empty()) patch["$setElementOrder/" + name] = modified;
  if (!added.empty()) patch[name] = std::move(added);
  if (!removed.empty()) patch["$deleteFromPrimitiveList/" + name] = std::move(removed);
}

const Type* TypeOfMember(const Type* type, const Field* field) {
  if (field) return field->type;
  if (type && type->shape == Shape::kMap) return type->element;
  return nullptr;
}

void PatchMember(const Type* type, const std::string& name, const Json& original,
                 const Json& wanted, const Json& present, Json& patch) {
  const Field* field = type && type->shape == Shape::kStruct ? type->Find(name) : nullptr;
  if (wanted.is_object() && present.is_object() && !(field && field->patch_replace)) {
    Json inner = PatchOf(TypeOfMember(type, field), field && field->patch_retain_keys, original,
                         wanted, present);
    if (!inner.empty()) patch[name] = std::move(inner);
  } else if (wanted.is_array() && present.is_array() && field && field->patch_merge) {
    const ListPatch list{*field, name, original, wanted, present};
    if (field->merge_key.empty()) {
      list.Values(patch);
    } else {
      list.Keyed(patch);
    }
  } else if (wanted != present) {
    patch[name] = wanted;
  }
}

Json PatchOf(const Type* type, bool retain_keys, const Json& original, const Json& modified,
             const Json& current) {
  Json patch = Json::object();
  if (original.is_object()) {
    for (const auto& [name, value] : original.items()) {
      if (!modified.contains(name) && current.contains(name)) patch[name] = nullptr;
    }
  }
  for (const auto& [name, wanted] : modified.items()) {
    const auto present = current.find(name);
    // A JSON merge patch takes out what the file has begun to call null, and no null after that.
    if (type == nullptr && wanted.is_null()) {
      const bool is_new = !original.is_object() || !original.contains(name) ||
                          !original[name].is_null();
      if (is_new && present != current.end()) patch[name] = nullptr;
      continue;
    }
    if (present == current.end()) {
      if (!wanted.is_null()) patch[name] = wanted;
    } else {
      PatchMember(type, name, At(original, name), wanted, *present, patch);
    }
  }
  const bool has_change =
      !patch.empty() || HasMoreKeys(current, modified) || HasMoreKeys(original, modified);
  if (retain_keys && has_change) {
    Json keys = KeysWithValues(modified);
    if (!keys.empty()) patch["$retainKeys"] = std::move(keys);
  }
  return patch;
}

bool Overwrites(const Type* type, const Json& patch, const Json& original, const Json& current);

// The same of a list of which the patch has some items.
bool OverwritesItems(const Field& field, const Json& changes, const Json& original,
                     const Json& current) {
  const Json none;
  for (const Json& change : changes) {
    const Json& value = At(change, field.merge_key);
    const Json* found_before = FindItem(original, field.merge_key, value);
    const Json* found_now = FindItem(current, field.merge_key, value);
    const Json& before = found_before ? *found_before : none;
    const Json& now = found_now ? *found_now : none;
    if (before == now) continue;
    if (!found_now || !At(change, "$patch").is_null()) return true;
    if (Overwrites(field.type->element, change, before, now)) return true;
  }
  return false;
}

bool Overwrites(const Type* type, const Json& patch, const Json& original, const Json& current) {
  for (const auto& [name, value] : patch.items()) {
    // The annotation is part of no form that was applied.
    if (name.starts_with('$') || name == kLastApplied) continue;
    const Json& before = At(original, name);
    const Json& now = At(current, name);
    if (before == now || value == now) continue;
    const Field* field = type && type->shape == Shape::kStruct ? type->Find(name) : nullptr;
    const bool is_list = value.is_array() && now.is_array() && field && field->patch_merge;
    if (value.is_object() && now.is_object()) {
      if (field && field->patch_replace) continue;
      if (Overwrites(TypeOfMember(type, field), value, before, now)) return true;
    } else if (!is_list) {
      return true;
    } else if (!field->merge_key.empty() && OverwritesItems(*field, value, before, now)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool OverwritesChanges(const Type& type, const Json& patch, const Json& original,
                       const Json& current) {
  return Overwrites(&type, patch, original, current);
}

Json ThreeWayPatch(const Type* type, const Json& original, const Json& modified,
                   const Json& current) {
  return PatchOf(type, false, original, modified, current);
}

}  // namespace skiff::cli
