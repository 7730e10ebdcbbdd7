// The messages of protobuf's own, which expressions construct without a declaration:
// google.protobuf.Timestamp{seconds: 1}. What is made is mostly no message, but what it stands for.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cel/message.h"
#include "api/cel/type.h"
#include "api/cel/value.h"

namespace skiff::cel {

// How a field holds its value; each takes values of one kind alone.
enum class Storage : uint8_t {
  kBool,
  kInt64,
  kInt32,
  kEnum,
  kUint64,
  kUint32,
  kFloat64,
  kFloat32,
  kString,
  kBytes,
  kUint8,      // An item of bytes.
  kJson,       // Anything that JSON can write: google.protobuf.Value.
  kJsonMap,    // google.protobuf.Struct,
  kJsonList,   // and ListValue.
  kMapField,   // What a Struct
  kListField,  // and a ListValue are made of.
};

struct WellKnownField {
  std::string_view name;
  TypeRef type;
  Storage storage;
};

struct WellKnownMessage {
  // nullptr: it has no such field.
  const WellKnownField* Find(std::string_view field) const;

  std::string_view name;
  TypeRef type;  // Of an expression that constructs it.
  // Whether its name alone is an expression, as "int" is.
  bool is_type;
  std::vector<WellKnownField> fields;
};

// nullptr: protobuf has none of that name, or none that the language knows.
const WellKnownMessage* FindWellKnown(std::string_view name);

// The one value of protobuf's one enumeration: an int.
inline constexpr std::string_view kNullValueName = "google.protobuf.NullValue.NULL_VALUE";

// What `message` with these fields stands for: a timestamp, a map, a number. An error value where a
// field is given what it cannot hold, or `may_make`, which is asked before so many bytes are made,
// says no. Calls itself for what stands in one another, kValueDepthMax deep.
Value MakeWellKnown(const WellKnownMessage& message, const MessageValue::Fields& fields,
                    const std::function<bool(size_t bytes)>& may_make);

}  // namespace skiff::cel
