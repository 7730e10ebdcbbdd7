// Which values are equal, which precede, and which are zero.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <unordered_map>

#include "api/cel/document.h"
#include "api/cel/limits.h"
#include "api/cel/message.h"
#include "api/cel/value.h"
#include "api/codec/go_equal.h"
#include "api/text/go_value.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

// Whether what two items were compared to says that their lists or maps differ. Those that
// expressions made differ by items that are known not to be the same, not by those that cannot be
// compared: for these, only collections of a schema fail.
bool TellsApart(const Value& collection, const Value& same) {
  if (same.IsTrue()) return false;
  return !same.IsError() || collection.schema() != nullptr || !Look(0);
}

Value EqualInOrder(const Value& a, const Value& b) {
  if (a.Size() != b.Size()) return Value::Bool(false);
  for (size_t i = 0; i < a.Size(); ++i) {
    Value same = Equal(a.At(i), b.At(i));
    if (TellsApart(a, same)) return same;
  }
  return Value::Bool(true);
}

bool IsSimple(const Value& value) {
  return value.IsNumber() || value.Is(Kind::kBool) || value.Is(Kind::kString);
}

// Of simple values: numbers by value whatever their kind. Each comparison is looked at, as sets are
// put in order before anything of them is compared.
struct SimpleLess {
  bool operator()(const Value& a, const Value& b) const {
    looks_of_thread += 1 + std::min(a.text().size(), b.text().size()) / kTextBytesPerLook;
    if (a.IsNumber() && b.IsNumber()) return CompareNumbers(a, b) < 0;
    if (a.kind() != b.kind()) return a.kind() < b.kind();
    return a.Is(Kind::kBool) ? a.boolean() < b.boolean() : a.text() < b.text();
  }
};

// The same for values that are equal, and hardly ever for others.
uint64_t HashOf(const Value& value);

uint64_t HashOf(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

// Of a name and what it leads to.
uint64_t HashOf(uint64_t name, const Value& value) {
  uint64_t hash = (name ^ 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
  hash ^= hash >> 32;
  return (hash ^ HashOf(value)) * 0xc4ceb9fe1a85ec53;
}

uint64_t HashOfObject(const Value& object) {
  uint64_t hash = 0;
  if (object.shared()) return hash;
  std::set<std::string_view> named;
  looks_of_thread += object.schema()->fields.size();
  for (const auto& [name, field] : object.schema()->fields) {
    named.insert(field.json_name);
    const auto value = object.Field(name);
    if (value) hash += HashOf(HashOf(name), *value);
  }
  for (const auto& [name, value] : object.json()->items()) {
    if (!named.contains(name)) hash += HashOf(HashOf(name), Value::Document(value));
  }
  return hash;
}

// Sums, as neither the items of sets nor the keys of maps have an order.
uint64_t HashOf(const Value& value) {
  if (!Look()) return 0;
  uint64_t hash = 0;
  switch (value.kind()) {
    case Kind::kBool: return value.boolean() ? 1 : 2;
    case Kind::kInt: return std::hash<double>()(static_cast<double>(value.integer()));
    case Kind::kUint: return std::hash<double>()(static_cast<double>(value.unsigned_integer()));
    case Kind::kDouble: return std::hash<double>()(value.number());
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      looks_of_thread += value.text().size() / kTextBytesPerLook;
      return HashOf(value.text());
    case Kind::kDuration: return static_cast<uint64_t>(value.integer()) * 3;
    case Kind::kTimestamp: return static_cast<uint64_t>(value.moment().seconds) * 5;
    case Kind::kList:
      for (size_t i = 0; i < value.Size(); ++i) hash += HashOf(1, value.At(i));
      return hash;
    case Kind::kMap:
      value.EachEntry([&](const Value& key, const Value& item) {
        hash += HashOf(HashOf(key), item);
        return true;
      });
      return hash;
    case Kind::kObject: return HashOfObject(value);
    default: return 0;
  }
}

// Finds the equal of a value among many without looking at each.
class HashedItems {
 public:
  explicit HashedItems(const Value& list) {
    for (Value& item : list.Items()) {
      const uint64_t hash = HashOf(item);
      items_.emplace(hash, std::move(item));
    }
  }
  bool ContainAll(const Value& list) const {
    for (size_t i = 0; i < list.Size(); ++i) {
      if (!Contain(list.At(i))) return false;
    }
    return true;
  }

 private:
  bool Contain(const Value& wanted) const {
    if (!Look()) return false;
    const auto [first, last] = items_.equal_range(HashOf(wanted));
    return std::any_of(first, last,
                       [&](const auto& each) { return Equal(each.second, wanted).IsTrue(); });
  }

  std::unordered_multimap<uint64_t, Value> items_;
};

// A set: the same items in any order.
Value EqualAsSets(const Value& a, const Value& b) {
  if (a.Size() != b.Size()) return Value::Bool(false);
  const auto simple = [](const std::vector<Value>& items) {
    return std::all_of(items.begin(), items.end(), IsSimple);
  };
  if (std::vector<Value> x = a.Items(), y = b.Items(); simple(x) && simple(y)) {
    const std::set<Value, SimpleLess> left(x.begin(), x.end());
    const std::set<Value, SimpleLess> right(y.begin(), y.end());
    return Value::Bool(std::equal(
        left.begin(), left.end(), right.begin(), right.end(),
        [](const Value& one, const Value& other) { return Equal(one, other).IsTrue(); }));
  }
  const HashedItems left(a), right(b);
  return Value::Bool(left.ContainAll(b) && right.ContainAll(a));
}

// A list of objects told apart by some of their fields: each has its equal, in any order. What is
// no object, as an older schema may have let in, has no equal.
Value EqualByKeys(const Value& a, const Value& b) {
  if (a.Size() != b.Size()) return Value::Bool(false);
  const auto name = [&](const Value& item) {
    std::string out;
    for (const std::string& key : a.schema()->list_keys) {
      const auto value = item.Find(Value::StringView(key));
      out += value ? "=" + KeyText(*value) + '\0' : std::string("-\0", 2);
    }
    looks_of_thread += out.size() / kTextBytesPerLook;
    return out;
  };
  const auto has_keys = [](const Value& item) {
    return item.Is(Kind::kObject) || item.Is(Kind::kMap);
  };
  std::map<std::string, Value> others;
  for (const Value& item : b.Items()) {
    if (has_keys(item)) others.insert_or_assign(name(item), item);
  }
  for (const Value& item : a.Items()) {
    if (!has_keys(item)) return Value::Bool(false);
    const auto same = others.find(name(item));
    if (same == others.end() || !Equal(item, same->second).IsTrue()) return Value::Bool(false);
  }
  return Value::Bool(true);
}

Value EqualLists(const Value& a, const Value& b) {
  if (const Type* schema = a.schema()) {
    if (schema->list_rule == ListRule::kSet) return EqualAsSets(a, b);
    if (schema->list_rule == ListRule::kMap) return EqualByKeys(a, b);
  }
  return EqualInOrder(a, b);
}

// Of a map that an expression made, or that no schema knows.
Value EqualMaps(const Value& a, const Value& b) {
  if (a.Size() != b.Size()) return Value::Bool(false);
  Value same = Value::Bool(true);
  a.EachEntry([&](const Value& key, const Value& value) {
    looks_of_thread += 2;
    const auto other = b.Find(key);
    Value each = other ? Equal(value, *other) : Value::Bool(false);
    if (!TellsApart(a, each)) return true;
    same = std::move(each);
    return false;
  });
  return same;
}

bool LookAt(size_t looks, size_t text_bytes) {
  return Look(looks + text_bytes / kTextBytesPerLook);
}

// Whether the schema says anything of the member of that name.
bool Knows(const Value& mapping, const std::string& name) {
  if (mapping.Is(Kind::kMap)) return true;
  const auto escaped = EscapeProperty(name);
  return escaped && mapping.schema()->fields.contains(*escaped);
}

// Of an object or a map of a schema, with whatever has members. What the schema does not know of
// may be missing in the other; what is null is not there.
Value EqualMembers(const Value& a, const Value& b) {
  if (a.Size() != b.Size()) return Value::Bool(false);
  for (const auto& [name, value] : a.json()->get_ref<const Json::object_t&>()) {
    looks_of_thread += 2;
    if (Knows(a, name)) {
      const auto key = Value::StringView(name);
      const auto mine = a.Find(key), other = b.Find(key);
      if (mine.has_value() != other.has_value()) return Value::Bool(false);
      if (!mine) continue;
      Value same = Equal(*mine, *other);
      if (!same.IsTrue()) return same;
    } else if (b.shared()) {
      return Value::NoSuchOverload();
    } else if (b.json() == nullptr) {
      const auto other = b.Find(Value::StringView(name));
      if (other && !Equal(Value::Document(value), *other).IsTrue()) return Value::Bool(false);
    } else {
      const auto other = b.json()->find(name);
      if (other != b.json()->end() && !EqualInGo(value, *other, LookAt)) return Value::Bool(false);
    }
  }
  return Value::Bool(true);
}

// Those with other fields, or fields of other kinds, are not the same.
Value EqualMessages(const MessageValue& a, const MessageValue& b) {
  if (a.TypeName() != b.TypeName() || a.fields().size() != b.fields().size()) {
    return Value::Bool(false);
  }
  auto other = b.fields().begin();
  for (const auto& [name, value] : a.fields()) {
    const auto& [other_name, other_value] = *other++;
    if (name != other_name || value.kind() != other_value.kind()) return Value::Bool(false);
    if (!Equal(value, other_value).IsTrue()) return Value::Bool(false);
  }
  return Value::Bool(true);
}

// Of which one is no document.
Value EqualObjects(const Value& a, const Value& b) {
  const MessageValue* left = MessageOf(a);
  const MessageValue* right = MessageOf(b);
  if (left != nullptr && right != nullptr) return EqualMessages(*left, *right);
  return Value::Bool(a.shared() == b.shared());
}

int SignOf(std::partial_ordering order) {
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

// Schema-typed lists, maps and objects refuse to be compared with what is none; so do quantities,
// addresses and whatever else Kubernetes adds to the language.
bool IsTypedCollection(const Value& value) {
  return value.schema() != nullptr && !value.shared();
}

// To expressions an object of a schema is a map.
bool HasMembers(const Value& value) {
  return value.Is(Kind::kMap) || (value.Is(Kind::kObject) && !value.shared());
}

}  // namespace

Value Equal(const Value& a, const Value& b) {
  if (!Look()) return Value::Error(kBudgetText);
  if (a.IsError()) return a;
  if (b.IsError()) return b;
  if (a.IsNumber() && b.IsNumber()) return Value::Bool(CompareNumbers(a, b) == 0);
  if (HasMembers(a) && HasMembers(b)) {
    return IsTypedCollection(a) ? EqualMembers(a, b) : EqualMaps(a, b);
  }
  if (a.kind() != b.kind()) {
    const bool refuses = IsTypedCollection(a) || a.Is(Kind::kOpaque);
    return refuses && !b.Is(Kind::kNull) ? Value::NoSuchOverload() : Value::Bool(false);
  }
  switch (a.kind()) {
    case Kind::kNull: return Value::Bool(true);
    case Kind::kBool: return Value::Bool(a.boolean() == b.boolean());
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      if (a.text().size() != b.text().size()) return Value::Bool(false);
      looks_of_thread += a.text().size() / kTextBytesPerLook;
      return Value::Bool(a.text() == b.text());
    case Kind::kDuration: return Value::Bool(a.integer() == b.integer());
    case Kind::kTimestamp: return Value::Bool(a.moment() == b.moment());
    case Kind::kList: return EqualLists(a, b);
    case Kind::kObject: return EqualObjects(a, b);
    case Kind::kOptional:
      if (a.inner() == nullptr || b.inner() == nullptr) {
        return Value::Bool(a.inner() == b.inner());
      }
      return Equal(*a.inner(), *b.inner());
    case Kind::kOpaque:
      if (std::string_view(a.opaque().TypeName()) != b.opaque().TypeName() ||
          !a.opaque().IsComparable()) {
        return Value::NoSuchOverload();
      }
      return Value::Bool(a.opaque().Equals(b.opaque()));
    default: return Value::Bool(false);
  }
}

Value Compare(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    const auto order = CompareNumbers(a, b);
    if (order == std::partial_ordering::unordered) {
      return Value::Error("NaN values cannot be ordered");
    }
    return Value::Int(SignOf(order));
  }
  if (a.kind() != b.kind()) return Value::NoSuchOverload();
  if (!Look(std::min(a.text().size(), b.text().size()) / kTextBytesPerLook)) {
    return Value::Error(kBudgetText);
  }
  switch (a.kind()) {
    case Kind::kBool: return Value::Int(SignOf(a.boolean() <=> b.boolean()));
    case Kind::kString:
    case Kind::kBytes: return Value::Int(SignOf(a.text() <=> b.text()));
    case Kind::kDuration: return Value::Int(SignOf(a.integer() <=> b.integer()));
    case Kind::kTimestamp: return Value::Int(SignOf(a.moment() <=> b.moment()));
    default: return Value::NoSuchOverload();
  }
}

bool IsZeroValue(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return true;
    case Kind::kBool: return !value.boolean();
    case Kind::kInt:
    case Kind::kDuration: return value.integer() == 0;
    case Kind::kUint: return value.unsigned_integer() == 0;
    case Kind::kDouble: return value.number() == 0;
    case Kind::kString:
    case Kind::kBytes: return value.text().empty();
    case Kind::kTimestamp: return value.moment() == Moment{-62135596800, 0};
    case Kind::kList:
    case Kind::kMap: return value.Size() == 0;
    case Kind::kOptional: return value.inner() == nullptr;
    case Kind::kObject:
      if (const MessageValue* message = MessageOf(value)) return message->fields().empty();
      return !value.shared() && value.json()->empty();
    default: return false;
  }
}

std::string KeyText(const Value& key) {
  switch (key.kind()) {
    case Kind::kBool: return key.boolean() ? "true" : "false";
    case Kind::kInt: return std::to_string(key.integer());
    case Kind::kUint: return std::to_string(key.unsigned_integer());
    case Kind::kDouble: return GoFloat(key.number());
    case Kind::kString:
    case Kind::kBytes: return std::string(key.text());
    case Kind::kNull: return "null";
    case Kind::kDuration: return DurationText(key.integer());
    case Kind::kTimestamp: return MomentText(key.moment());
    default: return key.TypeName();
  }
}

// As a double of seconds prints: what is finer than that can tell is not shown.
std::string DurationText(int64_t nanoseconds) {
  constexpr int64_t kSecond = 1'000'000'000;
  const double seconds = static_cast<double>(nanoseconds / kSecond) +
                         static_cast<double>(nanoseconds % kSecond) / kSecond;
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, seconds, std::chars_format::fixed).ptr;
  return std::string(text, end) + "s";
}

std::string MomentText(const Moment& moment) {
  std::string out = FormatInstant({moment.seconds, 0}, TimeForm::kSeconds);
  if (moment.nanos == 0) return out;
  char fraction[16];
  std::snprintf(fraction, sizeof(fraction), ".%09u", static_cast<unsigned>(moment.nanos));
  std::string digits = fraction;
  digits.erase(digits.find_last_not_of('0') + 1);
  out.pop_back();
  return out + digits + "Z";
}

size_t CodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    const bool is_ascii = static_cast<unsigned char>(text[i]) < 0x80;
    i += is_ascii ? 1 : std::max<size_t>(Utf8SequenceLength(text.substr(i, 4)), 1);
  }
  return count;
}

}  // namespace skiff::cel
