#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "api/codec/decode_targets.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "api/codec/protobuf.h"
#include "api/codec/protobuf_wire.h"
#include "api/codec/struct_ptr.h"
#include "api/codec/wire_reader.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"

namespace skiff {
namespace {

tl::unexpected<Error> Malformed(std::string message = "proto: illegal wireType or unexpected EOF") {
  return Fail(Reason::kBadRequest, std::move(message));
}

// Reads messages into slots of a target (api/codec/decode_targets.h).
template <typename Target>
class MessageReader {
 public:
  using Slot = typename Target::Slot;

  // `depth`: of the message that asks.
  explicit MessageReader(int depth = 0) : depth_(depth) {}

  // `out` holds the zero of the type, or what earlier parts of the same message gave.
  Result<> Struct(const Type& type, std::string_view text, Slot out);

 private:
  // The fields of one message; `nested` tells how far it is nested for inlined types.
  Result<> Fields(const Type& type, std::span<const uint16_t> indices, int nested,
                  std::string_view text, Slot out);
  Result<> Member(const Field& field, const WireField& wire, Slot object);
  // What one field adds to a list.
  Result<> Item(const Type& type, const WireField& wire, Slot list);
  Result<> Value(const Type& type, const WireField& wire, Slot out);
  Result<> Message(const Type& type, std::string_view text, Slot out);
  Result<> Entry(const Type& type, std::string_view text, Slot map);
  Result<> Raw(const Type& type, std::string_view text, Slot out);
  // A part that structs keep as the text of `kept`.
  Result<> Kept(const Type& kept, std::string_view text, Slot out);
  Result<Json> Union(const Type& type, std::string_view text);
  static void Text(std::string_view text, Slot out);

  int depth_ = 0;
  size_t listed_structs_ = 0;
};

// How values of a shape travel.
Wire WireOf(Shape shape) {
  switch (shape) {
    case Shape::kBool:
    case Shape::kInt32:
    case Shape::kInt64:
      return Wire::kVarint;
    case Shape::kDouble:
      return Wire::kFixed64;
    default:
      return Wire::kBytes;
  }
}

Result<> CheckWire(Shape shape, const WireField& wire) {
  if (wire.wire == WireOf(shape)) return {};
  return Malformed("proto: wrong wireType = " + std::to_string(static_cast<int>(wire.wire)) +
                   " for field " + std::to_string(wire.number));
}

Result<Instant> MomentOf(std::string_view text) {
  if (text.empty()) return Time().instant();
  Instant instant{};
  WireReader reader(text);
  WireField wire;
  while (reader.Next(wire)) {
    if (wire.number == 1) instant.seconds = static_cast<int64_t>(wire.number_value);
    if (wire.number == 2) instant.nanos = static_cast<int32_t>(wire.number_value);
  }
  if (reader.failed() || instant.seconds < kFirstSecond || instant.seconds > kLastSecond ||
      instant.nanos < 0 || instant.nanos > 999'999'999) {
    return Malformed("proto: timestamp out of range");
  }
  return instant;
}

IntOrString EitherOf(std::string_view text) {
  WireReader reader(text);
  WireField wire;
  bool is_text = false;
  int32_t number = 0;
  std::string_view string;
  while (reader.Next(wire)) {
    if (wire.number == 1) is_text = wire.number_value == 1;
    if (wire.number == 2) number = static_cast<int32_t>(wire.number_value);
    if (wire.number == 3) string = wire.bytes;
  }
  return is_text ? IntOrString(MendUtf8(string)) : IntOrString(number);
}

template <typename Target>
Result<> MessageReader<Target>::Struct(const Type& type, std::string_view text, Slot out) {
  if (++depth_ > kProtobufDepthMax) return Malformed("exceeded max depth");
  TRY(Fields(type, type.by_number, 0, text, out));
  --depth_;
  return {};
}

template <typename Target>
Result<> MessageReader<Target>::Fields(const Type& type, std::span<const uint16_t> indices,
                                       int nested, std::string_view text, Slot out) {
  WireReader reader(text);
  WireField wire;
  while (reader.Next(wire)) {
    // The fields that this number leads to: one, or those of a message.
    const auto leads = [&](uint16_t index) {
      return WirePath(type.fields[index]).numbers[nested] == wire.number;
    };
    const auto first = std::find_if(indices.begin(), indices.end(), leads);
    if (first == indices.end()) continue;
    const Field& field = type.fields[*first];
    if (WirePath(field).depth == nested) {
      TRY(Member(field, wire, out));
    } else if (wire.wire == Wire::kBytes) {
      const auto last = std::find_if_not(first, indices.end(), leads);
      TRY(Fields(type, {first, last}, nested + 1, wire.bytes, out));
    }
  }
  if (reader.failed()) return Malformed();
  return {};
}

template <typename Target>
Result<> MessageReader<Target>::Member(const Field& field, const WireField& wire, Slot object) {
  const Type& type = *field.type;
  // JSON that is not there is null, and no more a value than other nulls.
  const bool nil = type.shape == Shape::kJson && wire.bytes.empty() && !KeptAsText(type);
  const auto place = Target::BeginMember(field, object, nil);
  if (!nil) {
    const Slot value = Target::ValueOf(field, place);
    if (type.shape == Shape::kMap) {
      TRY(CheckWire(type.shape, wire));
      Target::EnterMap(type, value);
      TRY(Entry(type, wire.bytes, value));
    } else if (type.shape == Shape::kList && !type.message) {
      TRY(Item(type, wire, value));
    } else {
      TRY(Value(type, wire, value));
    }
  }
  Target::EndMember(field, object, place, nil);
  return {};
}

template <typename Target>
Result<> MessageReader<Target>::Item(const Type& type, const WireField& wire, Slot list) {
  const Type& element = *type.element;
  const bool is_number = element.shape == Shape::kInt32 || element.shape == Shape::kInt64;
  if (!is_number || wire.wire != Wire::kBytes) {
    if (element.shape == Shape::kStruct && ++listed_structs_ > kListedStructsMax) {
      return Malformed(kTooManyStructs);
    }
    return Value(element, wire, Target::Append(type, list));
  }
  WireReader reader(wire.bytes);
  WireField one;
  while (reader.NextPacked(one)) TRY(Value(element, one, Target::Append(type, list)));
  if (reader.failed()) return Malformed();
  return {};
}

template <typename Target>
Result<> MessageReader<Target>::Entry(const Type& type, std::string_view text, Slot map) {
  WireReader reader(text);
  WireField wire;
  std::string key;
  std::optional<WireField> value;
  while (reader.Next(wire)) {
    if (wire.number == 1) key = MendUtf8(wire.bytes);
    if (wire.number == 2) value = wire;
  }
  if (reader.failed()) return Malformed();
  const Slot out = Target::Insert(type, map, key).first;
  if (!value) return {};
  return Value(*type.element, *value, out);
}

template <typename Target>
void MessageReader<Target>::Text(std::string_view text, Slot out) {
  if (IsUtf8(text)) {
    Target::SetString(out, text);
  } else {
    Target::SetString(out, MendUtf8(text));
  }
}

template <typename Target>
Result<> MessageReader<Target>::Value(const Type& type, const WireField& wire, Slot out) {
  TRY(CheckWire(type.shape, wire));
  switch (type.shape) {
    case Shape::kBool:
      Target::SetBool(out, wire.number_value != 0);
      return {};
    case Shape::kInt32:
      Target::SetInteger(type, out, static_cast<int32_t>(wire.number_value));
      return {};
    case Shape::kInt64:
      Target::SetInteger(type, out, static_cast<int64_t>(wire.number_value));
      return {};
    case Shape::kDouble: {
      double value = 0;
      std::memcpy(&value, &wire.number_value, sizeof value);
      Target::SetNumber(out, Json(value));
      return {};
    }
    case Shape::kString:
      Text(wire.bytes, out);
      return {};
    case Shape::kBytes:
      Target::SetBytes(out, std::string(wire.bytes));
      return {};
    default:
      return Message(type, wire.bytes, out);
  }
}

template <typename Target>
Result<> MessageReader<Target>::Message(const Type& type, std::string_view text, Slot out) {
  WireReader reader(text);
  WireField wire;
  switch (type.shape) {
    case Shape::kTime:
    case Shape::kMicroTime: {
      const bool micro = type.shape == Shape::kMicroTime;
      Target::SetTime(out, TRY(MomentOf(text)), micro ? TimeForm::kMicro : TimeForm::kSeconds);
      return {};
    }
    case Shape::kDuration: {
      int64_t nanos = 0;
      while (reader.Next(wire)) nanos = static_cast<int64_t>(wire.number_value);
      Target::SetDuration(out, nanos);
      return {};
    }
    case Shape::kQuantity: {
      std::string_view amount = "0";
      while (reader.Next(wire)) amount = wire.bytes;
      Target::SetQuantity(out, TRY(Quantity::Parse(amount)));
      return {};
    }
    case Shape::kIntOrString:
      Target::SetEither(out, EitherOf(text));
      return {};
    case Shape::kJson:
      return Raw(type, text, out);
    case Shape::kList:  // A message that repeats the items.
      Target::ClearList(type, out);
      while (reader.Next(wire)) TRY(Item(type, wire, out));
      if (reader.failed()) return Malformed();
      return {};
    default:
      Target::EnterStruct(type, out);
      return Struct(type, text, out);
  }
}

template <>
Result<> MessageReader<DocumentTarget>::Kept(const Type& kept, std::string_view text, Json* out) {
  DocumentTarget::EnterStruct(kept, out);
  return Struct(kept, text, out);
}

template <>
Result<> MessageReader<StructTarget>::Kept(const Type& kept, std::string_view text, void* out) {
  auto& json = StructTarget::As<RawJson>(out);
  const StructPtr value = MakeStruct(kept);
  ReadKeptText(kept, json, value.get());  // Of an earlier part of the same message.
  TRY(Struct(kept, text, value.get()));
  json = KeptTextOf(kept, value.get());
  return {};
}

template <typename Target>
Result<> MessageReader<Target>::Raw(const Type& type, std::string_view text, Slot out) {
  if (const Type* kept = KeptAsText(type)) return Kept(*kept, text, out);
  if (IsSchemaUnion(type)) {
    Target::SetJson(out, TRY(Union(type, text)));
    return {};
  }
  std::string_view raw;
  WireReader reader(text);
  WireField wire;
  while (reader.Next(wire)) raw = wire.bytes;
  if (raw.empty()) {
    Target::SetJson(out, Json());
    return {};
  }
  JsonReader in(raw);
  if (IsSchemaValue(type)) {
    Target::SetJson(out, ReadJson(in, in.Next()));
  } else {
    Target::SetRaw(out, in, in.Next());
  }
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  if (std::string misfit = in.Misfit("value"); !misfit.empty()) {
    return Fail(Reason::kBadRequest, std::move(misfit));
  }
  return {};
}

template <typename Target>
Result<Json> MessageReader<Target>::Union(const Type& type, std::string_view text) {
  WireReader reader(text);
  WireField wire;
  const Type& schema = *FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  const bool or_bool = type.name == "JSONSchemaPropsOrBool";
  const bool or_strings = type.name == "JSONSchemaPropsOrStringArray";
  Json one, list = Json::array();
  while (reader.Next(wire)) {
    if (or_bool && wire.number == 1) {
      if (!one.is_object()) one = wire.number_value != 0;
    } else if (or_strings && wire.number == 2) {
      list.push_back(MendUtf8(wire.bytes));
    } else {
      Json value = ZeroDocument(schema);
      TRY(MessageReader<DocumentTarget>(depth_).Struct(schema, wire.bytes, &value));
      if (!or_bool && wire.number == 2) {
        list.push_back(std::move(value));
      } else {
        one = std::move(value);
      }
    }
  }
  if (reader.failed()) return Malformed();
  // No conditional expression: that would copy, at every level of a schema.
  if (list.empty()) return one;
  return list;
}

}  // namespace

Result<ProtobufEnvelope> OpenEnvelope(std::string_view body) {
  if (body.empty()) return Malformed("empty data");
  if (!body.starts_with(kProtobufMagic)) {
    return Malformed(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  body.remove_prefix(kProtobufMagic.size());
  if (body.empty()) return Malformed("empty body");
  ProtobufEnvelope envelope;
  WireReader reader(body);
  WireField wire;
  while (reader.Next(wire)) {
    if (wire.number == 2) envelope.raw = wire.bytes;
    if (wire.number != 1) continue;
    WireReader meta(wire.bytes);
    WireField part;
    while (meta.Next(part)) {
      if (part.number == 1) envelope.type.api_version = part.bytes;
      if (part.number == 2) envelope.type.kind = part.bytes;
    }
    if (meta.failed()) return Malformed();
  }
  if (reader.failed()) return Malformed();
  return envelope;
}

Result<Json> DecodeProtobuf(const Type& type, std::string_view raw) {
  Json document = ZeroDocument(type);
  TRY(MessageReader<DocumentTarget>().Struct(type, raw, &document));
  return document;
}

Result<> DecodeProtobufInto(const Type& type, std::string_view raw, void* object) {
  return MessageReader<StructTarget>().Struct(type, raw, object);
}

}  // namespace skiff
