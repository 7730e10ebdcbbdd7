#include "api/cel/packed_message.h"

#include <bit>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/cel/limits.h"
#include "api/cel/well_known.h"
#include "api/codec/wire_reader.h"
#include "api/text/utf8.h"

namespace skiff::cel {
namespace {

// How a field of that storage is written; what comes otherwise is a field that nobody knows.
Wire WireOf(Storage storage) {
  switch (storage) {
    case Storage::kFloat64:
      return Wire::kFixed64;
    case Storage::kFloat32:
      return Wire::kFixed32;
    case Storage::kString:
    case Storage::kBytes:
    case Storage::kJson:
    case Storage::kJsonMap:
    case Storage::kJsonList:
    case Storage::kMapField:
    case Storage::kListField:
      return Wire::kBytes;
    default:
      return Wire::kVarint;
  }
}

Value NoPackedMessage() {
  return Value::Error("unsupported conversion to ref.Val: (*dynamicpb.Message)");
}

class MessageUnpacker {
 public:
  explicit MessageUnpacker(const std::function<bool(size_t)>& may_make) : may_make_(may_make) {}

  Value Named(std::string_view url, std::string_view bytes, int depth) const {
    const WellKnownMessage* message = FindWellKnown(url.substr(url.rfind('/') + 1));
    return message == nullptr ? NoPackedMessage() : Message(*message, bytes, depth);
  }

 private:
  struct Parts {
    MessageValue::Fields fields;
    Value last;  // Of a Value, whose fields exclude one another.
    // Where that is a message, all that was said of it; it is read once.
    const WellKnownField* last_field = nullptr;
    std::string message;
    std::vector<Value> items;
    std::map<Value, Value, KeyLess> entries;
  };

  Value Message(const WellKnownMessage& message, std::string_view bytes, int depth) const {
    if (depth >= kValueDepthMax) return Value::Error(kTooDeep);
    Parts parts;
    WireReader in(bytes);
    WireField field;
    while (in.Next(field)) {
      // They are numbered in their order.
      if (field.number > message.fields.size()) continue;
      const WellKnownField& known = message.fields[field.number - 1];
      if (field.wire != WireOf(known.storage)) continue;
      if (Value failure = Take(known, field, depth, parts); failure.IsError()) return failure;
    }
    return in.failed() ? NoPackedMessage() : Whole(message, std::move(parts), depth);
  }

  Value Take(const WellKnownField& known, const WireField& field, int depth, Parts& parts) const {
    if (known.storage == Storage::kMapField) return TakeEntry(field.bytes, depth, parts);
    const WellKnownField* const before = std::exchange(parts.last_field, &known);
    if (IsMessage(known.storage)) {
      if (before != &known) parts.message.clear();
      if (!may_make_(field.bytes.size())) return Value::Error(kBudgetText);
      parts.message += field.bytes;
      return {};
    }
    Value value = Of(known.storage, field, depth);
    if (value.IsError()) return value;
    if (!may_make_(sizeof(Value))) return Value::Error(kBudgetText);
    if (known.storage == Storage::kListField) {
      parts.items.push_back(std::move(value));
      return {};
    }
    parts.last = known.storage == Storage::kEnum ? Value() : value;
    parts.fields.insert_or_assign(std::string(known.name), std::move(value));
    return {};
  }

  Value TakeEntry(std::string_view bytes, int depth, Parts& parts) const {
    Value name = Value::StringView("");
    Value value;
    WireReader in(bytes);
    WireField field;
    while (in.Next(field)) {
      if (field.wire != Wire::kBytes || field.number > 2) continue;
      Value& part = field.number == 1 ? name : value;
      part = Of(field.number == 1 ? Storage::kString : Storage::kJson, field, depth);
      if (part.IsError()) return part;
    }
    if (in.failed()) return NoPackedMessage();
    if (!may_make_(kEntryBytes)) return Value::Error(kBudgetText);
    parts.entries.insert_or_assign(std::move(name), std::move(value));
    return {};
  }

  Value Of(Storage storage, const WireField& field, int depth) const {
    switch (storage) {
      case Storage::kBool:
        return Value::Bool(field.number_value != 0);
      case Storage::kInt64:
        return Value::Int(static_cast<int64_t>(field.number_value));
      case Storage::kInt32:
      case Storage::kEnum:
        return Value::Int(static_cast<int32_t>(field.number_value));
      case Storage::kUint64:
        return Value::Uint(field.number_value);
      case Storage::kUint32:
        return Value::Uint(static_cast<uint32_t>(field.number_value));
      case Storage::kFloat64:
        return Value::Double(std::bit_cast<double>(field.number_value));
      case Storage::kFloat32:
        return Value::Double(std::bit_cast<float>(static_cast<uint32_t>(field.number_value)));
      case Storage::kString:
        if (!IsUtf8(field.bytes)) return NoPackedMessage();
        [[fallthrough]];
      case Storage::kBytes: {
        if (!may_make_(field.bytes.size())) return Value::Error(kBudgetText);
        std::string text(field.bytes);
        return storage == Storage::kString ? Value::String(std::move(text))
                                           : Value::Bytes(std::move(text));
      }
      default:
        return Message(*FindWellKnown("google.protobuf.Value"), field.bytes, depth + 1);
    }
  }

  static bool IsMessage(Storage storage) {
    return storage == Storage::kJsonMap || storage == Storage::kJsonList;
  }

  Value Whole(const WellKnownMessage& message, Parts parts, int depth) const {
    const Storage first = message.fields.empty() ? Storage::kJson : message.fields[0].storage;
    if (first == Storage::kListField) return Value::List(std::move(parts.items));
    if (first == Storage::kMapField) return MapBuilder::Make(std::move(parts.entries));
    if (IsAny(*message.type)) {
      const Value& url = parts.fields["type_url"];
      const Value& bytes = parts.fields["value"];
      return Named(url.Is(Kind::kString) ? url.text() : "",
                   bytes.Is(Kind::kBytes) ? bytes.text() : "", depth + 1);
    }
    if (parts.last_field != nullptr && IsMessage(parts.last_field->storage)) {
      const bool is_map = parts.last_field->storage == Storage::kJsonMap;
      return Message(
          *FindWellKnown(is_map ? "google.protobuf.Struct" : "google.protobuf.ListValue"),
          parts.message, depth + 1);
    }
    if (message.type->kind == TypeKind::kDyn) return parts.last;
    return MakeWellKnown(message, parts.fields, may_make_);
  }

  const std::function<bool(size_t)>& may_make_;
};

}  // namespace

Value Unpacked(std::string_view url, std::string_view bytes,
               const std::function<bool(size_t bytes)>& may_make) {
  return MessageUnpacker(may_make).Named(url, bytes, 0);
}

}  // namespace skiff::cel
