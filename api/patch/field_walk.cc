// Walks over documents by their table that yield sets of fields: the half of field_set.h that knows
// how apply sees structures, maps and lists.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "api/codec/typed.h"
#include "api/patch/field_set.h"
#include "api/patch/field_walk.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

bool IsBlank(const Json* value) {
  return value == nullptr || value->is_null() ||
         ((value->is_object() || value->is_array()) && value->empty());
}

// Values of one spot are the same to apply when they are equal, whole numbers and fractions alike.
bool Same(const Json& a, const Json& b) {
  return a == b;
}

std::string ScalarElement(const Json& value) {
  return "v:" + GoJson(value);
}

std::string Quoted(std::span<const std::string_view> names) {
  std::string out = "[";
  for (const std::string_view name : names) {
    if (out.size() > 1) out += " ";
    out += "\"" + std::string(name) + "\"";
  }
  return out + "]";
}

Result<std::string> KeyedElement(const Spot& list, const Json& item, size_t index) {
  const std::string prefix = "element " + std::to_string(index) + ": associative list with keys ";
  if (item.is_null()) {
    return Fail(Reason::kBadRequest, prefix + "may not have a null element");
  }
  if (!item.is_object()) {
    return Fail(Reason::kBadRequest, prefix + "may not have non-map elements");
  }
  Json keys = Json::object();
  for (const std::string_view name : list.field->list_keys) {
    const auto given = item.find(std::string(name));
    if (given != item.end()) {
      keys[std::string(name)] = *given;
      continue;
    }
    const Field* key = list.type->element->Find(name);
    Json value = key == nullptr ? Json() : KeyDefault(*key);
    if (!value.is_null()) keys[std::string(name)] = std::move(value);
  }
  if (keys.empty()) {
    return Fail(Reason::kBadRequest, prefix + "has an element that omits all key fields " +
                                         Quoted(list.field->list_keys) +
                                         " (and doesn't have default values for any key fields)");
  }
  return "k:" + GoJson(keys);
}

// Items of a list by path element. An element that occurs twice holds all its items.
using Index = std::map<std::string, std::vector<const Json*>>;

Index IndexOf(const Spot& spot, const Json* list) {
  Index index;
  if (list == nullptr || !list->is_array()) return index;
  for (size_t i = 0; i < list->size(); ++i) {
    auto element = ItemElement(spot, (*list)[i], i);
    if (element) index[std::move(*element)].push_back(&(*list)[i]);
  }
  return index;
}

class FieldCollector {
 public:
  explicit FieldCollector(FieldSet& out) : out_(out) {}

  void Walk(const Spot& spot, const Json& value, const ElementChain* path) {
    if (spot.type == nullptr ? !value.is_object() : spot.IsAtomic()) return Insert(out_, path);
    if (spot.type != nullptr && spot.type->shape == Shape::kList) return Items(spot, value, path);
    if (!value.is_object()) return;
    size_t next = 0;
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
      Spot below;
      if (!spot.Member(name, next, below)) continue;
      const ElementChain chain{path, 'f', name};
      Walk(below, member, &chain);
      const bool blank_object = member.is_null() || (member.is_object() && member.empty());
      const bool is_key = spot.type == nullptr || spot.type->shape == Shape::kMap;
      if (blank_object || is_key || below.field == nullptr) Insert(out_, &chain);
    }
  }

 private:
  void Items(const Spot& spot, const Json& value, const ElementChain* path) {
    if (!value.is_array()) return;
    for (const auto& [element, items] : IndexOf(spot, &value)) {
      const ElementChain chain{path, 0, element};
      Insert(out_, &chain);
      // Those that are there more than once are told by nothing but that.
      if (items.size() == 1) Walk(spot.Item(), *items.front(), &chain);
    }
  }

  FieldSet& out_;
};

class Comparer {
 public:
  explicit Comparer(Comparison& out) : out_(out) {}

  // `before` and `after`: nullptr where there is nothing; not both.
  void Walk(const Spot& spot, const Json* before, const Json* after, const ElementChain* path) {
    const bool list = spot.type != nullptr && spot.type->shape == Shape::kList;
    const Json* shown = after != nullptr ? after : before;
    const bool leaf = spot.type == nullptr
                          ? !shown->is_object() && (before == nullptr || !before->is_object())
                          : spot.IsAtomic();
    if (leaf || (IsBlank(before) && IsBlank(after))) return Leaf(before, after, path);
    if (outer_ < kComparedWholeMax && before != nullptr && after != nullptr && *before == *after) {
      return;
    }
    ++outer_;
    if (list) {
      Items(spot, before, after, path);
    } else {
      Members(spot, before, after, path);
    }
    --outer_;
    if (before == nullptr || IsReshaped(spot, before, after)) {
      Insert(out_.changed, path, kChanged);
    }
    if (after == nullptr) Insert(out_.removed, path, kRemoved);
  }

 private:
  // What no schema describes became a map, or was one. A null takes every form.
  static bool IsReshaped(const Spot& spot, const Json* before, const Json* after) {
    if (spot.type != nullptr || after == nullptr) return false;
    if (before->is_null() || after->is_null()) return false;
    return before->is_object() != after->is_object();
  }

  void Leaf(const Json* before, const Json* after, const ElementChain* path) {
    if (after == nullptr) {
      Insert(out_.removed, path, kRemoved);
    } else if (before == nullptr || !Same(*before, *after)) {
      Insert(out_.changed, path, kChanged);
    }
  }

  void Member(const Spot& spot, const std::string& name, size_t& next, const Json* before,
              const Json* after, const ElementChain* path) {
    Spot below;
    if (!spot.Member(name, next, below)) return;
    const ElementChain chain{path, 'f', name};
    Walk(below, before, after, &chain);
  }

  void Members(const Spot& spot, const Json* before, const Json* after, const ElementChain* path) {
    static const Json::object_t kNone;
    const auto members = [](const Json* value) -> const Json::object_t& {
      return value != nullptr && value->is_object() ? value->get_ref<const Json::object_t&>()
                                                    : kNone;
    };
    const auto& old_members = members(before);
    const auto& new_members = members(after);
    size_t next = 0;
    for (const auto& [name, value] : old_members) {
      const auto other = new_members.find(name);
      Member(spot, name, next, &value, other == new_members.end() ? nullptr : &other->second, path);
    }
    next = 0;
    for (const auto& [name, value] : new_members) {
      if (!old_members.contains(name)) Member(spot, name, next, nullptr, &value, path);
    }
  }

  void Items(const Spot& spot, const Json* before, const Json* after, const ElementChain* path) {
    const Index old_items = IndexOf(spot, before);
    const Index new_items = IndexOf(spot, after);
    for (const auto& [element, items] : old_items) {
      const auto other = new_items.find(element);
      const ElementChain chain{path, 0, element};
      if (other == new_items.end()) {
        Item(spot, &items, nullptr, &chain);
      } else {
        Item(spot, &items, &other->second, &chain);
      }
    }
    for (const auto& [element, items] : new_items) {
      if (old_items.contains(element)) continue;
      const ElementChain chain{path, 0, element};
      Item(spot, nullptr, &items, &chain);
    }
  }

  void Item(const Spot& spot, const std::vector<const Json*>* before,
            const std::vector<const Json*>* after, const ElementChain* path) {
    const bool was_repeated = before != nullptr && before->size() > 1;
    const bool is_repeated = after != nullptr && after->size() > 1;
    // Duplicates count as one value, and as another one than a single item.
    if (was_repeated && is_repeated) {
      const bool same = std::equal(before->begin(), before->end(), after->begin(), after->end(),
                                   [](const Json* a, const Json* b) { return Same(*a, *b); });
      if (!same) Insert(out_.changed, path, kChanged);
      return;
    }
    const Json* const old_item = before == nullptr || was_repeated ? nullptr : before->front();
    const Json* const new_item = after == nullptr || is_repeated ? nullptr : after->front();
    if (old_item != nullptr || new_item != nullptr) {
      Walk(spot.Item(), old_item, new_item, path);
    }
    if (was_repeated) Insert(out_.removed, path, kRemoved);
    if (is_repeated) Insert(out_.changed, path, kChanged);
  }

  // Outer values are compared as a whole first, which is quick. Further in, where the same would be
  // compared again for every value around it, they are not.
  static constexpr int kComparedWholeMax = 16;
  static constexpr size_t kChanged = 0, kRemoved = 1;

  Comparison& out_;
  int outer_ = 0;  // Values that the walk is in.
};

class ShapeWriter {
 public:
  explicit ShapeWriter(std::string& out) : out_(out) {}

  // `before`: nullptr where there is nothing.
  bool Walk(const Spot& spot, const Json* before, const Json& value) {
    if (out_.size() > kShapeBytesMax) return false;
    if (spot.type != nullptr && KeptAsText(*spot.type) != nullptr) return false;
    const int shape = spot.type == nullptr ? -1 : static_cast<int>(spot.type->shape);
    std::array<char, 4> told = {static_cast<char>('a' + shape), spot.IsAtomic() ? '.' : '/'};
    size_t size = 2;
    if (before != nullptr) told[size++] = *before == value ? '=' : '!';
    if (!value.is_structured()) told[size++] = ScalarSign(value);
    out_.append(told.data(), size);
    if (value.is_object()) return Members(spot, before, value);
    if (value.is_array()) return Items(spot, before, value);
    return told[size - 1] != kNoSign;
  }

 private:
  static constexpr char kNoSign = '?';

  static char ScalarSign(const Json& value) {
    switch (value.type()) {
      case Json::value_t::null:
        return 'n';
      case Json::value_t::boolean:
        return 'b';
      case Json::value_t::string:
        return 's';
      case Json::value_t::number_integer:
      case Json::value_t::number_unsigned:
        return 'd';
      default:
        return kNoSign;  // A fraction, of which some are odd, among others.
    }
  }

  bool Members(const Spot& spot, const Json* before, const Json& value) {
    const auto& members = value.get_ref<const Json::object_t&>();
    out_ += '{';
    AppendShapeNumber(members.size(), out_);
    if (before != nullptr && !before->is_object()) return false;
    if (before != nullptr && !IsPartOf(before->get_ref<const Json::object_t&>(), members)) {
      return false;
    }
    size_t next = 0;
    for (const auto& [name, member] : members) {
      AppendShapeText(name, out_);
      Spot below;
      if (!spot.Member(name, next, below)) {
        // All that is not declared is refused but for what an object says of its own type.
        const bool is_type_meta = spot.type->type_meta && (name == "kind" || name == "apiVersion");
        if (!is_type_meta || !member.is_string()) return false;
        out_ += '-';
        continue;
      }
      const auto old = before == nullptr ? nullptr : Find(*before, name);
      if (!Walk(below, old, member)) return false;
    }
    return true;
  }

  bool Items(const Spot& spot, const Json* before, const Json& value) {
    if (before != nullptr) return false;
    const bool has_type = spot.type != nullptr && spot.type->shape == Shape::kList;
    const bool has_elements = has_type && !spot.IsAtomic();
    out_ += has_elements ? '*' : '[';
    AppendShapeNumber(value.size(), out_);
    std::set<std::string> seen;
    for (size_t i = 0; i < value.size(); ++i) {
      if (has_elements) {
        auto element = ItemElement(spot, value[i], i);
        if (!element) return false;
        AppendShapeText(*element, out_);
        if (!seen.insert(*std::move(element)).second) return false;
      }
      if (!Walk(has_type ? spot.Item() : Spot(), nullptr, value[i])) return false;
    }
    return true;
  }

  static const Json* Find(const Json& object, const std::string& name) {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
  }

  // What is not there any more would have been removed.
  static bool IsPartOf(const Json::object_t& before, const Json::object_t& after) {
    return std::ranges::all_of(before,
                               [&](const auto& member) { return after.contains(member.first); });
  }

  std::string& out_;
};

}  // namespace

bool AppendShape(const Spot& spot, const Json& empty, const Json& document, std::string& out) {
  return ShapeWriter(out).Walk(spot, &empty, document);
}

void AppendShapeNumber(size_t number, std::string& out) {
  const std::array<char, 4> bytes = {static_cast<char>(number >> 24),
                                     static_cast<char>(number >> 16),
                                     static_cast<char>(number >> 8), static_cast<char>(number)};
  out.append(bytes.data(), bytes.size());
}

void AppendShapeText(std::string_view text, std::string& out) {
  AppendShapeNumber(text.size(), out);
  out += text;
}

Json KeyDefault(const Field& key) {
  if (!key.default_json.empty()) return Json::parse(key.default_json, nullptr, false);
  if (key.always && !key.pointer) return ZeroDocument(*key.type);
  return nullptr;
}

Result<std::string> ItemElement(const Spot& list, const Json& item, size_t index) {
  if (list.list_type() == ListType::kMap) return KeyedElement(list, item, index);
  const std::string place = "element " + std::to_string(index) + ": ";
  const std::string prefix = place + "associative list without keys ";
  if (item.is_null()) {
    return Fail(Reason::kBadRequest, prefix + "has an element that's an explicit null");
  }
  if (item.is_object()) {
    return Fail(Reason::kBadRequest, prefix + "has an element that's a map type");
  }
  if (item.is_array()) {
    return Fail(Reason::kBadRequest,
                place + "not supported: associative list with lists as elements");
  }
  return ScalarElement(item);
}

FieldSet FieldsOf(const Spot& spot, const Json& document) {
  FieldSet out;
  FieldCollector(out).Walk(spot, document, nullptr);
  return out;
}

void CompareDocuments(const Spot& spot, const Json* before, const Json* after,
                      const ElementChain* path, Comparison& out) {
  Comparer(out).Walk(spot, before, after, path);
}

Comparison Compare(const Spot& spot, const Json& before, const Json& after) {
  Comparison out;
  Comparer(out).Walk(spot, &before, &after, nullptr);
  return out;
}

Json RemoveFields(const Spot& spot, const Json& document, const FieldSet& set) {
  if (set.children.empty() || (spot.type != nullptr && spot.IsAtomic())) return document;
  if (spot.type != nullptr && spot.type->shape == Shape::kList) {
    if (!document.is_array()) return document;
    Json out = Json::array();
    for (size_t i = 0; i < document.size(); ++i) {
      const auto element = ItemElement(spot, document[i], i);
      const FieldSet* below = element ? set.Find(*element) : nullptr;
      if (below != nullptr && below->member) continue;
      if (below == nullptr) {
        out.push_back(document[i]);
      } else {
        out.push_back(RemoveFields(spot.Item(), document[i], *below));
      }
    }
    if (out.empty()) return Json();
    return out;
  }
  if (!document.is_object()) return document;
  Json out = Json::object();
  for (const auto& [name, value] : document.get_ref<const Json::object_t&>()) {
    const FieldSet* below = set.Find("f:" + name);
    if (below != nullptr && below->member) continue;
    Spot spot_below;
    const bool known = spot.Member(name, spot_below);
    if (below == nullptr || !known) {
      out[name] = value;
    } else {
      out[name] = RemoveFields(spot_below, value, *below);
    }
  }
  if (out.empty()) return Json();
  return out;
}

}  // namespace skiff
