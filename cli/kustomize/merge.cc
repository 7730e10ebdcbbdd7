#include "cli/kustomize/merge.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "api/codec/json.h"
#include "cli/errors.h"
#include "cli/json_text.h"
#include "cli/kustomize/fields.h"

namespace skiff::cli::kustomize {
namespace {

constexpr char kDirective[] = "$patch";
using MaybeJson = std::optional<Json>;
using Row = std::vector<std::string>;  // What an item has for each of the keys.

enum class Directive : uint8_t { kMerge, kReplace, kDelete };

Result<Directive> DirectiveOf(const Json& value) {
  const std::string word = PlainText(value);
  if (word == "merge") return Directive::kMerge;
  if (word == "replace") return Directive::kReplace;
  if (word == "delete") return Directive::kDelete;
  return CliError("unknown patch strategy '" + word + "'");
}

// Takes the directive out of a map, or the item that is one out of a list.
Result<Directive> TakeDirective(Json& patch) {
  if (patch.is_object()) {
    const auto found = patch.find(kDirective);
    if (found == patch.end()) return Directive::kMerge;
    const Directive directive = TRY(DirectiveOf(*found));
    patch.erase(found);
    return directive;
  }
  for (size_t at = 0; at < patch.size(); ++at) {
    if (!patch[at].is_object() || !patch[at].contains(kDirective)) continue;
    if (patch[at].size() > 1) return Directive::kMerge;
    const Directive directive = TRY(DirectiveOf(patch[at][kDirective]));
    patch.erase(at);
    return directive;
  }
  return Directive::kMerge;
}

// Items are found by some of the keys.
struct Wanted {
  std::vector<std::string> keys;
  Row values;
  bool Means(const Json& item) const {
    if (!item.is_object()) return false;
    for (size_t i = 0; i < keys.size(); ++i) {
      const auto found = item.find(keys[i]);
      if (found == item.end() || PlainText(*found) != values[i]) return false;
    }
    return true;
  }
};

Row RowOf(const Json& item, const std::vector<std::string>& keys) {
  Row row;
  for (const std::string& key : keys) {
    const Json& value = At(item, key);
    row.push_back(value.is_null() ? "" : PlainText(value));
  }
  return row;
}

// Rows of which one says what the other leaves open are one.
bool Unify(const Row& a, const Row& b, Row& both) {
  bool common = false;
  both.clear();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) {
      common = true;
    } else if (!a[i].empty() && !b[i].empty()) {
      return false;
    }
    both.push_back(a[i].empty() ? b[i] : a[i]);
  }
  return common;
}

// The rows of the patch, then those that only the list has.
std::vector<Row> RowsOf(const Json& patch, const Json& list, const std::vector<std::string>& keys) {
  std::vector<Row> rows;
  std::set<Row> seen;
  for (const Json* items : {&patch, &list}) {
    for (const Json& item : *items) {
      Row row = RowOf(item, keys);
      if (seen.insert(row).second) rows.push_back(std::move(row));
    }
  }
  if (keys.size() < 2) return rows;
  for (Row& a : rows) {
    for (Row& b : rows) {
      Row both;
      if (Unify(a, b, both)) {
        a = both;
        b = std::move(both);
      }
    }
  }
  return rows;
}

// The row less the keys that no row of `among` has.
Wanted ByKeys(const Row& row, const std::vector<std::string>& keys, const std::vector<Row>& among) {
  Wanted wanted;
  for (size_t i = 0; i < keys.size(); ++i) {
    const bool used = std::any_of(among.begin(), among.end(),
                                  [&](const Row& each) { return !each[i].empty(); });
    if (!used) continue;
    wanted.keys.push_back(keys[i]);
    wanted.values.push_back(row[i]);
  }
  return wanted;
}

Json* FindItem(Json& list, const Wanted& wanted) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const Json& item) { return wanted.Means(item); });
  return found == list.end() ? nullptr : &*found;
}

void RemoveItems(Json& list, const Wanted& wanted) {
  auto& items = list.get_ref<Json::array_t&>();
  std::erase_if(items, [&](const Json& item) { return wanted.Means(item); });
}

// In the place of those that it stands for, or at the end.
void PutItem(Json& list, const Json& item, const Wanted& wanted) {
  bool found = false;
  for (Json& each : list) {
    if (!wanted.Means(each)) continue;
    each = item;
    found = true;
  }
  if (!found) list.push_back(item);
}

class Merger {
 public:
  // `value`: nullopt where there is none. Of a `patch` that is nullptr there is none.
  Result<MaybeJson> Merge(MaybeJson value, const Json* patch, const MergeSchema& schema) {
    if (patch == nullptr) return value;
    if (patch->is_null()) return MaybeJson();
    const bool is_new = !value || value->is_null();
    const Json& first = is_new ? *patch : *value;
    if (first.is_object()) {
      if (!patch->is_object()) return WrongForm("MappingNode", *patch);
      return MergeMap(std::move(value), *patch, schema);
    }
    if (first.is_array()) {
      if (!patch->is_array()) return WrongForm("SequenceNode", *patch);
      if (!schema.MergesList()) return MaybeJson(*patch);
      return MergeList(std::move(value), *patch, schema);
    }
    if (patch->is_structured()) return WrongForm("ScalarNode", *patch);
    return MaybeJson(*patch);
  }

 private:
  // What is new, or replaces what was there, is merged with itself: nulls and directives go.
  Result<MaybeJson> MergeMap(MaybeJson value, const Json& given, const MergeSchema& schema) {
    Json patch = given;
    const Directive directive = TRY(TakeDirective(patch));
    if (directive == Directive::kDelete) return MaybeJson();
    if (!value || value->is_null() || directive == Directive::kReplace) value = patch;
    for (const auto& [key, change] : patch.items()) {
      MaybeJson before;
      if (const auto found = value->find(key); found != value->end()) before = std::move(*found);
      MaybeJson after = TRY(Merge(std::move(before), &change, schema.Member(key)));
      if (after) {
        (*value)[key] = std::move(*after);
      } else {
        value->erase(key);
      }
    }
    return value;
  }

  Result<MaybeJson> MergeList(MaybeJson value, const Json& given, const MergeSchema& schema) {
    Json patch = given;
    const Directive directive = TRY(TakeDirective(patch));
    const bool is_new = !value || value->is_null();
    if (directive == Directive::kDelete && !is_new) return MaybeJson();
    if (is_new || directive == Directive::kReplace) value = patch;
    if (patch.size() > kMergePairsMax / (value->size() + patch.size() + 1)) {
      return CliError("a list is too long to be merged item by item");
    }
    const std::vector<std::string> keys = schema.Keys();
    if (keys.empty()) return MaybeJson(Union(patch, *value));
    Json merged = TRY(MergeItems(std::move(*value), patch, keys, schema.Item()));
    return MaybeJson(std::move(merged));
  }

  static Json Union(const Json& patch, const Json& list) {
    Json result = Json::array();
    std::set<std::string> seen;
    for (const Json* items : {&patch, &list}) {
      for (const Json& item : *items) {
        if (seen.insert(PlainText(item)).second) result.push_back(item);
      }
    }
    return result;
  }

  Result<Json> MergeItems(Json list, const Json& patch, const std::vector<std::string>& keys,
                          const MergeSchema& schema) {
    const std::vector<Row> rows = RowsOf(patch, list, keys);
    Json result = Json::array();
    std::vector<std::string> used = keys;
    for (const Row& row : rows) {
      const Wanted wanted = ByKeys(row, keys, rows);
      const Wanted own = ByKeys(row, keys, {row});
      used = wanted.keys;
      if (own.keys.empty()) continue;  // It has none of them: it can be neither found nor merged.
      Json* before = FindItem(list, own);
      const auto change = std::find_if(patch.begin(), patch.end(),
                                       [&](const Json& item) { return own.Means(item); });
      MaybeJson item;
      if (before != nullptr) item = *before;
      if (change != patch.end()) {
        item = TRY(Merge(std::move(item), &*change, schema));
      }
      if (!item || item->is_null() || item->empty()) {
        RemoveItems(list, wanted);
        continue;
      }
      for (size_t i = 0; i < wanted.keys.size(); ++i) {
        if (!item->contains(wanted.keys[i]) && !wanted.values[i].empty()) {
          (*item)[wanted.keys[i]] = wanted.values[i];
        }
      }
      // An item that is replaced is so in the patch alone, and kustomize keeps the one it had.
      if (before != nullptr && !Replaces(change, patch)) *before = *item;
      PutItem(result, *item, wanted);
    }
    for (const Json& item : list) AddRest(result, item, used);
    return result;
  }

  static bool Replaces(Json::const_iterator change, const Json& patch) {
    return change != patch.end() && TextAt(*change, kDirective) == "replace";
  }

  // With several keys, those that were there stand behind those that are new; with one, all have
  // their place already.
  static void AddRest(Json& result, const Json& item, const std::vector<std::string>& keys) {
    Wanted wanted;
    for (const std::string& key : keys) {
      const Json& value = At(item, key);
      if (value.is_null()) break;
      wanted.keys.push_back(key);
      wanted.values.push_back(PlainText(value));
    }
    if (wanted.keys.empty()) {
      result.push_back(item);
    } else if (keys.size() > 1) {
      RemoveItems(result, wanted);
      result.push_back(item);
    } else {
      PutItem(result, item, wanted);
    }
  }
};

// References of OpenAPI documents lead on no further.
constexpr int kReferencesMax = 20;

}  // namespace

MergeSchema MergeSchema::Of(const Json& object, const Json* definitions) {
  const Gvk gvk = GvkOf(object);
  MergeSchema schema;
  if (definitions != nullptr) {
    schema.definitions_ = definitions;
    for (const Json& each : *definitions) {
      const Json& kinds = At(each, "x-kubernetes-group-version-kind");
      if (!kinds.is_array()) continue;
      for (const Json& kind : kinds) {
        if (TextAt(kind, "group") == gvk.group && TextAt(kind, "version") == gvk.version &&
            TextAt(kind, "kind") == gvk.kind) {
          schema.open_ = &each;
        }
      }
    }
    return schema;
  }
  static const auto* const types = [] {
    auto* known = new std::unordered_map<std::string, const Type*>;
    for (const KindInfo* kind : BuiltInKinds()) {
      known->emplace(std::string(kind->api_version) + "|" + std::string(kind->kind), kind->type);
    }
    return known;
  }();
  const auto found = types->find(gvk.ApiVersion() + "|" + gvk.kind);
  if (found != types->end()) schema.type_ = found->second;
  return schema;
}

MergeSchema MergeSchema::Resolved(const Json* open) const {
  MergeSchema schema;
  schema.definitions_ = definitions_;
  for (int i = 0; open != nullptr && open->contains("$ref"); ++i) {
    const std::string reference = TextAt(*open, "$ref");
    const size_t slash = reference.rfind('/');
    const auto found = slash == std::string::npos || i == kReferencesMax
                           ? definitions_->end()
                           : definitions_->find(reference.substr(slash + 1));
    open = found == definitions_->end() ? nullptr : &*found;
  }
  schema.open_ = open;
  return schema;
}

MergeSchema MergeSchema::Member(const std::string& name) const {
  if (open_ != nullptr) {
    const Json& property = At(*open_, "properties", name);
    if (!property.is_null()) return Resolved(&property);
    const Json& others = At(*open_, "additionalProperties");
    return Resolved(others.is_object() ? &others : nullptr);
  }
  MergeSchema schema;
  if (type_ == nullptr) return schema;
  if (type_->shape == Shape::kMap) {
    schema.type_ = type_->element;
  } else if (type_->shape == Shape::kStruct) {
    schema.field_ = type_->Find(name);
    if (schema.field_ != nullptr) schema.type_ = schema.field_->type;
  }
  return schema;
}

MergeSchema MergeSchema::Item() const {
  if (open_ != nullptr) {
    const Json& items = At(*open_, "items");
    return Resolved(items.is_object() ? &items : nullptr);
  }
  MergeSchema schema;
  if (type_ != nullptr && type_->shape == Shape::kList) schema.type_ = type_->element;
  return schema;
}

bool MergeSchema::MergesList() const {
  if (open_ != nullptr) return TextAt(*open_, "x-kubernetes-patch-strategy") == "merge";
  return field_ != nullptr && field_->patch_merge;
}

std::vector<std::string> MergeSchema::Keys() const {
  if (open_ != nullptr) {
    std::vector<std::string> keys = TextsAt(*open_, "x-kubernetes-list-map-keys");
    const std::string key = TextAt(*open_, "x-kubernetes-patch-merge-key");
    if (keys.empty() && !key.empty()) keys = {key};
    return keys;
  }
  if (field_ == nullptr) return {};
  if (field_->list_type == ListType::kMap && !field_->list_keys.empty()) {
    return {field_->list_keys.begin(), field_->list_keys.end()};
  }
  if (field_->merge_key.empty()) return {};
  return {std::string(field_->merge_key)};
}

namespace {

// Null: it is not there, or in a list that is not merged item by item.
Json* MergedAt(Json& object, const Json::json_pointer& place, MergeSchema& schema) {
  if (place.empty()) return &object;
  Json* const parent = MergedAt(object, place.parent_pointer(), schema);
  Json::json_pointer last;
  last /= place.back();
  if (parent == nullptr || !parent->is_structured() || !parent->contains(last)) return nullptr;
  if (parent->is_array() && (!schema.MergesList() || schema.Keys().empty())) return nullptr;
  schema = parent->is_array() ? schema.Item() : schema.Member(place.back());
  return &(*parent)[last];
}

}  // namespace

void DropBlanks(Json& object, const std::vector<std::string>& blanks, const MergeSchema& schema) {
  for (const std::string& blank : blanks) {
    const Json::json_pointer place(blank);
    MergeSchema below = schema;
    const Json* const value = MergedAt(object, place, below);
    if (value == nullptr || !value->is_null()) continue;
    Json& parent = object[place.parent_pointer()];
    if (parent.is_object()) parent.erase(place.back());
  }
}

Result<MaybeJson> MergePatchInto(Json object, const Json& patch, const MergeSchema& schema) {
  return Merger().Merge(std::move(object), &patch, schema);
}

}  // namespace skiff::cli::kustomize
