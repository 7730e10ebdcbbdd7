// Writes messages from the back, so that each length is known when its prefix is due.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/codec/protobuf.h"
#include "api/codec/protobuf_wire.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

// Bytes, filled from the end.
class BackWriter {
 public:
  size_t size() const { return buffer_.size() - at_; }

  void Bytes(std::string_view bytes) {
    if (bytes.empty()) return;  // Neither side may have a place for nothing.
    Reserve(bytes.size());
    at_ -= bytes.size();
    std::memcpy(buffer_.data() + at_, bytes.data(), bytes.size());
  }
  void Varint(uint64_t value) {
    std::array<char, 10> out;
    size_t length = 0;
    do {
      const bool more = value >= 0x80;
      out[length++] = static_cast<char>((value & 0x7f) | (more ? 0x80 : 0));
      value >>= 7;
    } while (value != 0);
    Bytes({out.data(), length});
  }
  void Tag(uint32_t number, Wire wire) { Varint(number << 3 | static_cast<uint32_t>(wire)); }
  // What was written since the writer had `before` bytes becomes the body of field `number`.
  void CloseMessage(uint32_t number, size_t before) {
    Varint(size() - before);
    Tag(number, Wire::kBytes);
  }
  void String(uint32_t number, std::string_view text) {
    const size_t before = size();
    Bytes(text);
    CloseMessage(number, before);
  }
  void Integer(uint32_t number, int64_t value) {
    Varint(static_cast<uint64_t>(value));
    Tag(number, Wire::kVarint);
  }
  std::string Take() const {
    return {buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffer_.end()};
  }

 private:
  void Reserve(size_t count) {
    if (count <= at_) return;
    const size_t grown = buffer_.size() * 2 + count + 256;
    std::vector<char> larger(grown);
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(at_), buffer_.end(),
              larger.end() - static_cast<std::ptrdiff_t>(size()));
    at_ = grown - size();
    buffer_ = std::move(larger);
  }

  std::vector<char> buffer_;
  size_t at_ = 0;
};

class Encoder {
 public:
  void Struct(const Type& type, const Json& object);
  BackWriter& out() { return out_; }

 private:
  // The fields of one message; `depth` tells how far it is nested for inlined types.
  void Fields(const Type& type, std::span<const uint16_t> indices, int depth, const Json& object);
  void Field(const skiff::Field& field, const Json* value);
  // A value that is there, or the zero of its type (nullptr), as field `number`.
  void Value(const Type& type, uint32_t number, const Json* value);
  void List(const Type& type, uint32_t number, const Json& list);
  void Map(const Type& type, uint32_t number, const Json& map);
  void Moment(const Type& type, const Json* value);
  void Either(const Json* value);
  void Opaque(const Type& type, const Json& value);

  BackWriter out_;
};

const Json* MemberOf(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto& members = object.get_ref<const Json::object_t&>();
  const auto found = members.find(std::string(name));
  return found == members.end() || found->second.is_null() ? nullptr : &found->second;
}

void Encoder::Struct(const Type& type, const Json& object) {
  Fields(type, type.by_number, 0, object);
}

void Encoder::Fields(const Type& type, std::span<const uint16_t> indices, int depth,
                     const Json& object) {
  for (size_t i = indices.size(); i > 0;) {
    const skiff::Field& field = type.fields[indices[i - 1]];
    const WirePath path(field);
    if (path.depth == depth) {
      Field(field, MemberOf(object, field.name));
      --i;
      continue;
    }
    const uint32_t number = path.numbers[depth];
    size_t first = i - 1;
    while (first > 0 && WirePath(type.fields[indices[first - 1]]).Leads(depth, number)) --first;
    const size_t before = out_.size();
    Fields(type, indices.subspan(first, i - first), depth + 1, object);
    out_.CloseMessage(number, before);
    i = first;
  }
}

void Encoder::Field(const skiff::Field& field, const Json* value) {
  const Shape shape = field.type->shape;
  const bool only_when_set =
      field.pointer || shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes;
  if (value == nullptr && only_when_set) return;
  Value(*field.type, field.number, value);
}

void Encoder::List(const Type& type, uint32_t number, const Json& list) {
  if (!list.is_array()) return;
  const size_t before = out_.size();
  const uint32_t each = type.message ? 1 : number;
  for (size_t i = list.size(); i > 0; --i) Value(*type.element, each, &list[i - 1]);
  if (type.message) out_.CloseMessage(number, before);
}

void Encoder::Map(const Type& type, uint32_t number, const Json& map) {
  if (!map.is_object()) return;
  const auto& members = map.get_ref<const Json::object_t&>();
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const size_t before = out_.size();
    Value(*type.element, 2, member->second.is_null() ? nullptr : &member->second);
    out_.String(1, member->first);
    out_.CloseMessage(number, before);
  }
}

void Encoder::Moment(const Type& type, const Json* value) {
  if (value == nullptr || !value->is_string()) return;
  const auto instant = ParseInstant(value->get_ref<const std::string&>(), TimeForm::kSeconds);
  if (!instant) return;
  out_.Integer(2, type.shape == Shape::kMicroTime ? instant->nanos / 1000 * 1000 : 0);
  out_.Integer(1, instant->seconds);
}

void Encoder::Either(const Json* value) {
  const bool text = value != nullptr && value->is_string();
  out_.String(3, text ? std::string_view(value->get_ref<const std::string&>()) : "");
  out_.Integer(2, value != nullptr && value->is_number() ? value->get<int64_t>() : 0);
  out_.Integer(1, text ? 1 : 0);
}

// The unions of CustomResourceDefinition schemas have messages of their own; all other JSON travels
// as its text.
void Encoder::Opaque(const Type& type, const Json& value) {
  const Type* schema = FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  const bool is_union = type.name.starts_with("JSONSchemaPropsOr");
  if (!is_union) return out_.String(1, DumpJson(value));
  if (value.is_array()) {
    for (size_t i = value.size(); i > 0; --i) {
      if (value[i - 1].is_string()) {
        out_.String(2, value[i - 1].get_ref<const std::string&>());
      } else {
        Value(*schema, 2, &value[i - 1]);
      }
    }
    return;
  }
  const uint32_t schema_number = type.name == "JSONSchemaPropsOrBool" ? 2 : 1;
  if (value.is_object()) Value(*schema, schema_number, &value);
  if (type.name == "JSONSchemaPropsOrBool") out_.Integer(1, value.is_object() || value == true);
}

void Encoder::Value(const Type& type, uint32_t number, const Json* value) {
  const size_t before = out_.size();
  static const Json kNone;
  const Json& json = value == nullptr ? kNone : *value;
  const auto text = [&]() -> std::string_view {
    return json.is_string() ? std::string_view(json.get_ref<const std::string&>()) : "";
  };
  switch (type.shape) {
    case Shape::kBool:
      return out_.Integer(number, json == true);
    case Shape::kInt32:
    case Shape::kInt64:
      return out_.Integer(number, json.is_number() ? json.get<int64_t>() : 0);
    case Shape::kDouble: {
      const double amount = json.is_number() ? json.get<double>() : 0;
      std::array<char, 8> bytes;
      std::memcpy(bytes.data(), &amount, bytes.size());
      out_.Bytes({bytes.data(), bytes.size()});
      return out_.Tag(number, Wire::kFixed64);
    }
    case Shape::kString:
      return out_.String(number, text());
    case Shape::kBytes:
      return out_.String(number, DecodeBase64(text()).value_or(""));
    case Shape::kList:
      return List(type, number, json);
    case Shape::kMap:
      return Map(type, number, json);
    case Shape::kTime:
    case Shape::kMicroTime:
      Moment(type, value);
      break;
    case Shape::kDuration:
      out_.Integer(1, ParseGoDuration(text()).value_or(0));
      break;
    case Shape::kQuantity:
      out_.String(1, value == nullptr ? "0" : text());
      break;
    case Shape::kIntOrString:
      Either(value);
      break;
    case Shape::kJson:
      if (value != nullptr) Opaque(type, json);
      break;
    case Shape::kStruct:
      Struct(type, json);
      break;
  }
  out_.CloseMessage(number, before);
}

constexpr uint32_t kRawField = 2;
constexpr uint32_t kItemsField = 2;

// What an envelope has behind the object.
void WriteEnvelopeEnd(BackWriter& out) {
  out.String(4, "");
  out.String(3, "");
}

// What it has in front of the object, of which so many bytes are still to come, or are there.
void WriteEnvelopeBegin(const TypeMeta& meta, size_t raw_bytes, BackWriter& out) {
  out.Varint(raw_bytes);
  out.Tag(kRawField, Wire::kBytes);
  const size_t before_meta = out.size();
  out.String(2, meta.kind);
  out.String(1, meta.api_version);
  out.CloseMessage(1, before_meta);
  out.Bytes(kProtobufMagic);
}

}  // namespace

std::string EncodeProtobuf(const Type& type, const TypeMeta& meta, const Json& document) {
  Encoder encoder;
  BackWriter& out = encoder.out();
  WriteEnvelopeEnd(out);
  const size_t before = out.size();
  encoder.Struct(type, document);
  WriteEnvelopeBegin(meta, out.size() - before, out);
  return out.Take();
}

std::string ProtobufListHead(const TypeMeta& meta, const Json& list_metadata, size_t items_bytes) {
  Encoder encoder;
  BackWriter& out = encoder.out();
  encoder.Struct(*FindBuiltInType("meta/v1", "ListMeta"), list_metadata);
  out.CloseMessage(1, 0);
  WriteEnvelopeBegin(meta, out.size() + items_bytes, out);
  return out.Take();
}

std::string ProtobufListItem(const Type& item, const Json& document) {
  Encoder encoder;
  encoder.Struct(item, document);
  encoder.out().CloseMessage(kItemsField, 0);
  return encoder.out().Take();
}

std::string ProtobufListTail() {
  BackWriter out;
  WriteEnvelopeEnd(out);
  return out.Take();
}

std::string EncodeProtobufList(const Type& item, const TypeMeta& meta, const Json& list) {
  std::string items;
  if (const Json* documents = MemberOf(list, "items")) {
    for (const Json& document : *documents) items += ProtobufListItem(item, document);
  }
  const Json* metadata = MemberOf(list, "metadata");
  return ProtobufListHead(meta, metadata == nullptr ? Json() : *metadata, items.size()) + items +
         ProtobufListTail();
}

std::string EncodeWatchFrame(std::string_view event, std::string_view enveloped) {
  BackWriter out;
  out.String(1, enveloped);
  out.CloseMessage(2, 0);
  out.String(1, event);
  const auto length = static_cast<uint32_t>(out.size());
  const std::array<char, 4> prefix = {static_cast<char>(length >> 24),
                                      static_cast<char>(length >> 16),
                                      static_cast<char>(length >> 8), static_cast<char>(length)};
  out.Bytes({prefix.data(), prefix.size()});
  return out.Take();
}

}  // namespace skiff
