// The values of CEL expressions. A value is small and is copied freely; strings, lists, maps and
// objects may be views into a document, a program or what a lens shows, which must then outlive it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/cel/type.h"
#include "api/codec/json.h"

namespace skiff::cel {

enum class Kind : uint8_t {
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kDuration,
  kTimestamp,
  kList,
  kMap,
  kObject,
  kType,
  kOptional,
  kOpaque,
  kError,
};

class Value;

// What a value shares with its copies.
class Shared {
 public:
  virtual ~Shared() = default;
  // Of memory, about: without what it shares with others.
  virtual size_t Bytes() const { return kSharedBytes; }

 protected:
  static constexpr size_t kSharedBytes = 64;
};

class ListValue : public Shared {
 public:
  virtual size_t Size() const = 0;
  virtual Value At(size_t index) const = 0;
};

// A value with named fields that is not a document: a typed struct, or variables that are computed
// when they are first asked for.
class ObjectValue : public Shared {
 public:
  virtual std::string TypeName() const = 0;
  // Absent: the field is not set. An error value where reading it failed.
  virtual std::optional<Value> Field(std::string_view name) const = 0;
};

// A value of a library: an address, a quantity, an authorizer.
class OpaqueValue : public Shared {
 public:
  virtual const char* TypeName() const = 0;
  virtual bool Equals(const OpaqueValue& other) const = 0;
  // False: to ask whether it is the same as another one is an error.
  virtual bool IsComparable() const { return true; }
  // What string(x) and messages show.
  virtual std::string Text() const { return TypeName(); }
};

// Seconds since 1970 and nanoseconds, of the years 1 to 9999.
struct Moment {
  int64_t seconds = 0;
  int32_t nanos = 0;
  auto operator<=>(const Moment&) const = default;
};

// A document that nobody made: it is looked at where its parts lie. What a list or a map shows is
// as the document would: members that it would leave out are not there. Thread-safe. A place is the
// address of what the lens is for, which outlives all values that it shows.
class Lens {
 public:
  virtual ~Lens() = default;
  // Of a map; false: it has no such member, and `out` is as it was.
  virtual bool Member(const void* place, std::string_view name, Value& out) const = 0;
  // Of a map, in their order. The texts live as long as the place.
  virtual std::vector<std::string_view> Names(const void* place) const = 0;
  // Of a list or a map.
  virtual size_t Size(const void* place) const = 0;
  // Of a list; `index` is within it.
  virtual Value At(const void* place, size_t index) const = 0;
};

class Value {
 public:
  Value() = default;  // null
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value Uint(uint64_t value);
  static Value Double(double value);
  static Value String(std::string text);
  static Value Bytes(std::string bytes);
  // A view: `text` outlives the value.
  static Value StringView(std::string_view text);
  // A string that lies in `owner`, which it holds.
  static Value StringIn(std::shared_ptr<const Shared> owner, std::string_view text);
  // A part of the text of a string, which it holds or is a view of, as that one does.
  static Value PartOf(const Value& whole, std::string_view part) {
    return StringIn(whole.shared_, part);
  }
  static Value Duration(int64_t nanoseconds);
  static Value Timestamp(Moment moment);
  static Value List(std::vector<Value> items);
  static Value List(std::shared_ptr<const ListValue> list);
  static Value TypeNamed(std::string name);
  static Value Some(Value value);
  static Value None();
  // `depth`: what an expression made it of, and it, stand so deep in one another.
  static Value Object(std::shared_ptr<const ObjectValue> object, int depth = 0);
  static Value Opaque(std::shared_ptr<const OpaqueValue> value);
  static Value Error(std::string text);
  // A view: `text` outlives the value.
  static Value ErrorView(std::string_view text);
  static Value NoSuchOverload() { return Error("no such overload"); }
  // Looks into `json`, which outlives the value, as into a value of `type`; without one, as into
  // plain JSON. `type` outlives it, too.
  static Value Document(const Json& json, const Type* type = nullptr);
  // A list or a map of plain JSON, as the lens shows it. Both outlive the value.
  static Value Seen(Kind kind, const Lens& lens, const void* place);
  // A value of plain JSON that holds all that it needs.
  static Value Owned(const Json& json);

  // One of those two that has parts, rather than one that an expression made.
  bool IsView() const { return is_seen_ || IsDocument(); }

  Kind kind() const { return kind_; }
  bool Is(Kind kind) const { return kind_ == kind; }
  bool IsError() const { return kind_ == Kind::kError; }
  // How many lists, maps and optionals that expressions made stand in one another, this one
  // counted. What is deep costs each of its readers as deep a stack.
  int depth() const { return depth_; }
  bool IsTrue() const { return kind_ == Kind::kBool && as_.boolean; }
  bool IsNumber() const {
    return kind_ == Kind::kInt || kind_ == Kind::kUint || kind_ == Kind::kDouble;
  }
  // Whoever asks a value for what its kind has not gets nothing, or zero: the bytes of one kind,
  // taken for those of another, would be addresses.
  bool boolean() const { return Is(Kind::kBool) && as_.boolean; }
  // Of a duration: nanoseconds.
  int64_t integer() const {
    return Is(Kind::kInt) || Is(Kind::kDuration) ? as_.integer : 0;
  }
  uint64_t unsigned_integer() const { return Is(Kind::kUint) ? as_.uint : 0; }
  double number() const { return Is(Kind::kDouble) ? as_.number : 0; }
  Moment moment() const { return Is(Kind::kTimestamp) ? as_.moment : Moment{}; }
  // Of a string, bytes, a type's name or an error.
  std::string_view text() const {
    return HasText() ? std::string_view(as_.text.data, as_.text.size) : std::string_view();
  }
  const OpaqueValue& opaque() const { return static_cast<const OpaqueValue&>(*shared_); }
  template <typename T>
  const T* OpaqueAs() const {
    return kind_ == Kind::kOpaque ? dynamic_cast<const T*>(shared_.get()) : nullptr;
  }
  // Of an optional: null when it is none.
  const Value* inner() const;

  // Of a list, a map or a document's object.
  size_t Size() const;
  // Of a list; `index` is within it.
  Value At(size_t index) const;
  // Scratch of a call (MakeScratch): empty where there is no room for them.
  std::vector<Value> Items() const;
  // Of a map or an object; nothing of other values. A number finds an integer key of its value,
  // whatever the kinds of the two.
  std::optional<Value> Find(const Value& key) const;
  // The same of a map, by a text; false: it is not there, and `out` is as it was.
  bool FindMember(std::string_view name, Value& out) const;
  // Whether the key is there; Find may know an answer for one that is not (MapValue::otherwise).
  bool Contains(const Value& key) const;
  std::vector<Value> Keys() const;
  // One by one, until `visit` says no. A key may be one that Find does not find: NaN.
  void EachKey(const std::function<bool(const Value& key)>& visit) const;
  using Visit = std::function<bool(const Value& key, const Value& value)>;
  // The value of a document's field that is null is an error.
  void EachEntry(const Visit& visit) const;
  // Of an object, by the name that expressions use.
  std::optional<Value> Field(std::string_view name) const;
  // The schema of a document's list, map or object; null when there is none.
  const Type* schema() const { return IsDocument() ? as_.document.type : nullptr; }
  const Json* json() const { return IsDocument() ? as_.document.json : nullptr; }
  const std::shared_ptr<const Shared>& shared() const { return shared_; }
  // What it is a view of, which no other is a view of.
  std::pair<const void*, const void*> place() const {
    if (is_seen_) return {as_.seen.place, as_.seen.lens};
    return {json(), nullptr};
  }

  // What type(x) shows: "int", "google.protobuf.Duration".
  std::string TypeName() const;

 private:
  friend class ListBuilder;
  friend class MapBuilder;
  bool HasParts() const {
    return kind_ == Kind::kList || kind_ == Kind::kMap || kind_ == Kind::kObject;
  }
  bool IsDocument() const { return HasParts() && !is_seen_ && !shared_; }
  bool HasText() const {
    return kind_ == Kind::kString || kind_ == Kind::kBytes || kind_ == Kind::kType ||
           kind_ == Kind::kError;
  }
  static Value Text(Kind kind, std::string text);
  // `item` is part of it now.
  void Surround(const Value& item) {
    if (item.depth_ >= depth_ && item.depth_ < UINT16_MAX) depth_ = item.depth_ + 1;
  }

  Kind kind_ = Kind::kNull;
  bool is_seen_ = false;  // Through a lens.
  uint16_t depth_ = 0;
  union {
    bool boolean;
    int64_t integer;
    uint64_t uint;
    double number;
    Moment moment;
    struct {
      const char* data;
      size_t size;
    } text;
    struct {
      const Json* json;
      const Type* type;
    } document;
    struct {
      const void* place;
      const Lens* lens;
    } seen;
  } as_ = {.integer = 0};
  std::shared_ptr<const Shared> shared_;
};

// Orders the keys of maps: by kind, then by value. A list, a map or another value that is made of
// several is a key of its own, which only its copies equal.
struct KeyLess {
  bool operator()(const Value& a, const Value& b) const;
};

// About what a text, a list or an optional, and a map take beside their bytes, items and entries.
inline constexpr size_t kTextBytes = 80;
inline constexpr size_t kListBytes = 96;
inline constexpr size_t kMapBytes = 144;
// Of an item of a list that grows: as much again may be left for others.
inline constexpr size_t kGrowingItemBytes = 2 * sizeof(Value);
// Of an entry of a map: its key, its value and its node.
inline constexpr size_t kEntryBytes = 2 * sizeof(Value) + 48;

class MapValue : public Shared {
 public:
  // Null: it is not there.
  const Value* Entry(const Value& key) const;
  // And of its lists, which functions that make maps make with them.
  size_t Bytes() const override;

  std::map<Value, Value, KeyLess> entries;
  // What look-ups of any other key come to.
  std::optional<Value> otherwise;
};

// Lists and maps that a comprehension adds to one by one. `target` is changed in place where nobody
// else holds it.
class ListBuilder {
 public:
  static void Append(Value& target, Value item);
};
class MapBuilder {
 public:
  static Value Make(std::map<Value, Value, KeyLess> entries,
                    std::optional<Value> otherwise = std::nullopt);
  // False: the key is there already, or an integer key of its value.
  static bool Insert(Value& target, const Value& key, Value value);
};

// By value, deeply; numbers of different kinds are equal when their values are. An error value
// where the two cannot be compared.
Value Equal(const Value& a, const Value& b);
// -1, 0, 1 as an int; an error value for what has no order.
Value Compare(const Value& a, const Value& b);
// Unordered is told apart: NaN equals and precedes nothing.
std::partial_ordering CompareNumbers(const Value& a, const Value& b);
// 0 for what is empty or zero: optional.ofNonZeroValue.
bool IsZeroValue(const Value& value);
// "self" as messages print a key: text without quotes.
std::string KeyText(const Value& key);

// What string(x) gives for scalars: "5400s", "2024-01-01T00:00:00Z".
std::string DurationText(int64_t nanoseconds);
std::string MomentText(const Moment& moment);
// Code points of well-formed text; every other byte counts as one.
size_t CodePoints(std::string_view text);

}  // namespace skiff::cel
