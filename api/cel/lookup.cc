#include "api/cel/lookup.h"

#include <string>
#include <utility>

#include "api/cel/message.h"

namespace skiff::cel {
namespace {

Value IndexList(const Value& list, const Value& index) {
  int64_t at = 0;
  if (index.Is(Kind::kInt)) {
    at = index.integer();
  } else if (index.Is(Kind::kUint)) {
    if (index.unsigned_integer() > INT64_MAX) {
      return Value::Error("index out of bounds: " + KeyText(index));
    }
    at = static_cast<int64_t>(index.unsigned_integer());
  } else if (index.Is(Kind::kDouble)) {
    const double number = index.number();
    if (!(number >= -9.2e18 && number <= 9.2e18) ||
        number != static_cast<double>(static_cast<int64_t>(number))) {
      return Value::Error("unsupported index value " + KeyText(index) + " in list");
    }
    at = static_cast<int64_t>(number);
  } else {
    return Value::Error("unsupported index type '" + index.TypeName() + "' in list");
  }
  if (at < 0 || static_cast<size_t>(at) >= list.Size()) {
    return Value::Error("index out of bounds: " + std::to_string(at));
  }
  return list.At(at);
}

Value NoSuchKey(const Value& key) {
  return Value::Error("no such key: " + KeyText(key));
}

}  // namespace

const char* GoKind(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
      return "types.Null";
    case Kind::kBool:
      return "types.Bool";
    case Kind::kInt:
      return "types.Int";
    case Kind::kUint:
      return "types.Uint";
    case Kind::kDouble:
      return "types.Double";
    case Kind::kString:
      return "types.String";
    case Kind::kBytes:
      return "types.Bytes";
    case Kind::kDuration:
      return "types.Duration";
    case Kind::kTimestamp:
      return "types.Timestamp";
    case Kind::kList:
      return "*types.baseList";
    case Kind::kMap:
      return "*types.baseMap";
    case Kind::kType:
      return "*types.Type";
    case Kind::kOptional:
      return "*types.Optional";
    default:
      return IsEmptyMessage(value) ? "*types.protoObj" : "ref.Val";
  }
}

bool IsQualifier(const Value& key) {
  return key.Is(Kind::kBool) || key.IsNumber() || key.Is(Kind::kString);
}

Value NoQualifier(const Value& key) {
  return Value::Error("invalid qualifier type: " + std::string(GoKind(key)));
}

Value SelectField(const Value& operand, std::string_view name) {
  if (operand.Is(Kind::kMap)) {
    Value found;
    return operand.FindMember(name, found) ? found : NoSuchKey(Value::StringView(name));
  }
  if (operand.Is(Kind::kOptional)) return OptionalLookUp(operand, Value::StringView(name), true);
  return IndexValue(operand, Value::StringView(name));
}

Value HasField(const Value& operand, std::string_view name) {
  if (operand.IsError()) return operand;
  if (operand.Is(Kind::kMap)) {
    Value found;
    if (!operand.FindMember(name, found)) return Value::Bool(false);
    return found.IsError() ? found : Value::Bool(true);
  }
  const Value key = Value::StringView(name);
  if (operand.Is(Kind::kOptional)) {
    if (operand.inner() == nullptr) return Value::Bool(false);
    return HasField(*operand.inner(), name);
  }
  if (operand.Is(Kind::kObject)) {
    const auto found = operand.Find(key);
    return found && found->IsError() ? *found : Value::Bool(found.has_value());
  }
  return operand.Is(Kind::kList) ? IndexList(operand, key) : Value::Bool(false);
}

Value IndexValue(const Value& operand, const Value& key) {
  if (operand.IsError()) return operand;
  if (key.IsError()) return key;
  switch (operand.kind()) {
    case Kind::kOptional:
      return OptionalLookUp(operand, key, false);
    case Kind::kList:
      return IndexList(operand, key);
    case Kind::kMap:
    case Kind::kObject: {
      if (!IsQualifier(key)) return NoQualifier(key);
      auto found = operand.Find(key);
      if (found) return *std::move(found);
      const MessageValue* message = MessageOf(operand);
      if (message == nullptr) return NoSuchKey(key);
      return key.Is(Kind::kString) ? message->Unset(key.text()) : Value::NoSuchOverload();
    }
    default:
      return NoSuchKey(key);
  }
}

Value OptionalLookUp(const Value& operand, const Value& key, bool field) {
  if (operand.IsError()) return operand;
  if (key.IsError()) return key;
  if (operand.Is(Kind::kOptional)) {
    if (operand.inner() == nullptr) return operand;
    return OptionalLookUp(*operand.inner(), key, field);
  }
  if (operand.Is(Kind::kList)) {
    Value item = IndexList(operand, key);
    if (!item.IsError()) return Value::Some(std::move(item));
    return item.text().starts_with("index out of bounds") ? Value::None() : item;
  }
  if (operand.Is(Kind::kMap) || operand.Is(Kind::kObject)) {
    if (!IsQualifier(key)) return NoQualifier(key);
    auto found = operand.Find(key);
    if (!found) return Value::None();
    return found->IsError() ? *found : Value::Some(*std::move(found));
  }
  return Value::None();  // What has no members lacks this one.
}

}  // namespace skiff::cel
