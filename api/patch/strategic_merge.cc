#include "api/patch/strategic_merge.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "api/codec/json.h"
#include "api/patch/element_order.h"
#include "api/patch/field_set.h"
#include "api/text/go_text.h"
#include "api/text/go_value.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFrom = "$deleteFromPrimitiveList/";
constexpr std::string_view kElementOrder = "$setElementOrder/";

tl::unexpected<Error> ServerError(std::string message) {
  Error error{.reason = Reason::kUnknown, .message = std::move(message)};
  error.http_code = 500;
  return Fail(std::move(error));
}

tl::unexpected<Error> BadFormat(const char* what) {
  return Fail(Reason::kBadRequest, std::string("invalid patch format of ") + what);
}

constexpr const char* kGoList = "[]interface {}";
constexpr const char* kGoMap = "map[string]interface {}";

tl::unexpected<Error> BadArgument(const char* wanted, const Json& value) {
  return ServerError(std::string("expected a ") + wanted + ", but received a " +
                     (value.is_null() ? "%!s(<nil>)" : GoTypeOf(value)));
}

tl::unexpected<Error> NoMergeKey(const Json& item, std::string_view key) {
  return ServerError("map: " + GoShown(item) +
                     " does not contain declared merge key: " + std::string(key));
}

tl::unexpected<Error> UnknownDirective(const Json& directive, const Json& map) {
  // Go expects a text there, and says of anything else what it is.
  std::string shown = GoShown(directive);
  if (directive.is_null()) shown = "%!s(<nil>)";
  if (directive.is_primitive() && !directive.is_string() && !directive.is_null()) {
    shown = std::string("%!s(") + GoTypeOf(directive) + "=" + shown + ")";
  }
  return ServerError("unknown patch type: " + shown + " in map: " + GoShown(map));
}

// Where the patch is new: nulls mean nothing there, and objects with "$patch" go. Other directives
// are fields that nobody knows. False: `value` itself is to go.
bool Clean(Json& value) {
  if (value.is_object()) {
    if (value.contains(std::string(kDirective))) return false;
    auto& members = value.get_ref<Json::object_t&>();
    for (auto member = members.begin(); member != members.end();) {
      const bool keep = !member->second.is_null() && Clean(member->second);
      member = keep ? std::next(member) : members.erase(member);
    }
  } else if (value.is_array()) {
    auto& items = value.get_ref<Json::array_t&>();
    std::erase_if(items, [](Json& item) { return !Clean(item); });
  }
  return true;
}

// Items of the document's lists that one patch may look at. A list is looked at once, or twice
// where it is put in order, unless the patch names the item that it stands in again: no document
// has a million items.
constexpr size_t kItemsMax = 2 << 20;

// Lists are copied while they are merged, and what is long in them is text: so much counts as an
// item.
constexpr size_t kTextBytesPerItem = 512;

size_t TextBytesIn(const Json& value) {
  if (value.is_string()) return value.get_ref<const std::string&>().size();
  size_t bytes = 0;
  if (value.is_structured()) {
    for (const Json& member : value) bytes += TextBytesIn(member);
  }
  return bytes;
}

Result<> LookAt(const Json& list, size_t& items_left) {
  const size_t items = list.size() + TextBytesIn(list) / kTextBytesPerItem;
  if (items >= items_left) {
    return Fail(Reason::kRequestEntityTooLarge,
                "Request entity too large: the patch merges the same lists too often");
  }
  items_left -= items;
  return {};
}

Result<Json> MergeMap(const Spot& spot, Json original, Json patch, size_t& items_left);

// Values as text: what is equal has one text. Lists may be long, and each item is looked for.
using ValueSet = std::unordered_set<std::string>;

ValueSet ValuesOf(const Json& list) {
  ValueSet values;
  for (const Json& item : list) values.insert(DumpJson(item));
  return values;
}

// Where each item of a list of maps stands, by the text of its key; the first one counts.
class ItemsByKey {
 public:
  ItemsByKey(const Json& list, const std::string& key) : key_(key) {
    for (const Json& item : list) Append(item);
  }
  // `item` is the next one of the list.
  void Append(const Json& item) {
    if (const auto value = item.find(key_); value != item.end()) {
      places_.emplace(DumpJson(*value), size_);
    }
    ++size_;
  }
  std::optional<size_t> Find(const Json& value) const {
    const auto found = places_.find(DumpJson(value));
    return found == places_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  const std::string& key_;
  size_t size_ = 0;
  std::unordered_map<std::string, size_t> places_;
};

// Takes out of `patch` the items that are only directives, and out of `original` what they delete.
// True: the list is to be replaced by what is left of the patch.
Result<bool> TakeDirectives(Json& original, Json& patch, const std::string& key) {
  bool replace = false;
  Json plain = Json::array();
  ValueSet deleted;
  for (const Json& item : patch) {
    const auto directive = item.find(std::string(kDirective));
    if (directive == item.end()) {
      plain.push_back(item);
    } else if (*directive == "delete") {
      const auto value = item.find(key);
      if (value == item.end()) {
        return NoMergeKey(item, key);
      }
      deleted.insert(DumpJson(*value));
    } else if (*directive == "replace") {
      replace = true;
    } else if (*directive == "merge") {
      return ServerError("merging lists cannot yet be specified in the patch");
    } else {
      return UnknownDirective(*directive, item);
    }
  }
  patch = std::move(plain);
  if (deleted.empty()) return replace;
  std::erase_if(original.get_ref<Json::array_t&>(), [&](const Json& old) {
    return old.is_object() && old.contains(key) && deleted.contains(DumpJson(old[key]));
  });
  return replace;
}

Result<Json> MergeMapItems(const Spot& list, Json original, Json patch, size_t& items_left) {
  const std::string key(list.field->merge_key);
  const bool replace = TRY(TakeDirectives(original, patch, key));
  if (replace) {
    for (const Json& item : patch) {
      if (!item.contains(key)) return NoMergeKey(item, key);
    }
    return patch;
  }
  const Json order = original;
  Json merged = std::move(original);
  ItemsByKey places(merged, key);
  for (const Json& item : patch) {
    const auto value = item.find(key);
    if (value == item.end()) return NoMergeKey(item, key);
    if (const auto place = places.Find(*value)) {
      Json& old = merged[*place];
      old = TRY(MergeMap(list.Item(), std::move(old), item, items_left));
    } else {
      // As it is: what it says to delete, in a list of its own, is not deleted.
      places.Append(item);
      merged.push_back(item);
    }
  }
  return OrderLike(merged, patch, order, key);
}

Json MergeScalars(Json original, const Json& patch) {
  const Json order = original;
  for (const Json& value : patch) original.push_back(value);
  Json unique = Json::array();
  ValueSet seen;
  for (const Json& value : original) {
    if (seen.insert(DumpJson(value)).second) unique.push_back(value);
  }
  return OrderLike(unique, patch, order, "");
}

// The kind of Go's type that the items of a list have, as far as they may be merged at all.
std::string_view GoKindOfItems(const Type* list) {
  if (list == nullptr || list->element == nullptr) return "struct";
  const Shape shape = list->element->shape;
  return shape == Shape::kString ? "string" : shape == Shape::kMap ? "map" : "struct";
}

// Whether Go's decoder makes values of one type of the items of both lists, as it has to.
Result<> CheckItems(const Json& original, const Json& patch) {
  const Json& first = original.empty() ? patch[0] : original[0];
  if (first.is_array()) {
    Error error{.reason = Reason::kInvalid,
                .message = "the server rejected our request due to an error in our request"};
    error.details = ErrorDetails{};
    return Fail(std::move(error));
  }
  const std::string_view type = GoTypeOf(first);
  for (const Json* list : {&original, &patch}) {
    for (const Json& item : *list) {
      if (GoTypeOf(item) == type && item.is_null() == first.is_null()) continue;
      return ServerError("list element types are not identical: " +
                         GoShown(Json::array({original, patch})));
    }
  }
  return {};
}

Json Without(const Json& list, const Json& gone) {
  const ValueSet values = ValuesOf(gone);
  Json kept = Json::array();
  for (const Json& item : list) {
    if (!values.contains(DumpJson(item))) kept.push_back(item);
  }
  return kept;
}

// `deletes`: the patch is a $deleteFromPrimitiveList, which merges a list of maps like any other.
Result<Json> MergeList(const Spot& spot, Json original, Json patch, size_t& items_left,
                       bool deletes = false) {
  if (!deletes && (spot.field == nullptr || !spot.field->patch_merge)) return patch;
  TRY(LookAt(original, items_left));
  if (original.empty() && patch.empty()) return original;
  TRY(CheckItems(original, patch));
  const Json& first = original.empty() ? patch[0] : original[0];
  if (!first.is_object()) {
    return deletes ? Without(original, patch) : MergeScalars(std::move(original), patch);
  }
  if (spot.field == nullptr || spot.field->merge_key.empty()) {
    return ServerError("cannot merge lists without merge key for " +
                       std::string(GoKindOfItems(spot.type)));
  }
  return MergeMapItems(spot, std::move(original), std::move(patch), items_left);
}

Result<Json> MergeValue(const Spot& spot, Json original, Json patch, size_t& items_left) {
  if (original.is_object() && patch.is_object()) {
    if (spot.field != nullptr && spot.field->patch_replace) return patch;
    return MergeMap(spot, std::move(original), std::move(patch), items_left);
  }
  if (original.is_array() && patch.is_array()) {
    return MergeList(spot, std::move(original), std::move(patch), items_left);
  }
  return patch;
}

Result<> RetainKeys(Json& original, Json& patch) {
  const auto list = patch.find(std::string(kRetainKeys));
  if (list == patch.end()) return {};
  const Json keys = *list;
  patch.erase(std::string(kRetainKeys));
  if (!keys.is_array()) return BadFormat("retainKeys");
  ValueSet names;
  for (const Json& key : keys) {
    if (key.is_string()) names.insert(key.get_ref<const std::string&>());
  }
  const auto kept = [&](const std::string& name) { return names.contains(name); };
  for (const auto& [name, value] : patch.items()) {
    const bool directive =
        name == kDirective || name.starts_with(kDeleteFrom) || name.starts_with(kElementOrder);
    // What is to go is in no list of what stays.
    if (!directive && !value.is_null() && !kept(name)) return BadFormat("retainKeys");
  }
  auto& members = original.get_ref<Json::object_t&>();
  std::erase_if(members, [&](const auto& member) { return !kept(member.first); });
  return {};
}

// Fails for the first item that has to be told apart by a key and is no map, or has none, as far as
// both lists are gone through to see whether one follows the other.
Result<> FindsItsKeys(const Json& list, const Json& order, const std::string& key) {
  if (key.empty()) return {};
  for (const Json& item : list) {
    if (!item.is_object()) return BadArgument(kGoMap, item);
  }
  size_t at = 0, place = 0;
  while (at < list.size() && place < order.size()) {
    const Json &item = list[at], &wanted = order[place];
    if (item.contains(std::string(kDirective))) {
      ++at;
      continue;
    }
    if (!wanted.is_object()) return BadArgument(kGoMap, wanted);
    if (!item.contains(key)) return NoMergeKey(item, key);
    if (!wanted.contains(key)) return NoMergeKey(wanted, key);
    if (item[key] == wanted[key]) ++at;
    ++place;
  }
  return {};
}

// Whether there are maps in a list, told apart by a key which each has.
Result<> HaveKey(const Json& list, const std::string& key) {
  for (const Json& item : list) {
    if (!item.is_object()) return BadArgument(kGoMap, item);
    if (!item.contains(key)) return NoMergeKey(item, key);
  }
  return {};
}

// Go looks for each item in `order`, and fails at what is no map there before it has found it.
Result<> FindsPlaces(const Json& list, const Json& order, const std::string& key) {
  const auto odd = std::find_if(order.begin(), order.end(),
                                [](const Json& item) { return !item.is_object(); });
  if (key.empty() || odd == order.end()) return {};
  const auto odd_at = static_cast<size_t>(odd - order.begin());
  const ItemsByKey places(Json::array_t(order.begin(), odd), key);
  for (const Json& item : list) {
    if (!item.is_object()) return BadArgument(kGoMap, item);
    if (!item.contains(key)) return NoMergeKey(item, key);
    if (!places.Find(item[key])) {
      return ServerError("value for key " + std::to_string(odd_at) + " is not a map");
    }
  }
  return {};
}

// Only a list may be put in order; behind a pointer Go does not look.
Result<> IsList(const Spot& spot, const std::string& name, const Spot& member) {
  if (spot.type == nullptr) return {};
  if (spot.type->shape == Shape::kMap) {
    return ServerError(
        "merging an object in json but data type is not struct, instead is: map");
  }
  const Field* const field = member.field;
  const bool is_type_meta = spot.type->type_meta && (name == "kind" || name == "apiVersion");
  if (field == nullptr && !is_type_meta) {
    return ServerError("unable to find api field in struct " + std::string(spot.type->name) +
                       " for the json field " + GoQuote(name));
  }
  if (field != nullptr && (field->pointer || field->type->shape == Shape::kList ||
                           field->type->shape == Shape::kBytes)) {
    return {};
  }
  const bool by_pointer = spot.field != nullptr && spot.field->pointer;
  return ServerError(std::string("expected slice or array type, but got: ") +
                     (by_pointer ? "ptr" : "struct"));
}

// One $setElementOrder: merges its list, if the patch has it, and puts it in order.
Result<> SetElementOrder(const Spot& spot, const std::string& name, const Json& order,
                         Json& original, Json& patch, size_t& items_left) {
  const auto old = original.find(name);
  const auto given = patch.find(name);
  Spot below;
  spot.Member(name, below);
  const std::string key(below.field == nullptr ? "" : below.field->merge_key);
  if (!order.is_array()) return BadArgument(kGoList, order);
  if (old != original.end() && !old->is_array()) return BadArgument(kGoList, *old);
  if (old != original.end()) TRY(LookAt(*old, items_left));
  if (given != patch.end() && !given->is_array()) return BadArgument(kGoList, *given);
  TRY(IsList(spot, name, below));
  const bool both = given != patch.end() && !given->empty() && !order.empty();
  if (both) TRY(FindsItsKeys(*given, order, key));
  if (both && !FollowsOrder(*given, order, key)) {
    return ServerError("The order in patch list:\n" + GoShown(*given) +
                       "\n doesn't match $setElementOrder list:\n" + GoShown(order) + "\n");
  }
  const Json before = old == original.end() ? Json::array() : *old;
  Json merged = before;
  if (given != patch.end()) {
    merged = *given;
    if (old == original.end()) {
      Clean(merged);
    } else {
      merged = TRY(MergeList(below, before, *given, items_left));
    }
    if (!before.empty() || !given->empty()) TRY(CheckItems(before, *given));
    patch.erase(name);
  } else if (old == original.end()) {
    return {};
  }
  TRY(FindsPlaces(merged, order, key));
  const Json& any = before.empty() ? merged : before;
  if (!any.empty() && any.front().is_object()) {
    TRY(HaveKey(merged, key));
    TRY(HaveKey(order, key));
    TRY(HaveKey(before, key));
  }
  original[name] = OrderLike(merged, order, before, key);
  return {};
}

Result<> SetElementOrders(const Spot& spot, Json& original, Json& patch, size_t& items_left) {
  std::vector<std::pair<std::string, Json>> orders;
  for (const auto& [name, value] : patch.items()) {
    if (name.starts_with(kElementOrder)) {
      orders.emplace_back(name.substr(kElementOrder.size()), value);
    }
  }
  for (const auto& [name, order] : orders) {
    patch.erase(std::string(kElementOrder) + name);
    TRY(SetElementOrder(spot, name, order, original, patch, items_left));
  }
  return {};
}

// Only lists of plain values lose any; all else that it may be said of is merged as ever, if it is
// there at all.
Result<> DeleteValues(const Spot& spot, const std::string& name, const Json& values, Json& original,
                      size_t& items_left) {
  const auto old = original.find(name);
  if (old == original.end()) return {};
  if (values.is_null()) {
    original.erase(old);
    return {};
  }
  if (old->is_null() || std::string_view(GoTypeOf(*old)) != GoTypeOf(values)) return {};
  Spot below;
  spot.Member(name, below);
  auto merged = old->is_array() ? MergeList(below, std::move(*old), values, items_left, true)
                                : MergeValue(below, std::move(*old), values, items_left);
  *old = TRY(std::move(merged));
  return {};
}

Result<Json> MergeMap(const Spot& spot, Json original, Json patch, size_t& items_left) {
  if (const auto directive = patch.find(std::string(kDirective)); directive != patch.end()) {
    if (*directive == "replace") {
      patch.erase(std::string(kDirective));
      return patch;
    }
    if (*directive == "delete") return Json::object();
    return UnknownDirective(*directive, patch);
  }
  TRY(RetainKeys(original, patch));
  TRY(SetElementOrders(spot, original, patch, items_left));
  for (const auto& [name, value] : patch.items()) {
    if (name.starts_with(kDeleteFrom)) {
      TRY(DeleteValues(spot, name.substr(kDeleteFrom.size()), value, original, items_left));
    }
  }
  for (auto& [name, value] : patch.get_ref<Json::object_t&>()) {
    if (name.starts_with(kDeleteFrom)) continue;
    const auto old = original.find(name);
    if (value.is_null()) {
      if (old != original.end()) original.erase(old);
    } else if (old == original.end() || old->is_null() ||
               std::string_view(GoTypeOf(*old)) != GoTypeOf(value)) {
      const bool stays = Clean(value);
      if (!stays) original.erase(name);
      if (stays) original[name] = std::move(value);
    } else {
      Spot below;
      spot.Member(name, below);
      *old = TRY(MergeValue(below, std::move(*old), std::move(value), items_left));
    }
  }
  return original;
}

}  // namespace

Result<MergePatch> ParseStrategicPatch(std::string_view text) {
  auto patch = ParseMergePatch(text);
  if (patch) return patch;
  if (WithoutBlanks(text, " \t\n\r") == "null")
    return MergePatch{.patch = Json::object(), .strict_errors = {}};
  constexpr std::string_view kPrefix = "error decoding patch: ";
  std::string message = patch.error().message;
  if (message.starts_with(kPrefix)) message.erase(0, kPrefix.size());
  return Fail(Reason::kBadRequest, std::move(message));
}

Result<Json> ApplyStrategicPatch(const Type& type, Json document, const Json& patch) {
  size_t items_left = kItemsMax;
  return MergeMap({&type, nullptr}, std::move(document), patch, items_left);
}

}  // namespace skiff
