#include "apiserver/policies/struct_lens.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/cel/limits.h"
#include "api/codec/struct_fields.h"
#include "api/codec/typed.h"
#include "api/values.h"
#include "base/mutex.h"

namespace skiff {
namespace {

const cel::Lens& LensOf(const Type& type);

// Whose texts and numbers are shown as they lie, or are quickly made.
bool IsScalar(Shape shape) {
  switch (shape) {
    case Shape::kBytes:
    case Shape::kJson:
    case Shape::kStruct:
    case Shape::kList:
    case Shape::kMap:
      return false;
    default:
      return true;
  }
}

// What is shown of values of one type, which is part of another. Its lens is made when a value is
// first looked at: types may hold themselves.
class Part {
 public:
  Part() = default;
  explicit Part(const Type& type) : type_(&type), shape_(type.shape) {}
  Part(const Part& other) : type_(other.type_), shape_(other.shape_) {}
  Part& operator=(const Part&) = delete;

  cel::Value Show(const void* value) const {
    switch (shape_) {
      case Shape::kBool:
        return cel::Value::Bool(*static_cast<const bool*>(value));
      case Shape::kInt32:
        return cel::Value::Int(*static_cast<const int32_t*>(value));
      case Shape::kInt64:
        return cel::Value::Int(*static_cast<const int64_t*>(value));
      case Shape::kString:
        return cel::Value::StringView(*static_cast<const std::string*>(value));
      case Shape::kIntOrString: {
        const auto& either = *static_cast<const IntOrString*>(value);
        return either.is_string() ? cel::Value::StringView(either.text())
                                  : cel::Value::Int(either.value());
      }
      case Shape::kStruct:
        return Through(cel::Kind::kMap, value);
      // As ValueToJson has it, an empty one is none.
      case Shape::kList:
        return type_->list->size(value) == 0 ? cel::Value() : Through(cel::Kind::kList, value);
      case Shape::kMap:
        return type_->map->size(value) == 0 ? cel::Value() : Through(cel::Kind::kMap, value);
      default:
        return cel::Value::Owned(ValueToJson(*type_, value));
    }
  }
  cel::Value Through(cel::Kind kind, const void* value) const {
    const cel::Lens* lens = lens_.load(std::memory_order_acquire);
    if (lens == nullptr) {
      lens = &LensOf(*type_);
      lens_.store(lens, std::memory_order_release);
    }
    return cel::Value::Seen(kind, *lens, value);
  }

 private:
  const Type* type_ = nullptr;
  Shape shape_ = Shape::kJson;
  mutable std::atomic<const cel::Lens*> lens_ = nullptr;
};

// Fields by name. A look at one is a look at one line of the processor's cache for what is before
// it, and one for the field.
class FieldTable {
 public:
  struct alignas(64) Entry {
    explicit Entry(const Field& field) : name(field.name), access(field), part(*field.type) {}
    // False: it is left out.
    bool Show(const void* object, cel::Value& out) const {
      const ShownField shown = skiff::Show(access, object);
      if (shown.is_left_out) return false;
      if (shown.value == nullptr) {
        out = cel::Value();
      } else if (access.shape() == Shape::kMap && access.pointer() != nullptr) {
        out = part.Through(cel::Kind::kMap,
                           shown.value);  // One that may be absent shows when it is empty.
      } else {
        out = part.Show(shown.value);
      }
      return true;
    }

    std::string_view name;
    FieldAccess access;
    Part part;
  };

  explicit FieldTable(std::span<const Field> fields) : entries_(fields.begin(), fields.end()) {
    size_t size = 1;
    while (size < 2 * entries_.size() + 1) size *= 2;
    places_.resize(size, kNone);
    for (size_t i = 0; i < entries_.size(); ++i) {
      size_t at = HashOf(entries_[i].name);
      while (places_[at & (size - 1)] != kNone) ++at;
      places_[at & (size - 1)] = static_cast<uint16_t>(i);
    }
  }

  const Entry* Find(std::string_view name) const {
    const size_t last = places_.size() - 1;
    for (size_t at = HashOf(name); places_[at & last] != kNone; ++at) {
      const Entry& entry = entries_[places_[at & last]];
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr uint16_t kNone = UINT16_MAX;

  // Fields of one struct differ in their ends or their lengths, most of them.
  static size_t HashOf(std::string_view name) {
    if (name.empty()) return 0;
    const auto at = [&](size_t i) { return static_cast<unsigned char>(name[i]); };
    return at(0) + size_t{5} * at(name.size() / 2) + size_t{17} * at(name.size() - 1) +
           size_t{67} * name.size();
  }

  std::vector<Entry> entries_;
  std::vector<uint16_t> places_;  // Of entries, at what their names come to or behind it.
};

class StructLens final : public cel::Lens {
 public:
  explicit StructLens(const Type& type) : type_(type), fields_(type.fields) {
    // As StructToJson has it.
    api_version_ = type.api_version == "meta/v1" ? "v1" : type.api_version;
  }

  bool Member(const void* object, std::string_view name, cel::Value& out) const override {
    if (const auto* entry = fields_.Find(name)) return entry->Show(object, out);
    if (!type_.type_meta) return false;
    if (name == kApiVersion) {
      out = cel::Value::StringView(api_version_);
    } else if (name == kKind) {
      out = cel::Value::StringView(type_.name);
    } else {
      return false;
    }
    return true;
  }
  std::vector<std::string_view> Names(const void* object) const override {
    std::vector<std::string_view> names;
    if (type_.type_meta) names = {kApiVersion, kKind};
    for (const auto& entry : fields_.entries()) {
      if (!Show(entry.access, object).is_left_out) names.push_back(entry.name);
    }
    std::ranges::sort(names);
    return names;
  }
  size_t Size(const void* object) const override {
    const auto shows = [&](const FieldTable::Entry& entry) {
      return !Show(entry.access, object).is_left_out;
    };
    return (type_.type_meta ? 2 : 0) + std::ranges::count_if(fields_.entries(), shows);
  }
  cel::Value At(const void*, size_t) const override { return {}; }

 private:
  static constexpr std::string_view kApiVersion = "apiVersion", kKind = "kind";

  const Type& type_;
  std::string_view api_version_;
  const FieldTable fields_;
};

class ListLens final : public cel::Lens {
 public:
  explicit ListLens(const Type& type) : ops_(*type.list), item_(*type.element) {}

  bool Member(const void*, std::string_view, cel::Value&) const override { return false; }
  std::vector<std::string_view> Names(const void*) const override { return {}; }
  size_t Size(const void* list) const override { return ops_.size(list); }
  cel::Value At(const void* list, size_t index) const override {
    return item_.Show(ops_.at(list, index));
  }

 private:
  const ListOps& ops_;
  const Part item_;
};

template <typename T>
const void* FindIn(const void* map, std::string_view name) {
  const auto& entries = *static_cast<const std::map<std::string, T>*>(map);
  const auto found = entries.find(std::string(name));
  return found == entries.end() ? nullptr : &found->second;
}

class MapLens final : public cel::Lens {
 public:
  explicit MapLens(const Type& type)
      : ops_(*type.map), shape_(type.element->shape), item_(*type.element) {}

  bool Member(const void* map, std::string_view name, cel::Value& out) const override {
    const void* found = Find(map, name);
    if (found == nullptr) return false;
    out = item_.Show(found);
    return true;
  }
  std::vector<std::string_view> Names(const void* map) const override {
    std::vector<std::string_view> names;
    names.reserve(ops_.size(map));
    ops_.each(map, &names, [](void* to, const std::string& key, const void*) {
      static_cast<std::vector<std::string_view>*>(to)->push_back(key);
    });
    return names;
  }
  size_t Size(const void* map) const override { return ops_.size(map); }
  cel::Value At(const void*, size_t) const override { return {}; }

 private:
  const void* Find(const void* map, std::string_view name) const {
    if (shape_ == Shape::kString) return FindIn<std::string>(map, name);
    if (shape_ == Shape::kQuantity) return FindIn<Quantity>(map, name);
    struct Search {
      std::string_view name;
      const void* found = nullptr;
    } search{name};
    cel::looks_of_thread += ops_.size(map);
    ops_.each(map, &search, [](void* to, const std::string& key, const void* value) {
      auto& wanted = *static_cast<Search*>(to);
      if (key == wanted.name) wanted.found = value;
    });
    return search.found;
  }

  const MapOps& ops_;
  const Shape shape_;
  const Part item_;
};

std::unique_ptr<const cel::Lens> MakeLens(const Type& type) {
  switch (type.shape) {
    case Shape::kList:
      return std::make_unique<ListLens>(type);
    case Shape::kMap:
      return std::make_unique<MapLens>(type);
    default:
      return std::make_unique<StructLens>(type);
  }
}

// Of types as they are first looked at. They live as long as the program, as types do.
class Lenses {
 public:
  const cel::Lens& Of(const Type& type) {
    const MutexLock lock(mutex_);
    auto& lens = all_[&type];
    if (lens == nullptr) lens = MakeLens(type);
    return *lens;
  }

 private:
  Mutex mutex_;
  std::unordered_map<const Type*, std::unique_ptr<const cel::Lens>> all_ GUARDED_BY(mutex_);
};

const cel::Lens& LensOf(const Type& type) {
  static Lenses lenses;
  return lenses.Of(type);
}

bool HasNoParts(const DocumentParts& parts) {
  return !parts.whole && parts.members.empty() && parts.items.empty();
}

}  // namespace

cel::Value ShowStruct(const Type& type, const void* object) {
  return cel::Value::Seen(cel::Kind::kMap, LensOf(type), object);
}

bool IsSeenAsItLies(const Type& type, const DocumentParts& parts) {
  switch (type.shape) {
    case Shape::kStruct:
      return !parts.whole && parts.items.empty() &&
             std::ranges::all_of(parts.members, [&](const auto& member) {
               const Field* field = type.Find(member.first);
               return field == nullptr || IsSeenAsItLies(*field->type, member.second);
             });
    case Shape::kList:
      if (HasNoParts(parts) || IsScalar(type.element->shape)) return true;
      return !parts.whole && parts.members.empty() && IsSeenAsItLies(*type.element, parts.items[0]);
    case Shape::kMap:
      return HasNoParts(parts) || type.element->shape == Shape::kString ||
             type.element->shape == Shape::kQuantity;
    default:
      return IsScalar(type.shape);
  }
}

}  // namespace skiff
