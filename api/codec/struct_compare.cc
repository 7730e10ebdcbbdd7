// Where two structs differ, as apply sees it, by their tables: what field_walk.cc finds in their
// documents, without making any but of values that have no table.
#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/codec/json.h"
#include "api/codec/struct_fields.h"
#include "api/codec/struct_text.h"
#include "api/codec/typed.h"
#include "api/patch/field_set.h"
#include "api/patch/field_walk.h"

namespace skiff {
namespace {

// What JSON would show at a place of one of the two: nothing, null, or a value of the spot's type.
struct Shown {
  bool is_there = false;
  const void* value = nullptr;  // nullptr: null, where something is there.

  bool HasValue() const { return value != nullptr; }
};

Shown ShownOf(const Field& field, const void* object) {
  if (object == nullptr) return {};
  const ShownField shown = Show(field, object);
  return {!shown.is_left_out, shown.value};
}

// Values of a map or a list, by key or by path element.
template <typename Key>
using Row = std::vector<std::pair<Key, const void*>>;

Row<std::string_view> MembersOf(const Type& map, const void* value) {
  Row<std::string_view> members;
  if (value == nullptr) return members;
  members.reserve(map.map->size(value));
  map.map->each(value, &members, [](void* row, const std::string& key, const void* member) {
    static_cast<Row<std::string_view>*>(row)->emplace_back(key, member);
  });
  return members;
}

// "" for an item without any of its keys, which has no place.
std::string ElementOf(const Field& list, const void* item) {
  const Type& type = *list.type->element;
  std::string element;
  if (list.list_type != ListType::kMap) {
    element = "v:";
    AppendStructValue(type, item, element);
    return element;
  }
  std::vector<std::string_view> names(list.list_keys.begin(), list.list_keys.end());
  std::sort(names.begin(), names.end());
  for (const std::string_view name : names) {
    const Field* key = type.Find(name);
    if (key == nullptr) continue;
    const Shown shown = ShownOf(*key, item);
    const Json other = shown.is_there ? Json() : KeyDefault(*key);
    if (!shown.is_there && other.is_null()) continue;
    element += element.empty() ? "k:{" : ",";
    AppendJsonString(name, element);
    element += ':';
    if (shown.HasValue()) {
      AppendStructValue(*key->type, shown.value, element);
    } else {
      element += DumpJson(other);
    }
  }
  if (!element.empty()) element += '}';
  return element;
}

// Sorted by element; those with the same one stand as they do in the list.
Row<std::string> ItemsOf(const Field& list, const void* value, bool& fits) {
  Row<std::string> items;
  if (value == nullptr) return items;
  const size_t count = list.type->list->size(value);
  items.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const void* item = list.type->list->at(value, i);
    std::string element = ElementOf(list, item);
    if (element.empty()) {
      fits = false;
    } else {
      items.emplace_back(std::move(element), item);
    }
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return items;
}

// Calls `visit` with the runs of equal keys of two sorted rows; a run may be empty, not both.
template <typename Key, typename Visit>
void VisitPairs(const Row<Key>& before, const Row<Key>& after, Visit visit) {
  using Run = std::span<const std::pair<Key, const void*>>;
  const auto run_of = [](const Row<Key>& row, size_t from, const Key& key) {
    size_t to = from;
    while (to < row.size() && row[to].first == key) ++to;
    return Run(row).subspan(from, to - from);
  };
  for (size_t i = 0, j = 0; i < before.size() || j < after.size();) {
    const bool is_new =
        i == before.size() || (j < after.size() && after[j].first < before[i].first);
    const Key& key = is_new ? after[j].first : before[i].first;
    const Run old_run = is_new ? Run() : run_of(before, i, key);
    const Run new_run = run_of(after, j, key);
    visit(key, old_run, new_run);
    i += old_run.size();
    j += new_run.size();
  }
}

// What both walks below ask of values.
class StructValues {
 protected:
  static bool IsBlank(const Type& type, Shown shown) {
    if (!shown.HasValue()) return true;
    switch (type.shape) {
      case Shape::kList:
        return type.list->size(shown.value) == 0;
      case Shape::kMap:
        return type.map->size(shown.value) == 0;
      case Shape::kStruct:
        return std::none_of(type.fields.begin(), type.fields.end(), [&](const Field& field) {
          return ShownOf(field, shown.value).is_there;
        });
      default:
        return false;
    }
  }

  // The same items in the same order.
  bool BothHold(const Type& type, Shown before, Shown after) {
    return before.HasValue() && after.HasValue() && Same(type, before.value, after.value);
  }

  // nullptr: null.
  bool Same(const Type& type, const void* one, const void* other) {
    if (one == nullptr || other == nullptr) return one == other;
    switch (type.shape) {
      case Shape::kString:
        return *static_cast<const std::string*>(one) == *static_cast<const std::string*>(other);
      case Shape::kBool:
        return *static_cast<const bool*>(one) == *static_cast<const bool*>(other);
      case Shape::kInt32:
        return *static_cast<const int32_t*>(one) == *static_cast<const int32_t*>(other);
      case Shape::kInt64:
        return *static_cast<const int64_t*>(one) == *static_cast<const int64_t*>(other);
      case Shape::kQuantity:
        return static_cast<const Quantity*>(one)->Text() ==
               static_cast<const Quantity*>(other)->Text();
      case Shape::kJson:
        return SameRaw(*static_cast<const RawJson*>(one), *static_cast<const RawJson*>(other));
      case Shape::kStruct:
        return std::ranges::all_of(type.fields, [&](const Field& field) {
          const Shown a = ShownOf(field, one), b = ShownOf(field, other);
          return a.is_there == b.is_there && Same(*field.type, a.value, b.value);
        });
      case Shape::kList:
        return SameList(type, one, other);
      case Shape::kMap: {
        const auto a = MembersOf(type, one), b = MembersOf(type, other);
        const auto same_key = [](const auto& x, const auto& y) { return x.first == y.first; };
        return std::ranges::equal(a, b, same_key) && SameItems(*type.element, a, b);
      }
      default:
        one_.clear();
        other_.clear();
        AppendStructValue(type, one, one_);
        AppendStructValue(type, other, other_);
        return one_ == other_;
    }
  }
  // It may hold the same in another order.
  static bool SameRaw(const RawJson& one, const RawJson& other) {
    return one == other || one.Parse() == other.Parse();
  }
  bool SameList(const Type& list, const void* one, const void* other) {
    const size_t size = list.list->size(one);
    if (size != list.list->size(other)) return false;
    for (size_t i = 0; i < size; ++i) {
      if (!Same(*list.element, list.list->at(one, i), list.list->at(other, i))) return false;
    }
    return true;
  }

  template <typename Run>
  bool SameItems(const Type& type, const Run& before, const Run& after) {
    return std::equal(before.begin(), before.end(), after.begin(), after.end(),
                      [&](const auto& a, const auto& b) { return Same(type, a.second, b.second); });
  }

 private:
  std::string one_, other_;
};

// What Spot::Member finds by the field's name.
Spot SpotOf(const Field& field) {
  const bool opaque = field.type->shape == Shape::kJson && field.type->preserve_unknown;
  return {opaque ? nullptr : field.type, &field};
}

class StructComparer : private StructValues {
 public:
  explicit StructComparer(Comparison& out) : out_(out) {}

  // nullptr: nothing; not both.
  void Members(const Type& type, const void* before, const void* after, const ElementChain* path) {
    // The metadata of the object itself.
    const bool of_object = path && path->outer == nullptr && path->element == "metadata";
    for (const Field& field : type.fields) {
      const Shown old_field = ShownOf(field, before);
      const Shown new_field = ShownOf(field, after);
      if (!old_field.is_there && !new_field.is_there) continue;
      if (of_object && field.name == "managedFields") continue;
      const ElementChain chain{path, 'f', field.name};
      Walk(SpotOf(field), *field.type, old_field, new_field, &chain);
    }
  }

 private:
  // At least one is there. `type`: of the values, also where apply sees none.
  void Walk(const Spot& spot, const Type& type, Shown before, Shown after,
            const ElementChain* path) {
    if (spot.type == nullptr || type.shape == Shape::kJson || type.type_meta) {
      return Documents(spot, type, before, after, path);
    }
    if (spot.IsAtomic() || (IsBlank(type, before) && IsBlank(type, after))) {
      return Leaf(type, before, after, path);
    }
    if (type.shape == Shape::kStruct) {
      Members(type, before.value, after.value, path);
    } else if (BothHold(type, before, after)) {
      return;  // The usual case, without a name for each item.
    } else if (type.shape == Shape::kMap) {
      Keys(type, before.value, after.value, path);
    } else {
      Items(*spot.field, before.value, after.value, path);
    }
    if (!before.is_there) Insert(out_.changed, path, kChanged);
    if (!after.is_there) Insert(out_.removed, path, kRemoved);
  }

  void Keys(const Type& map, const void* before, const void* after, const ElementChain* path) {
    const Type& type = *map.element;
    VisitPairs(MembersOf(map, before), MembersOf(map, after),
               [&](std::string_view key, auto old_run, auto new_run) {
                 const ElementChain chain{path, 'f', key};
                 Walk({&type, nullptr}, type, First(old_run), First(new_run), &chain);
               });
  }

  void Items(const Field& list, const void* before, const void* after, const ElementChain* path) {
    const Type& type = *list.type->element;
    VisitPairs(ItemsOf(list, before, out_.fits), ItemsOf(list, after, out_.fits),
               [&](const std::string& element, auto old_run, auto new_run) {
                 const ElementChain chain{path, 0, element};
                 const bool was_repeated = old_run.size() > 1, is_repeated = new_run.size() > 1;
                 // Duplicates count as one value, and as another one than a single item.
                 if (was_repeated && is_repeated) {
                   if (!SameItems(type, old_run, new_run)) Insert(out_.changed, &chain, kChanged);
                   return;
                 }
                 const Shown before_item = was_repeated ? Shown() : First(old_run);
                 const Shown after_item = is_repeated ? Shown() : First(new_run);
                 if (before_item.is_there || after_item.is_there) {
                   Walk({&type, nullptr}, type, before_item, after_item, &chain);
                 }
                 if (was_repeated) Insert(out_.removed, &chain, kRemoved);
                 if (is_repeated) Insert(out_.changed, &chain, kChanged);
               });
  }

  template <typename Run>
  static Shown First(const Run& run) {
    return run.empty() ? Shown() : Shown{true, run.front().second};
  }

  void Leaf(const Type& type, Shown before, Shown after, const ElementChain* path) {
    if (!after.is_there) {
      Insert(out_.removed, path, kRemoved);
    } else if (!before.is_there || !Same(type, before.value, after.value)) {
      Insert(out_.changed, path, kChanged);
    }
  }

  void Documents(const Spot& spot, const Type& type, Shown before, Shown after,
                 const ElementChain* path) {
    const auto document = [&](Shown shown) {
      return shown.HasValue() ? ValueToJson(type, shown.value) : Json();
    };
    const Json old_value = document(before);
    const Json new_value = document(after);
    CompareDocuments(spot, before.is_there ? &old_value : nullptr,
                     after.is_there ? &new_value : nullptr, path, out_);
  }

  static constexpr size_t kChanged = 0, kRemoved = 1;

  Comparison& out_;
};

// Writes down all that the comparison of an empty struct with another one goes by.
class StructShapeWriter : private StructValues {
 public:
  explicit StructShapeWriter(std::string& out) : out_(out) {}

  // As StructComparer::Members. False: it goes by more than can be told here.
  bool Members(const Type& type, const void* before, const void* after, int depth) {
    for (size_t i = 0; i < type.fields.size(); ++i) {
      const Field& field = type.fields[i];
      const Shown old_field = ShownOf(field, before);
      const Shown new_field = ShownOf(field, after);
      if (!old_field.is_there && !new_field.is_there) continue;
      if (depth == 1 && field.name == "managedFields") continue;
      AppendShapeNumber(i, out_);
      if (!Walk(SpotOf(field), *field.type, old_field, new_field, depth + 1)) return false;
    }
    AppendShapeNumber(kEnd, out_);
    return true;
  }

 private:
  static constexpr size_t kEnd = 0xffffffff;

  bool Walk(const Spot& spot, const Type& type, Shown before, Shown after, int depth) {
    if (spot.type == nullptr || type.shape == Shape::kJson || type.type_meta) return false;
    if (out_.size() > kShapeBytesMax) return false;
    out_ += static_cast<char>('0' + (before.is_there ? 1 : 0) + (after.is_there ? 2 : 0));
    if (spot.IsAtomic() || (IsBlank(type, before) && IsBlank(type, after))) {
      const bool same = before.is_there && after.is_there && Same(type, before.value, after.value);
      out_ += same ? '=' : '!';
      return true;
    }
    if (type.shape == Shape::kStruct) {
      out_ += '{';
      return Members(type, before.value, after.value, depth);
    }
    // What is empty has nothing in its lists and maps.
    if (!IsBlank(type, before) || !after.HasValue()) return false;
    return type.shape == Shape::kMap ? Keys(type, after.value, depth)
                                     : Items(*spot.field, after.value, depth);
  }

  bool Keys(const Type& map, const void* after, int depth) {
    const auto members = MembersOf(map, after);
    AppendShapeNumber(members.size(), out_);
    return std::ranges::all_of(members, [&](const auto& member) {
      AppendShapeText(member.first, out_);
      return Walk({map.element, nullptr}, *map.element, Shown(), {true, member.second}, depth + 1);
    });
  }

  bool Items(const Field& list, const void* after, int depth) {
    bool fits = true;
    const auto items = ItemsOf(list, after, fits);
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    if (!fits || std::ranges::adjacent_find(items, same) != items.end()) return false;
    AppendShapeNumber(items.size(), out_);
    const Type& type = *list.type->element;
    return std::ranges::all_of(items, [&](const auto& item) {
      AppendShapeText(item.first, out_);
      return Walk({&type, nullptr}, type, Shown(), {true, item.second}, depth + 1);
    });
  }

  std::string& out_;
};

}  // namespace

Comparison CompareStructs(const Type& type, const void* before, const void* after) {
  Comparison out;
  StructComparer(out).Members(type, before, after, nullptr);
  return out;
}

bool AppendShape(const Type& type, const void* empty, const void* object, std::string& out) {
  return StructShapeWriter(out).Members(type, empty, object, 0);
}

}  // namespace skiff
