// The types that expressions are checked against: the language's own, those of libraries, and
// object types made of schemas.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace skiff::cel {

enum class TypeKind : uint8_t {
  kDyn,
  kError,
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
  kType,
  kOpaque,
  kObject,
  kParam,  // Stands for a type not known yet.
};

// Of one type; an expression that needs a larger one is refused.
inline constexpr uint32_t kTypePartsMax = 512;

struct Type;
using TypeRef = std::shared_ptr<const Type>;

// How Kubernetes compares and joins a list: x-kubernetes-list-type.
enum class ListRule : uint8_t { kAtomic, kSet, kMap };
// How documents write a timestamp.
enum class TextForm : uint8_t { kPlain, kDate, kDateTime };

struct ObjectField {
  std::string json_name;
  TypeRef type;
};

struct Type {
  TypeKind kind = TypeKind::kDyn;
  std::string name = {};             // Of an opaque type, an object or a parameter.
  std::vector<TypeRef> params = {};  // Of a list, a map, `type`, an opaque type.
  // How many types it is written with, itself counted: list(map(string, int)) has four. What an
  // object's fields are does not count.
  uint32_t parts = 1;
  // Of an object, by the names that expressions use.
  std::map<std::string, ObjectField, std::less<>> fields = {};
  // Of an object: it has every field there can be, of any type.
  bool is_open = false;
  // Of a scalar: a message holds it, which may be absent; such a value takes null.
  bool is_wrapper = false;

  // What a schema says of the documents; means nothing to the checker.
  ListRule list_rule = ListRule::kAtomic;
  std::vector<std::string> list_keys = {};
  TextForm form = TextForm::kPlain;
  // The most code points, bytes, items or entries, as cost estimates take them. None: not known.
  std::optional<uint64_t> size_max = {};
  // The fewest bytes that a document writes such a value in.
  uint64_t bytes_min = 0;
};

namespace types {
TypeRef Dyn();
TypeRef Error();
TypeRef Null();
TypeRef Bool();
TypeRef Int();
TypeRef Uint();
TypeRef Double();
TypeRef String();
TypeRef Bytes();
TypeRef Duration();
TypeRef Timestamp();
TypeRef List(TypeRef item);
TypeRef Map(TypeRef key, TypeRef value);
TypeRef TypeOf(TypeRef instance);
// What "type" itself names.
TypeRef AnyType();
// A value whose type an API leaves open, as google.protobuf.Any does: like dyn, but it is no range
// of a comprehension.
TypeRef Any();
TypeRef Optional(TypeRef inner);
TypeRef Opaque(std::string name, std::vector<TypeRef> params = {});
TypeRef Object(std::string name);
// `scalar` as google.protobuf.Int64Value and the like hold it.
TypeRef Wrapper(const TypeRef& scalar);
TypeRef Param(std::string name);
// `type` with other parameters.
TypeRef WithParams(const Type& type, std::vector<TypeRef> params);
}  // namespace types

// "list(string)", "map(string, dyn)", "optional_type(int)", as the checker's messages print them.
std::string TypeText(const Type& type);
bool SameType(const Type& a, const Type& b);
bool IsOptional(const Type& type);
bool IsAny(const Type& type);
// Whether it is of that kind, and no wrapper of it.
bool IsPlain(const Type& type, TypeKind kind);
// The name that type(x) shows for an instance: "google.protobuf.Duration", "null_type".
std::string InstanceTypeName(const Type& type);
// "list(google.protobuf.Duration)", "null_type": as Go prints the type of an expression.
std::string GoTypeText(const Type& type);

// "string.(int, list(T)) -> map(string, dyn)" or "(int) -> bool": a signature as libraries write
// theirs. One capital letter is a type parameter; other unknown words name opaque types. Crashes on
// text that is none, as all of them are constants.
struct Signature {
  bool member = false;
  std::vector<TypeRef> args;
  TypeRef result;
};
Signature ParseSignature(std::string_view text);

// What type parameters stand for, found while arguments are matched. One that is known may be part
// of what another stands for, so that few words say types that are larger than can be written:
// those are dyn, and TooComplex() from then on.
class Substitution {
 public:
  // In all it takes no more than `steps_max` looks at parts of types.
  explicit Substitution(uint64_t steps_max) : steps_max_(steps_max) {}
  uint64_t steps() const { return steps_; }
  // A type had more than kTypePartsMax parts, or all that was asked took too many steps: what came
  // of it is not to be used.
  bool TooComplex() const { return too_complex_; }
  // What stands for a type that has too many parts.
  TypeRef TooLarge();
  // Whether `from` may be used as `to`. Parameters learnt on the way stay learnt when it is so, and
  // are forgotten when it is not.
  bool Assign(const TypeRef& to, const TypeRef& from);
  bool AssignAll(const std::vector<TypeRef>& to, const std::vector<TypeRef>& from);
  // With what is known put in; with `open_to_dyn`, dyn for the rest.
  TypeRef Apply(const TypeRef& type, bool open_to_dyn);

 private:
  // Whoever looks at a part of a type takes a step; false: there are none left.
  bool TakeStep();
  // As Apply; `left`: how many parts the result may still get.
  TypeRef Expand(const TypeRef& type, bool open_to_dyn, uint32_t& left);
  bool AssignInner(const TypeRef& a, const TypeRef& b);
  bool BindParam(const TypeRef& type, const TypeRef& param, bool& known);
  bool Mentions(const TypeRef& param, const TypeRef& within);
  void Learn(const std::string& param, TypeRef type);
  // Back to what was known when so many changes had been made.
  void ForgetSince(size_t changes);

  struct Change {
    std::string param;
    TypeRef before;  // Null: nothing was known.
  };
  std::unordered_map<std::string, TypeRef> known_;
  std::vector<Change> changes_;  // Of the assignment under way.
  const uint64_t steps_max_;
  uint64_t steps_ = 0;
  bool too_complex_ = false;
};

// The one of two types that fit together which says less.
TypeRef MoreGeneral(const TypeRef& a, const TypeRef& b);

}  // namespace skiff::cel
