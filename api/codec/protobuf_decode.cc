#include <algorithm>
#include <cstring>
#include <span>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/codec/normal_form.h"
#include "api/codec/protobuf.h"
#include "api/codec/protobuf_wire.h"
#include "api/text/time_text.h"
#include "api/text/utf8.h"

namespace skiff {
namespace {

// One field of a message on the wire.
struct WireField {
  uint32_t number = 0;
  Wire wire = Wire::kVarint;
  uint64_t number_value = 0;  // Of varints and fixed ones.
  std::string_view bytes;
};

// Walks over the fields of one message. Stops for good at what is malformed.
class WireReader {
 public:
  explicit WireReader(std::string_view text) : text_(text) {}

  bool Next(WireField& field) {
    if (failed_ || text_.empty()) return false;
    const uint64_t tag = Varint();
    field.number = static_cast<uint32_t>(tag >> 3);
    field.wire = static_cast<Wire>(tag & 7);
    if (field.number == 0) failed_ = true;
    switch (field.wire) {
      case Wire::kVarint:
        field.number_value = Varint();
        break;
      case Wire::kFixed64:
        field.number_value = Fixed(8);
        break;
      case Wire::kFixed32:
        field.number_value = Fixed(4);
        break;
      case Wire::kBytes:
        field.bytes = Take(Varint());
        break;
      default:
        failed_ = true;
    }
    return !failed_;
  }
  bool failed() const { return failed_; }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (text_.empty()) break;
      const auto byte = static_cast<unsigned char>(text_[0]);
      text_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  std::string_view Take(uint64_t length) {
    if (length > text_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = text_.substr(0, length);
    text_.remove_prefix(length);
    return taken;
  }
  uint64_t Fixed(size_t length) {
    const std::string_view bytes = Take(length);
    uint64_t value = 0;
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), length);
    return value;
  }

  std::string_view text_;
  bool failed_ = false;
};

tl::unexpected<Error> Malformed(std::string message = "proto: illegal wireType or unexpected EOF") {
  return Fail(Reason::kBadRequest, std::move(message));
}

class MessageReader {
 public:
  // `out` holds the zero of the type, or what earlier parts of the same message gave.
  Result<> Struct(const Type& type, std::string_view text, Json& out);

 private:
  // The fields of one message; `nested` tells how far it is nested for inlined types.
  Result<> Fields(const Type& type, std::span<const uint16_t> indices, int nested,
                  std::string_view text, Json& out);
  Result<> Member(const Field& field, const WireField& wire, Json& object);
  Result<Json> Value(const Type& type, const WireField& wire);
  Result<Json> Message(const Type& type, std::string_view text);
  Result<> Entry(const Type& type, std::string_view text, Json& map);
  static Result<Json> Moment(const Type& type, std::string_view text);
  static Json Either(std::string_view text);
  Result<Json> Opaque(const Type& type, std::string_view text);

  int depth_ = 0;
};

Result<> MessageReader::Struct(const Type& type, std::string_view text, Json& out) {
  if (++depth_ > kProtobufDepthMax) return Malformed("exceeded max depth");
  TRY(Fields(type, type.by_number, 0, text, out));
  --depth_;
  return {};
}

Result<> MessageReader::Fields(const Type& type, std::span<const uint16_t> indices, int nested,
                               std::string_view text, Json& out) {
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

Result<> MessageReader::Member(const Field& field, const WireField& wire, Json& object) {
  auto& members = object.get_ref<Json::object_t&>();
  const Type& type = *field.type;
  const std::string name(field.name);
  if (type.shape == Shape::kMap) {
    Json& map = members[name];
    if (!map.is_object()) map = Json::object();
    return Entry(type, wire.bytes, map);
  }
  if (type.shape == Shape::kList && !type.message) {
    Json item = TRY(Value(*type.element, wire));
    Json& list = members[name];
    if (!list.is_array()) list = Json::array();
    list.push_back(std::move(item));
    return {};
  }
  Json value = TRY(Value(type, wire));
  // A Time that was set to nothing is still set.
  SetMember(members, field, std::move(value));
  return {};
}

Result<> MessageReader::Entry(const Type& type, std::string_view text, Json& map) {
  WireReader reader(text);
  WireField wire;
  std::string key;
  Json value = ZeroDocument(*type.element);
  while (reader.Next(wire)) {
    if (wire.number == 1) key = MendUtf8(wire.bytes);
    if (wire.number == 2) value = TRY(Value(*type.element, wire));
  }
  if (reader.failed()) return Malformed();
  map[key] = std::move(value);
  return {};
}

Result<Json> MessageReader::Value(const Type& type, const WireField& wire) {
  switch (type.shape) {
    case Shape::kBool:
      return Json(wire.number_value != 0);
    case Shape::kInt32:
      return Json(static_cast<int64_t>(static_cast<int32_t>(wire.number_value)));
    case Shape::kInt64:
      return Json(static_cast<int64_t>(wire.number_value));
    case Shape::kDouble: {
      double value = 0;
      std::memcpy(&value, &wire.number_value, sizeof value);
      return Json(value);
    }
    case Shape::kString:
      return Json(MendUtf8(wire.bytes));
    case Shape::kBytes:
      return Json(EncodeBase64(wire.bytes));
    default:
      break;
  }
  if (wire.wire != Wire::kBytes) {
    return Malformed("proto: wrong wireType = " + std::to_string(static_cast<int>(wire.wire)) +
                     " for field " + std::to_string(wire.number));
  }
  return Message(type, wire.bytes);
}

Result<Json> MessageReader::Message(const Type& type, std::string_view text) {
  WireReader reader(text);
  WireField wire;
  switch (type.shape) {
    case Shape::kTime:
    case Shape::kMicroTime:
      return Moment(type, text);
    case Shape::kDuration: {
      int64_t nanos = 0;
      while (reader.Next(wire)) nanos = static_cast<int64_t>(wire.number_value);
      return Json(FormatGoDuration(nanos));
    }
    case Shape::kQuantity: {
      std::string_view amount = "0";
      while (reader.Next(wire)) amount = wire.bytes;
      const Quantity quantity = TRY(Quantity::Parse(amount));
      return Json(quantity.Text());
    }
    case Shape::kIntOrString:
      return Either(text);
    case Shape::kJson:
      return Opaque(type, text);
    case Shape::kList: {  // A message that repeats the items.
      Json list = Json::array();
      while (reader.Next(wire)) {
        Json item = TRY(Value(*type.element, wire));
        list.push_back(std::move(item));
      }
      if (reader.failed()) return Malformed();
      return list;
    }
    default: {
      Json object = ZeroDocument(type);
      TRY(Struct(type, text, object));
      return object;
    }
  }
}

Result<Json> MessageReader::Moment(const Type& type, std::string_view text) {
  if (text.empty()) return Json();
  Instant instant;
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
  if (instant.IsGoZero()) return Json();
  const bool micro = type.shape == Shape::kMicroTime;
  return Json(FormatInstant(instant, micro ? TimeForm::kMicro : TimeForm::kSeconds));
}

Json MessageReader::Either(std::string_view text) {
  WireReader reader(text);
  WireField wire;
  bool is_text = false;
  int64_t number = 0;
  std::string_view string;
  while (reader.Next(wire)) {
    if (wire.number == 1) is_text = wire.number_value == 1;
    if (wire.number == 2) number = static_cast<int32_t>(wire.number_value);
    if (wire.number == 3) string = wire.bytes;
  }
  return is_text ? Json(MendUtf8(string)) : Json(number);
}

Result<Json> MessageReader::Opaque(const Type& type, std::string_view text) {
  WireReader reader(text);
  WireField wire;
  if (!type.name.starts_with("JSONSchemaPropsOr")) {
    std::string_view raw;
    while (reader.Next(wire)) raw = wire.bytes;
    if (raw.empty()) return Json();
    return ParseJson(raw);
  }
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
      TRY(Struct(schema, wire.bytes, value));
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
  TRY(MessageReader().Struct(type, raw, document));
  return document;
}

}  // namespace skiff
