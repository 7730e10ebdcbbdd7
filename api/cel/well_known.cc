#include "api/cel/well_known.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "api/cel/conversions.h"
#include "api/cel/limits.h"
#include "api/cel/packed_message.h"
#include "api/codec/base64.h"

namespace skiff::cel {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// Beyond, a double has no room for each integer; JSON writes those as text.
constexpr int64_t kJsonIntegerMax = (int64_t{1} << 53) - 1;

const char* StorageName(Storage storage) {
  switch (storage) {
    case Storage::kBool: return "bool";
    case Storage::kInt64: return "int64";
    case Storage::kInt32: return "int32";
    case Storage::kEnum: return "protoreflect.EnumNumber";
    case Storage::kUint64: return "uint64";
    case Storage::kUint32: return "uint32";
    case Storage::kFloat64: return "float64";
    case Storage::kFloat32: return "float32";
    case Storage::kString: return "string";
    case Storage::kBytes: return "[]uint8";
    case Storage::kUint8: return "uint8";
    case Storage::kJsonMap: return "*structpb.Struct";
    case Storage::kJsonList: return "*structpb.ListValue";
    default: return "*structpb.Value";
  }
}

// What is said of a value that the field holds no such.
Value Misfit(const Value& value, Storage storage) {
  const std::string to = StorageName(storage);
  const auto plain = [&](const std::string& from) {
    return Value::Error("type conversion error from " + from + " to '" + to + "'");
  };
  switch (value.kind()) {
    case Kind::kBool: return plain("bool");
    case Kind::kInt:
    case Kind::kUint:
      return Value::Error("unsupported type conversion from '" + value.TypeName() + "' to " + to);
    case Kind::kDouble: return plain("Double");
    case Kind::kString:
      return Value::Error("unsupported native conversion from string to '" + to + "'");
    case Kind::kBytes: return plain("Bytes");
    case Kind::kDuration: return plain("'Duration'");
    case Kind::kTimestamp: return plain("'Timestamp'");
    case Kind::kList:
    case Kind::kMap: return plain(value.TypeName());
    case Kind::kType: return Value::Error("type conversion not supported for 'type'");
    case Kind::kObject: return plain("'*dynamicpb.Message'");
    default: {
      const std::string name = value.TypeName();
      return plain("'" + name.substr(name.rfind('.') + 1) + "'");
    }
  }
}

// The text of a number that has no room in a double of its own.
Value JsonInteger(bool fits, double number, const Value& value) {
  return fits ? Value::Double(number) : Value::String(KeyText(value));
}

class FieldWriter {
 public:
  explicit FieldWriter(const std::function<bool(size_t)>& may_make) : may_make_(may_make) {}

  // What the field then holds. `depth`: how many lists and maps `given` stands in.
  Value Write(const Value& given, Storage storage, int depth = 0) const {
    Value value = given;
    while (value.Is(Kind::kOptional)) {
      if (value.inner() == nullptr) return Value::Error("optional.none() dereference");
      value = Value(*value.inner());
    }
    switch (storage) {
      case Storage::kBool:
        if (value.Is(Kind::kBool)) return value;
        break;
      case Storage::kInt64:
      case Storage::kInt32:
      case Storage::kEnum:
        if (!value.Is(Kind::kInt)) break;
        if (storage == Storage::kInt64 || std::in_range<int32_t>(value.integer())) return value;
        return Value::Error("integer overflow");
      case Storage::kUint64:
      case Storage::kUint32:
        if (!value.Is(Kind::kUint)) break;
        if (storage == Storage::kUint64 || std::in_range<uint32_t>(value.unsigned_integer())) {
          return value;
        }
        return Value::Error("unsigned integer overflow");
      case Storage::kFloat64:
        if (value.Is(Kind::kDouble)) return value;
        break;
      case Storage::kFloat32:
        if (value.Is(Kind::kDouble)) return Value::Double(static_cast<float>(value.number()));
        break;
      case Storage::kString:
        if (value.Is(Kind::kString)) {
          looks_of_thread += value.text().size() / kTextBytesPerLook;
          return value;
        }
        if (value.Is(Kind::kOpaque)) return Made(value.opaque().Text());
        break;
      case Storage::kBytes:
        if (value.Is(Kind::kBytes)) return value;
        if (!value.Is(Kind::kList)) break;
        return value.Size() == 0 ? Value::Bytes("") : Misfit(value.At(0), Storage::kUint8);
      case Storage::kUint8: break;
      case Storage::kJson: return Json(value, depth);
      case Storage::kJsonMap:
      case Storage::kMapField:
        if (value.Is(Kind::kMap) || IsDocument(value)) return JsonMap(value, depth);
        break;
      case Storage::kJsonList:
      case Storage::kListField:
        if (value.Is(Kind::kList)) return JsonList(value, depth);
        break;
    }
    return Misfit(value, storage);
  }

 private:
  static bool IsDocument(const Value& value) {
    return value.Is(Kind::kObject) && value.json() != nullptr;
  }

  Value Made(std::string text) const {
    return may_make_(text.size()) ? Value::String(std::move(text)) : Value::Error(kBudgetText);
  }

  Value Json(const Value& value, int depth) const {
    switch (value.kind()) {
      case Kind::kNull:
      case Kind::kBool:
      case Kind::kDouble:
      case Kind::kString: return value;
      case Kind::kInt: {
        const int64_t number = value.integer();
        return JsonInteger(number >= -kJsonIntegerMax && number <= kJsonIntegerMax,
                           static_cast<double>(number), value);
      }
      case Kind::kUint: {
        const uint64_t number = value.unsigned_integer();
        return JsonInteger(number <= uint64_t{kJsonIntegerMax}, static_cast<double>(number), value);
      }
      case Kind::kBytes: return Made(EncodeBase64(value.text()));
      case Kind::kDuration:
      case Kind::kTimestamp: return Made(KeyText(value));
      case Kind::kList: return JsonList(value, depth);
      case Kind::kMap: return JsonMap(value, depth);
      default: break;
    }
    if (IsEmptyMessage(value)) return MapBuilder::Make({});
    return IsDocument(value) ? JsonMap(value, depth) : Misfit(value, Storage::kJson);
  }

  Value JsonList(const Value& list, int depth) const {
    if (depth >= kValueDepthMax) return Value::Error(kTooDeep);
    std::vector<Value> items;
    for (size_t i = 0; i < list.Size(); ++i) {
      if (!may_make_(sizeof(Value))) return Value::Error(kBudgetText);
      Value item = Write(list.At(i), Storage::kJson, depth + 1);
      if (item.IsError()) return item;
      items.push_back(std::move(item));
    }
    return Value::List(std::move(items));
  }

  Value JsonMap(const Value& map, int depth) const {
    if (depth >= kValueDepthMax) return Value::Error(kTooDeep);
    std::map<Value, Value, KeyLess> entries;
    Value failure;
    map.EachEntry([&](const Value& key, const Value& given) {
      const Value name = Write(key, Storage::kString);
      Value value = Write(given, Storage::kJson, depth + 1);
      if (!may_make_(kEntryBytes)) failure = Value::Error(kBudgetText);
      if (value.IsError()) failure = value;
      if (name.IsError()) failure = name;
      entries.insert_or_assign(name, std::move(value));
      return !failure.IsError();
    });
    return failure.IsError() ? failure : MapBuilder::Make(std::move(entries));
  }

  const std::function<bool(size_t)>& may_make_;
};

// "map(dyn, dyn)": the type of a value at run time.
std::string RunTypeText(const Value& value) {
  if (value.Is(Kind::kList)) return "list(dyn)";
  return value.Is(Kind::kMap) ? "map(dyn, dyn)" : value.TypeName();
}

// What `field` holds once it is given `value`.
Value WrittenField(const WellKnownMessage& message, const WellKnownField& field, const Value& value,
                   const FieldWriter& writer) {
  const std::string name = std::string(message.name) + "." + std::string(field.name);
  const bool map = value.Is(Kind::kMap) || (value.Is(Kind::kObject) && value.json() != nullptr);
  if ((field.storage == Storage::kMapField && !map) ||
      (field.storage == Storage::kListField && !value.Is(Kind::kList))) {
    return Value::Error("unsupported field type for " + name + ": " + RunTypeText(value));
  }
  Value written = writer.Write(value, field.storage);
  if (!written.IsError()) return written;
  return Value::Error("field type conversion error for " + name +
                      " value type: " + std::string(written.text()));
}

Value ZeroOf(Storage storage) {
  switch (storage) {
    case Storage::kBool: return Value::Bool(false);
    case Storage::kInt64:
    case Storage::kInt32: return Value::Int(0);
    case Storage::kUint64:
    case Storage::kUint32: return Value::Uint(0);
    case Storage::kFloat64:
    case Storage::kFloat32: return Value::Double(0);
    case Storage::kString: return Value::StringView("");
    case Storage::kBytes: return Value::Bytes("");
    case Storage::kMapField: return MapBuilder::Make({});
    case Storage::kListField: return Value::List(std::vector<Value>());
    default: return {};
  }
}

// Nanoseconds may be more than a second's, and below zero.
Value TimestampOf(int64_t seconds, int64_t nanos) {
  int64_t carry = nanos / kNanosPerSecond;
  nanos %= kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --carry;
  }
  // So far from the years that are wanted that the sum has room.
  const int64_t near = std::clamp<int64_t>(seconds, INT64_MIN / 2, INT64_MAX / 2);
  const Moment moment{near + carry, static_cast<int32_t>(nanos)};
  return InTimestampRange(moment) ? Value::Timestamp(moment) : Value::Error("timestamp overflow");
}

// The longest there is where it is longer.
Value DurationOf(int64_t seconds, int64_t nanos) {
  const __int128 whole = static_cast<__int128>(seconds) * kNanosPerSecond + nanos;
  return Value::Duration(static_cast<int64_t>(std::clamp<__int128>(whole, INT64_MIN, INT64_MAX)));
}

WellKnownMessage WrapperMessage(std::string_view name, const TypeRef& scalar, Storage storage) {
  return {name, types::Wrapper(scalar), false, {{"value", scalar, storage}}};
}

const std::vector<WellKnownMessage>& WellKnownMessages() {
  static const TypeRef json_map = types::Map(types::String(), types::Dyn());
  static const TypeRef json_list = types::List(types::Dyn());
  static const std::vector<WellKnownField> time = {{"seconds", types::Int(), Storage::kInt64},
                                                   {"nanos", types::Int(), Storage::kInt32}};
  static const std::vector<WellKnownMessage> messages = {
      {"google.protobuf.Any", types::Any(), false,
       {{"type_url", types::String(), Storage::kString},
        {"value", types::Bytes(), Storage::kBytes}}},
      {"google.protobuf.Duration", types::Duration(), true, time},
      {kEmptyType, types::Object(kEmptyType), true, {}},
      {"google.protobuf.ListValue", json_list, false, {{"values", json_list, Storage::kListField}}},
      {"google.protobuf.Struct", json_map, false, {{"fields", json_map, Storage::kMapField}}},
      {"google.protobuf.Timestamp", types::Timestamp(), true, time},
      {"google.protobuf.Value", types::Dyn(), false,
       {{"null_value", types::Int(), Storage::kEnum},
        {"number_value", types::Double(), Storage::kFloat64},
        {"string_value", types::String(), Storage::kString},
        {"bool_value", types::Bool(), Storage::kBool},
        {"struct_value", json_map, Storage::kJsonMap},
        {"list_value", json_list, Storage::kJsonList}}},
      WrapperMessage("google.protobuf.BoolValue", types::Bool(), Storage::kBool),
      WrapperMessage("google.protobuf.BytesValue", types::Bytes(), Storage::kBytes),
      WrapperMessage("google.protobuf.DoubleValue", types::Double(), Storage::kFloat64),
      WrapperMessage("google.protobuf.FloatValue", types::Double(), Storage::kFloat32),
      WrapperMessage("google.protobuf.Int32Value", types::Int(), Storage::kInt32),
      WrapperMessage("google.protobuf.Int64Value", types::Int(), Storage::kInt64),
      WrapperMessage("google.protobuf.StringValue", types::String(), Storage::kString),
      WrapperMessage("google.protobuf.UInt32Value", types::Uint(), Storage::kUint32),
      WrapperMessage("google.protobuf.UInt64Value", types::Uint(), Storage::kUint64)};
  return messages;
}

}  // namespace

const WellKnownField* WellKnownMessage::Find(std::string_view field) const {
  const auto found = std::ranges::find(fields, field, &WellKnownField::name);
  return found == fields.end() ? nullptr : &*found;
}

const WellKnownMessage* FindWellKnown(std::string_view name) {
  if (!name.starts_with("google.protobuf.")) return nullptr;
  const auto found = std::ranges::find(WellKnownMessages(), name, &WellKnownMessage::name);
  return found == WellKnownMessages().end() ? nullptr : &*found;
}

Value MakeWellKnown(const WellKnownMessage& message, const MessageValue::Fields& fields,
                    const std::function<bool(size_t bytes)>& may_make) {
  const FieldWriter writer(may_make);
  std::map<std::string_view, Value> held;
  Value last;  // Of a Value, whose fields exclude one another.
  for (const auto& [name, given] : fields) {
    const WellKnownField& field = *message.Find(name);
    Value value = WrittenField(message, field, given, writer);
    if (value.IsError()) return value;
    last = field.storage == Storage::kEnum ? Value() : value;
    held[field.name] = std::move(value);
  }
  const auto at = [&](size_t i) {
    const WellKnownField& field = message.fields[i];
    const auto found = held.find(field.name);
    return found == held.end() ? ZeroOf(field.storage) : found->second;
  };
  switch (message.type->kind) {
    case TypeKind::kTimestamp: return TimestampOf(at(0).integer(), at(1).integer());
    case TypeKind::kDuration: return DurationOf(at(0).integer(), at(1).integer());
    case TypeKind::kObject: return MakeMessage(std::string(message.name), {});
    case TypeKind::kDyn:
      return IsAny(*message.type) ? Unpacked(at(0).text(), at(1).text(), may_make) : last;
    default: return at(0);
  }
}

}  // namespace skiff::cel
