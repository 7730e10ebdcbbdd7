// What expressions of mutations make with named fields: Object{spec: Object.spec{replicas: 3}} and
// JSONPatch{op: "add", path: "/spec/replicas", value: 3}.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/cel/value.h"

namespace skiff::cel {

inline constexpr char kPatchObjectType[] = "Object";
inline constexpr char kJsonPatchType[] = "JSONPatch";
inline constexpr char kEmptyType[] = "google.protobuf.Empty";

class MessageValue final : public ObjectValue {
 public:
  using Fields = std::map<std::string, Value, std::less<>>;
  MessageValue(std::string type, Fields fields)
      : type_(std::move(type)), fields_(std::move(fields)) {}
  std::string TypeName() const override { return type_; }
  std::optional<Value> Field(std::string_view name) const override;
  // What is read where the field was not given: null of an Object, "" of an operation.
  Value Unset(std::string_view name) const;
  const Fields& fields() const { return fields_; }

 private:
  const std::string type_;
  const Fields fields_;
};

// nullptr: the value is none.
const MessageValue* MessageOf(const Value& value);
// Whether it is google.protobuf.Empty{}, which has no fields to ask for.
bool IsEmptyMessage(const Value& value);

// A value of the type `type`, as an environment with patch types knows it. An error value where an
// operation is given what it cannot have.
Value MakeMessage(const std::string& type, MessageValue::Fields fields);

}  // namespace skiff::cel
