#include "api/cel/message.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::cel {
namespace {

// Of what holds such a value in Go.
const char* GoStorageOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull: return "structpb.NullValue";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int64";
    case Kind::kUint: return "uint64";
    case Kind::kDouble: return "float64";
    case Kind::kBytes: return "[]uint8";
    case Kind::kDuration: return "time.Duration";
    case Kind::kTimestamp: return "time.Time";
    case Kind::kList: return "[]ref.Val";
    default: return "map[ref.Val]ref.Val";
  }
}

}  // namespace

std::optional<Value> MessageValue::Field(std::string_view name) const {
  if (type_ == kEmptyType) return Value::Error("no such field '" + std::string(name) + "'");
  const auto found = fields_.find(name);
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

Value MessageValue::Unset(std::string_view name) const {
  const bool is_text = type_ == kJsonPatchType && name != "value";
  return is_text ? Value::StringView("") : Value();
}

const MessageValue* MessageOf(const Value& value) {
  if (!value.Is(Kind::kObject)) return nullptr;
  return dynamic_cast<const MessageValue*>(value.shared().get());
}

bool IsEmptyMessage(const Value& value) {
  const MessageValue* message = MessageOf(value);
  return message != nullptr && message->TypeName() == kEmptyType;
}

Value MakeMessage(const std::string& type, MessageValue::Fields fields) {
  if (type == kJsonPatchType) {
    for (const auto& [name, value] : fields) {
      if (name == "value" || value.Is(Kind::kString)) continue;
      return Value::Error(fmt::format("unexpected type {} for JSONPatchType '{}' field",
                                      GoStorageOf(value), name));
    }
  }
  int depth = 0;
  for (const auto& [name, value] : fields) depth = std::max(depth, value.depth());
  return Value::Object(std::make_shared<const MessageValue>(type, std::move(fields)), depth + 1);
}

}  // namespace skiff::cel
