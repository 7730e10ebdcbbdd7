#include "cli/three_way.h"

#include <algorithm>
#include <set>

#include "api/patch/strategic_merge.h"
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
  void KeyedWithTwins(Json& patch) const;
  void Values(Json& patch) const;
};

// Whether several items have the same merge key, as a port of UDP and of TCP has: no item of a
// patch says which of them it is.
bool HasTwins(const Json& list, std::string_view key) {
  if (!list.is_array()) return false;
  std::set<std::string> seen;
  for (const Json& item : list) {
    const Json& value = At(item, key);  // A name, or a port's number.
    const std::string text = value.is_string() ? TextOf(value) : std::to_string(IntOf(value));
    if (!seen.insert(text).second) return true;
  }
  return false;
}

Json ValueOrDefault(const Type* type, const Json& item, std::string_view name) {
  const Json& value = At(item, name);
  const Field* field = type ? type->Find(name) : nullptr;
  if (!value.is_null() || !field || field->default_json.empty()) return value;
  return Json::parse(field->default_json, nullptr, /*allow_exceptions=*/false);
}

// Of each item of `wanted` the one of `list` that it is, each but once: that of the same keys, and
// where there is none the next of the same merge key, unless that is not enough; else nullptr.
std::vector<const Json*> Paired(const Field& field, const Json& wanted, const Json& list,
                                bool by_all_keys = false) {
  std::vector<const Json*> pairs(wanted.size(), nullptr);
  if (!list.is_array()) return pairs;
  std::vector<bool> is_taken(list.size(), false);
  const Type* type = field.type->element;
  const auto is_it = [&](const Json& a, const Json& b, bool all) {
    return At(a, field.merge_key) == At(b, field.merge_key) &&
           (!all ||
            std::all_of(field.list_keys.begin(), field.list_keys.end(), [&](std::string_view key) {
              return ValueOrDefault(type, a, key) == ValueOrDefault(type, b, key);
            }));
  };
  for (const bool all : {true, false}) {
    if (!all && by_all_keys) break;
    for (size_t i = 0; i < pairs.size(); ++i) {
      for (size_t j = 0; j < list.size() && !pairs[i]; ++j) {
        if (is_taken[j] || !is_it(wanted[i], list[j], all)) continue;
        is_taken[j] = true;
        pairs[i] = &list[j];
      }
    }
  }
  return pairs;
}

bool HasItem(const std::vector<const Json*>& items, const Json& item) {
  return std::find(items.begin(), items.end(), &item) != items.end();
}

// The list as it is to be, whole: what the file says on top of what there is, and what others have
// added.
void ListPatch::KeyedWithTwins(Json& patch) const {
  const Json none = Json::array();
  const auto now = Paired(field, modified, current);
  const auto then = Paired(field, modified, original);
  const auto of_file =
      Paired(field, original.is_array() ? original : none, current, /*by_all_keys=*/true);
  const Type* type = field.type->element;
  bool differs = !std::is_sorted(now.begin(), now.end());
  Json items = Json::array();
  items.push_back(Json{{"$patch", "replace"}});
  for (size_t i = 0; i < now.size(); ++i) {
    const Json change = now[i] ? PatchOf(type, field.patch_retain_keys,
                                         then[i] ? *then[i] : Json::object(), modified[i], *now[i])
                               : modified[i];
    differs |= !now[i] || !change.empty();
    auto merged = ApplyStrategicPatch(*type, now[i] ? *now[i] : Json::object(), change);
    items.push_back(merged ? std::move(*merged) : modified[i]);
  }
  for (const Json& item : current) {
    if (HasItem(now, item)) continue;
    if (HasItem(of_file, item)) {
      differs = true;
    } else {
      items.push_back(item);
    }
  }
  if (differs) patch[name] = std::move(items);
}

void ListPatch::Keyed(Json& patch) const {
  const std::string key(field.merge_key);
  if (HasTwins(modified, key) || HasTwins(current, key) || HasTwins(original, key)) {
    return KeyedWithTwins(patch);
  }
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
  // Where several have the same merge key the patch has them whole.
  const auto all_before = Paired(field, changes, original);
  const auto all_now = Paired(field, changes, current);
  for (size_t i = 0; i < changes.size(); ++i) {
    const Json& before = all_before[i] ? *all_before[i] : none;
    const Json& now = all_now[i] ? *all_now[i] : none;
    if (before == now) continue;
    if (now.is_null() || !At(changes[i], "$patch").is_null()) return true;
    if (Overwrites(field.type->element, changes[i], before, now)) return true;
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
