#include "api/cel/value.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "api/cel/document.h"
#include "api/cel/limits.h"
#include "api/cel/made_bytes.h"
#include "base/error.h"

namespace skiff::cel {
namespace {

class OwnedText final : public Shared {
 public:
  explicit OwnedText(std::string value) : text(std::move(value)) {}
  size_t Bytes() const override { return kTextBytes + text.size(); }
  const std::string text;
};

class OwnedValue final : public Shared {
 public:
  explicit OwnedValue(Value inner) : value(std::move(inner)) {}
  const Value value;
};

class VectorList final : public ListValue {
 public:
  explicit VectorList(std::vector<Value> values) : items(std::move(values)) {}
  size_t Size() const override { return items.size(); }
  Value At(size_t index) const override { return items[index]; }
  size_t Bytes() const override { return kListBytes + items.capacity() * sizeof(Value); }
  std::vector<Value> items;
};

std::strong_ordering SignedToUnsigned(int64_t a, uint64_t b) {
  if (a < 0) return std::strong_ordering::less;
  return static_cast<uint64_t>(a) <=> b;
}

// As cel-go does it: the integer becomes a double, which may round it.
template <typename Integer>
std::partial_ordering IntegerToDouble(Integer a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  return static_cast<double>(a) <=> b;
}

std::partial_ordering Reversed(std::partial_ordering order) {
  return 0 <=> order;
}

constexpr double kTwoTo63 = 9223372036854775808.0;

// `key`, which is no int, as one; nothing: it has another value than any.
std::optional<Value> AsInt(const Value& key) {
  Value same;
  if (key.Is(Kind::kUint)) {
    same = Value::Int(static_cast<int64_t>(key.unsigned_integer()));
  } else if (key.Is(Kind::kDouble) && key.number() >= -kTwoTo63 && key.number() < kTwoTo63) {
    same = Value::Int(static_cast<int64_t>(key.number()));
  } else {
    return std::nullopt;
  }
  return CompareNumbers(same, key) == 0 ? std::optional(same) : std::nullopt;
}

// Likewise as a uint.
std::optional<Value> AsUint(const Value& key) {
  Value same;
  if (key.Is(Kind::kInt)) {
    same = Value::Uint(static_cast<uint64_t>(key.integer()));
  } else if (key.Is(Kind::kDouble) && key.number() >= 0 && key.number() < 2 * kTwoTo63) {
    same = Value::Uint(static_cast<uint64_t>(key.number()));
  } else {
    return std::nullopt;
  }
  return CompareNumbers(same, key) == 0 ? std::optional(same) : std::nullopt;
}

// NaN precedes all numbers: an order has to put it somewhere.
bool DoubleKeyLess(double a, double b) {
  return std::isnan(a) ? !std::isnan(b) : a < b;
}

}  // namespace

Value Value::Bool(bool value) {
  Value out;
  out.kind_ = Kind::kBool;
  out.as_.boolean = value;
  return out;
}

Value Value::Int(int64_t value) {
  Value out;
  out.kind_ = Kind::kInt;
  out.as_.integer = value;
  return out;
}

Value Value::Uint(uint64_t value) {
  Value out;
  out.kind_ = Kind::kUint;
  out.as_.uint = value;
  return out;
}

Value Value::Double(double value) {
  Value out;
  out.kind_ = Kind::kDouble;
  out.as_.number = value;
  return out;
}

Value Value::Text(Kind kind, std::string text) {
  auto owned = std::make_shared<OwnedText>(std::move(text));
  Value out;
  out.kind_ = kind;
  out.as_.text = {owned->text.data(), owned->text.size()};
  out.shared_ = std::move(owned);
  return out;
}

Value Value::String(std::string text) {
  return Text(Kind::kString, std::move(text));
}

Value Value::Bytes(std::string bytes) {
  return Text(Kind::kBytes, std::move(bytes));
}

Value Value::StringView(std::string_view text) {
  Value out;
  out.kind_ = Kind::kString;
  out.as_.text = {text.data(), text.size()};
  return out;
}

Value Value::StringIn(std::shared_ptr<const Shared> owner, std::string_view text) {
  Value out = StringView(text);
  out.shared_ = std::move(owner);
  return out;
}

Value Value::Duration(int64_t nanoseconds) {
  Value out = Int(nanoseconds);
  out.kind_ = Kind::kDuration;
  return out;
}

Value Value::Timestamp(Moment moment) {
  Value out;
  out.kind_ = Kind::kTimestamp;
  out.as_.moment = moment;
  return out;
}

Value Value::List(std::vector<Value> items) {
  auto list = std::make_shared<VectorList>(std::move(items));
  Value out;
  for (const Value& item : list->items) out.Surround(item);
  out.kind_ = Kind::kList;
  out.shared_ = std::move(list);
  return out;
}

Value Value::List(std::shared_ptr<const ListValue> list) {
  Value out;
  out.kind_ = Kind::kList;
  out.shared_ = std::move(list);
  return out;
}

Value Value::TypeNamed(std::string name) {
  return Text(Kind::kType, std::move(name));
}

Value Value::Some(Value value) {
  Value out;
  out.kind_ = Kind::kOptional;
  out.Surround(value);
  out.shared_ = std::make_shared<OwnedValue>(std::move(value));
  return out;
}

Value Value::None() {
  Value out;
  out.kind_ = Kind::kOptional;
  return out;
}

Value Value::Object(std::shared_ptr<const ObjectValue> object, int depth) {
  Value out;
  out.depth_ = static_cast<uint16_t>(std::min<int>(depth, UINT16_MAX));
  out.kind_ = Kind::kObject;
  out.shared_ = std::move(object);
  return out;
}

Value Value::Opaque(std::shared_ptr<const OpaqueValue> value) {
  Value out;
  out.kind_ = Kind::kOpaque;
  out.shared_ = std::move(value);
  return out;
}

Value Value::Error(std::string text) {
  return Text(Kind::kError, std::move(text));
}

Value Value::ErrorView(std::string_view text) {
  Value out = StringView(text);
  out.kind_ = Kind::kError;
  return out;
}

Value Value::Document(const Json& json, const Type* type) {
  const Kind kind = DocumentKind(json, type);
  if (kind != Kind::kList && kind != Kind::kMap && kind != Kind::kObject) {
    return ScalarOfDocument(json, type);
  }
  Value out;
  out.kind_ = kind;
  out.as_.document = {&json, type};
  return out;
}

Value Value::Seen(Kind kind, const Lens& lens, const void* place) {
  Value out;
  out.kind_ = kind;
  out.is_seen_ = true;
  out.as_.seen = {place, &lens};
  return out;
}

Value Value::Owned(const Json& json) {
  if (!Look()) return Error(kBudgetText);
  if (const auto* items = json.get_ptr<const Json::array_t*>()) {
    std::vector<Value> owned;
    owned.reserve(items->size());
    for (const Json& item : *items) owned.push_back(Owned(item));
    return List(std::move(owned));
  }
  if (const auto* members = json.get_ptr<const Json::object_t*>()) {
    std::map<Value, Value, KeyLess> owned;
    for (const auto& [name, member] : *members) owned.emplace(String(name), Owned(member));
    return MapBuilder::Make(std::move(owned));
  }
  const auto* text = json.get_ptr<const std::string*>();
  return text != nullptr ? String(*text) : ScalarOfDocument(json, nullptr);
}

const Value* Value::inner() const {
  const bool holds = Is(Kind::kOptional) && shared_ != nullptr;
  return holds ? &static_cast<const OwnedValue&>(*shared_).value : nullptr;
}

size_t Value::Size() const {
  if (!HasParts()) return 0;
  if (is_seen_) return as_.seen.lens->Size(as_.seen.place);
  if (!shared_) return as_.document.json->size();
  if (kind_ == Kind::kMap) return static_cast<const MapValue&>(*shared_).entries.size();
  return Is(Kind::kList) ? static_cast<const ListValue&>(*shared_).Size() : 0;
}

Value Value::At(size_t index) const {
  if (is_seen_) return as_.seen.lens->At(as_.seen.place, index);
  if (shared_) return static_cast<const ListValue&>(*shared_).At(index);
  return Document((*as_.document.json)[index], ItemType(as_.document.type));
}

std::vector<Value> Value::Items() const {
  std::vector<Value> out;
  const size_t size = Size();
  looks_of_thread += size;
  if (!MakeScratch(size * sizeof(Value))) return out;
  out.reserve(size);
  for (size_t i = 0; i < size; ++i) out.push_back(At(i));
  return out;
}

std::optional<Value> Value::Find(const Value& key) const {
  if (kind_ == Kind::kObject) {
    if (!key.Is(Kind::kString)) return std::nullopt;
    auto field = Field(key.text());
    if (field || shared_) return field;
    const auto escaped = EscapeProperty(key.text());
    return escaped && *escaped != key.text() ? Field(*escaped) : std::nullopt;
  }
  if (kind_ != Kind::kMap) return std::nullopt;
  if (shared_) {
    const auto& map = static_cast<const MapValue&>(*shared_);
    const Value* const entry = map.Entry(key);
    return entry != nullptr ? *entry : map.otherwise;
  }
  Value found;
  const bool is_there = key.Is(Kind::kString) && FindMember(key.text(), found);
  return is_there ? std::optional(std::move(found)) : std::nullopt;
}

bool Value::FindMember(std::string_view name, Value& out) const {
  if (kind_ != Kind::kMap) return false;
  if (is_seen_) return as_.seen.lens->Member(as_.seen.place, name, out);
  if (shared_) {
    auto found = Find(StringView(name));
    if (found) out = *std::move(found);
    return found.has_value();
  }
  const auto found = as_.document.json->find(name);
  if (found == as_.document.json->end()) return false;
  out = Document(*found, ItemType(as_.document.type));
  return true;
}

bool Value::Contains(const Value& key) const {
  if (kind_ != Kind::kMap || !shared_) return Find(key).has_value();
  return static_cast<const MapValue&>(*shared_).Entry(key) != nullptr;
}

size_t MapValue::Bytes() const {
  size_t bytes = kMapBytes + entries.size() * kEntryBytes;
  for (const auto& [key, value] : entries) {
    if (key.Is(Kind::kString)) bytes += kTextBytes + key.text().size();
    if (value.Is(Kind::kList) && value.shared() != nullptr) bytes += value.shared()->Bytes();
  }
  return bytes;
}

const Value* MapValue::Entry(const Value& key) const {
  if (key.Is(Kind::kDouble) && std::isnan(key.number())) return nullptr;
  auto found = entries.find(key);
  for (const auto& as : {AsInt, AsUint}) {
    if (found != entries.end()) break;
    if (const auto same = as(key)) found = entries.find(*same);
  }
  return found == entries.end() ? nullptr : &found->second;
}

std::vector<Value> Value::Keys() const {
  std::vector<Value> out;
  EachKey([&](const Value& key) {
    out.push_back(key);
    return true;
  });
  return out;
}

void Value::EachKey(const std::function<bool(const Value& key)>& visit) const {
  if (kind_ == Kind::kList || !HasParts()) return;
  if (is_seen_) {
    for (const std::string_view name : as_.seen.lens->Names(as_.seen.place)) {
      if (!visit(StringView(name))) return;
    }
    return;
  }
  if (kind_ == Kind::kObject) {
    if (shared_) return;
    for (const Value& key : KeysOfDocument(*as_.document.json, *as_.document.type)) {
      if (!visit(key)) return;
    }
    return;
  }
  if (shared_) {
    for (const auto& [key, value] : static_cast<const MapValue&>(*shared_).entries) {
      if (!visit(key)) return;
    }
    return;
  }
  for (auto at = as_.document.json->begin(); at != as_.document.json->end(); ++at) {
    if (!visit(StringView(at.key()))) return;
  }
}

void Value::EachEntry(const Visit& visit) const {
  if (kind_ == Kind::kMap && shared_) {
    for (const auto& [key, value] : static_cast<const MapValue&>(*shared_).entries) {
      if (!visit(key, value)) return;
    }
    return;
  }
  EachKey([&](const Value& key) {
    const auto value = Find(key);
    return visit(key, value ? *value : Error("no such key: " + std::string(key.text())));
  });
}

std::optional<Value> Value::Field(std::string_view name) const {
  if (kind_ != Kind::kObject) return std::nullopt;
  if (shared_) return static_cast<const ObjectValue&>(*shared_).Field(name);
  return FieldOfDocument(*as_.document.json, *as_.document.type, name);
}

std::string Value::TypeName() const {
  switch (kind_) {
    case Kind::kNull: return "null_type";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kUint: return "uint";
    case Kind::kDouble: return "double";
    case Kind::kString: return "string";
    case Kind::kBytes: return "bytes";
    case Kind::kDuration: return "google.protobuf.Duration";
    case Kind::kTimestamp: return "google.protobuf.Timestamp";
    case Kind::kList: return "list";
    case Kind::kMap: return "map";
    case Kind::kType: return "type";
    case Kind::kOptional: return "optional_type";
    case Kind::kOpaque: return opaque().TypeName();
    case Kind::kError: return "error";
    case Kind::kObject: break;
  }
  if (!shared_) return as_.document.type->name;
  return static_cast<const ObjectValue&>(*shared_).TypeName();
}

bool KeyLess::operator()(const Value& a, const Value& b) const {
  if (a.kind() != b.kind()) return a.kind() < b.kind();
  switch (a.kind()) {
    case Kind::kNull: return false;
    case Kind::kBool: return a.boolean() < b.boolean();
    case Kind::kInt:
    case Kind::kDuration: return a.integer() < b.integer();
    case Kind::kUint: return a.unsigned_integer() < b.unsigned_integer();
    case Kind::kDouble: return DoubleKeyLess(a.number(), b.number());
    case Kind::kTimestamp: return a.moment() < b.moment();
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType: return a.text() < b.text();
    default:
      if (a.shared() != b.shared()) return a.shared() < b.shared();
      return a.place() < b.place();
  }
}

void ListBuilder::Append(Value& target, Value item) {
  const bool ours = target.shared_ && target.shared_.use_count() == 1 &&
                    dynamic_cast<const VectorList*>(target.shared_.get()) != nullptr;
  if (!ours) target = Value::List(target.Items());
  target.Surround(item);
  // Made by this file, as no constant, and held by nobody else.
  const auto& list = static_cast<const VectorList&>(*target.shared_);
  const_cast<VectorList&>(list).items.push_back(std::move(item));
}

Value MapBuilder::Make(std::map<Value, Value, KeyLess> entries, std::optional<Value> otherwise) {
  auto map = std::make_shared<MapValue>();
  map->entries = std::move(entries);
  map->otherwise = std::move(otherwise);
  Value out;
  for (const auto& [key, value] : map->entries) {
    out.Surround(key);
    out.Surround(value);
  }
  out.kind_ = Kind::kMap;
  out.shared_ = std::move(map);
  return out;
}

bool MapBuilder::Insert(Value& target, const Value& key, Value value) {
  if (!target.shared_ || target.shared_.use_count() != 1) {
    std::map<Value, Value, KeyLess> entries;
    target.EachEntry([&](const Value& old_key, const Value& old) {
      entries.emplace(old_key, old);
      return true;
    });
    target = Make(std::move(entries));
  }
  if (target.Find(key)) return false;
  target.Surround(key);
  target.Surround(value);
  const auto& map = static_cast<const MapValue&>(*target.shared_);
  return const_cast<MapValue&>(map).entries.emplace(key, std::move(value)).second;
}

std::partial_ordering CompareNumbers(const Value& a, const Value& b) {
  if (a.kind() == b.kind()) {
    if (a.Is(Kind::kInt)) return a.integer() <=> b.integer();
    if (a.Is(Kind::kUint)) return a.unsigned_integer() <=> b.unsigned_integer();
    return a.number() <=> b.number();
  }
  if (a.Is(Kind::kDouble)) return Reversed(CompareNumbers(b, a));
  if (b.Is(Kind::kDouble)) {
    return a.Is(Kind::kInt) ? IntegerToDouble(a.integer(), b.number())
                            : IntegerToDouble(a.unsigned_integer(), b.number());
  }
  if (a.Is(Kind::kInt)) return SignedToUnsigned(a.integer(), b.unsigned_integer());
  return Reversed(SignedToUnsigned(b.integer(), a.unsigned_integer()));
}

}  // namespace skiff::cel
