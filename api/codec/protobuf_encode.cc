// Writes messages from the back, so that each length is known when its prefix is due.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "api/codec/normal_form.h"
#include "api/codec/protobuf.h"
#include "api/codec/protobuf_wire.h"
#include "api/codec/struct_fields.h"
#include "api/codec/struct_ptr.h"
#include "api/codec/struct_text.h"
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

struct EitherView {
  bool is_text = false;
  std::string_view text;
  int64_t number = 0;
};

// Where values are read from: documents in normal form. A slot of nullptr is a field that is held
// by value and not there, which is the zero of its type; so is a value of another shape.
struct DocumentSource {
  using Slot = const Json*;

  static Slot Member(const Field& field, Slot object) {
    if (object == nullptr || !object->is_object()) return nullptr;
    const auto& members = object->get_ref<const Json::object_t&>();
    const auto found = members.find(std::string(field.name));
    return found == members.end() || found->second.is_null() ? nullptr : &found->second;
  }
  static bool Bool(Slot value) { return value != nullptr && *value == true; }
  static int64_t Integer(const Type&, Slot value) {
    return value != nullptr && value->is_number_integer() ? value->get<int64_t>() : 0;
  }
  static double Double(Slot value) {
    return value != nullptr && value->is_number() ? value->get<double>() : 0;
  }
  static std::string_view Text(Slot value) {
    if (value == nullptr || !value->is_string()) return {};
    return value->get_ref<const std::string&>();
  }
  static std::string Bytes(Slot value) { return DecodeBase64(Text(value)).value_or(""); }
  static std::optional<Instant> Moment(Slot value) {
    if (value == nullptr || !value->is_string()) return std::nullopt;
    const auto instant = ParseInstant(value->get_ref<const std::string&>(), TimeForm::kSeconds);
    return instant ? std::optional(*instant) : std::nullopt;
  }
  static int64_t Nanoseconds(Slot value) { return ParseGoDuration(Text(value)).value_or(0); }
  static std::string_view Amount(Slot value) { return value == nullptr ? "0" : Text(value); }
  static EitherView Either(Slot value) {
    return {value != nullptr && value->is_string(), Text(value), Integer(Type(), value)};
  }
  static bool IsNull(Slot value) { return value == nullptr; }
  static std::string JsonText(Slot value) { return DumpJson(*value); }
  static const Json& Document(Slot value) { return *value; }

  static size_t Size(const Type&, Slot list) {
    return list != nullptr && list->is_array() ? list->size() : 0;
  }
  static Slot At(const Type&, Slot list, size_t index) { return &(*list)[index]; }
  template <typename Visit>
  static void Each(const Type&, Slot map, Visit visit) {
    if (map == nullptr || !map->is_object()) return;
    for (const auto& [key, value] : map->get_ref<const Json::object_t&>()) {
      visit(key, value.is_null() ? nullptr : &value);
    }
  }
};

// Generated structs.
struct StructSource {
  using Slot = const void*;

  template <typename T>
  static const T& As(Slot value) {
    return *static_cast<const T*>(value);
  }
  // nullptr: nothing is written, as of what is nil in Go.
  static Slot Member(const Field& field, Slot object) {
    const Slot place = MemberOf(object, field);
    if (field.pointer) return field.pointer_ops->get(place);
    switch (field.type->shape) {
      case Shape::kList:
        return field.type->list->size(place) == 0 ? nullptr : place;
      case Shape::kMap:
        return field.type->map->size(place) == 0 ? nullptr : place;
      case Shape::kBytes:
        return As<std::string>(place).empty() ? nullptr : place;
      default:
        return place;
    }
  }
  static bool Bool(Slot value) { return As<bool>(value); }
  static int64_t Integer(const Type& type, Slot value) {
    return type.shape == Shape::kInt32 ? As<int32_t>(value) : As<int64_t>(value);
  }
  static double Double(Slot value) { return As<double>(value); }
  static std::string_view Text(Slot value) { return As<std::string>(value); }
  static std::string_view Bytes(Slot value) { return As<std::string>(value); }
  static std::optional<Instant> Moment(Slot value) {
    const auto& time = As<Time>(value);
    return time.IsZero() ? std::nullopt : std::optional(time.instant());
  }
  static int64_t Nanoseconds(Slot value) { return As<Duration>(value).count(); }
  static std::string_view Amount(Slot value) { return As<Quantity>(value).Text(); }
  static EitherView Either(Slot value) {
    const auto& either = As<IntOrString>(value);
    if (either.is_string()) return {.is_text = true, .text = either.text()};
    return {.number = either.value()};
  }
  static bool IsNull(Slot value) { return As<RawJson>(value).IsNull(); }
  static std::string JsonText(Slot value) {
    std::string text;
    AppendCompact(As<RawJson>(value).Text(), text);
    return text;
  }
  static Json Document(Slot value) { return As<RawJson>(value).Parse(); }

  static size_t Size(const Type& type, Slot list) { return type.list->size(list); }
  static Slot At(const Type& type, Slot list, size_t index) { return type.list->at(list, index); }
  template <typename Visit>
  static void Each(const Type& type, Slot map, Visit visit) {
    type.map->each(map, &visit, [](void* to, const std::string& key, const void* value) {
      (*static_cast<Visit*>(to))(key, value);
    });
  }
};

template <typename Source>
class Encoder {
 public:
  using Slot = typename Source::Slot;

  explicit Encoder(BackWriter& out) : out_(out) {}

  void Struct(const Type& type, Slot object) { Fields(type, type.by_number, 0, object); }
  // A value that is there, or the zero of its type, as field `number`.
  void Value(const Type& type, uint32_t number, Slot value);

 private:
  // The fields of one message; `depth` tells how far it is nested for inlined types.
  void Fields(const Type& type, std::span<const uint16_t> indices, int depth, Slot object);
  void OneField(const Field& field, Slot object);
  void List(const Type& type, uint32_t number, Slot list);
  void Map(const Type& type, uint32_t number, Slot map);
  void Moment(const Type& type, Slot value);
  void Either(Slot value);
  void Opaque(const Type& type, Slot value);
  void Kept(const Type& kept, Slot value);
  void Union(const Type& type, const Json& value);

  BackWriter& out_;
};

template <typename Source>
void Encoder<Source>::Fields(const Type& type, std::span<const uint16_t> indices, int depth,
                             Slot object) {
  for (size_t i = indices.size(); i > 0;) {
    const Field& field = type.fields[indices[i - 1]];
    const WirePath path(field);
    if (path.depth == depth) {
      OneField(field, object);
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

template <typename Source>
void Encoder<Source>::OneField(const Field& field, Slot object) {
  const Slot value = Source::Member(field, object);
  const Shape shape = field.type->shape;
  const bool only_when_set =
      field.pointer || shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes;
  if (value == nullptr && only_when_set) return;
  Value(*field.type, field.number, value);
}

template <typename Source>
void Encoder<Source>::List(const Type& type, uint32_t number, Slot list) {
  const size_t before = out_.size();
  const uint32_t each = type.message ? 1 : number;
  for (size_t i = Source::Size(type, list); i > 0; --i) {
    Value(*type.element, each, Source::At(type, list, i - 1));
  }
  if (type.message) out_.CloseMessage(number, before);
}

template <typename Source>
void Encoder<Source>::Map(const Type& type, uint32_t number, Slot map) {
  std::vector<std::pair<std::string_view, Slot>> members;
  Source::Each(type, map,
               [&](std::string_view key, Slot value) { members.emplace_back(key, value); });
  for (auto member = members.rbegin(); member != members.rend(); ++member) {
    const size_t before = out_.size();
    Value(*type.element, 2, member->second);
    out_.String(1, member->first);
    out_.CloseMessage(number, before);
  }
}

template <typename Source>
void Encoder<Source>::Moment(const Type& type, Slot value) {
  const std::optional<Instant> instant = Source::Moment(value);
  if (!instant) return;
  out_.Integer(2, type.shape == Shape::kMicroTime ? instant->nanos / 1000 * 1000 : 0);
  out_.Integer(1, instant->seconds);
}

template <typename Source>
void Encoder<Source>::Either(Slot value) {
  const EitherView either = Source::Either(value);
  out_.String(3, either.text);
  out_.Integer(2, either.number);
  out_.Integer(1, either.is_text ? 1 : 0);
}

template <>
void Encoder<DocumentSource>::Kept(const Type& kept, Slot value) {
  Struct(kept, value);
}

template <>
void Encoder<StructSource>::Kept(const Type& kept, Slot value) {
  const StructPtr object = MakeStruct(kept);
  ReadKeptText(kept, StructSource::As<RawJson>(value), object.get());
  Struct(kept, object.get());
}

template <typename Source>
void Encoder<Source>::Opaque(const Type& type, Slot value) {
  if (const Type* kept = KeptAsText(type)) {
    Kept(*kept, value);
  } else if (IsSchemaUnion(type)) {
    Union(type, Source::Document(value));
  } else {
    out_.String(1, Source::JsonText(value));
  }
}

template <typename Source>
void Encoder<Source>::Union(const Type& type, const Json& value) {
  const Type* schema = FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  Encoder<DocumentSource> documents(out_);
  if (value.is_array()) {
    for (size_t i = value.size(); i > 0; --i) {
      if (value[i - 1].is_string()) {
        out_.String(2, value[i - 1].get_ref<const std::string&>());
      } else {
        documents.Value(*schema, 2, &value[i - 1]);
      }
    }
    return;
  }
  const uint32_t schema_number = type.name == "JSONSchemaPropsOrBool" ? 2 : 1;
  if (value.is_object()) documents.Value(*schema, schema_number, &value);
  if (type.name == "JSONSchemaPropsOrBool") out_.Integer(1, value.is_object() || value == true);
}

template <typename Source>
void Encoder<Source>::Value(const Type& type, uint32_t number, Slot value) {
  const size_t before = out_.size();
  switch (type.shape) {
    case Shape::kBool:
      return out_.Integer(number, Source::Bool(value));
    case Shape::kInt32:
    case Shape::kInt64:
      return out_.Integer(number, Source::Integer(type, value));
    case Shape::kDouble: {
      const double amount = Source::Double(value);
      std::array<char, 8> bytes;
      std::memcpy(bytes.data(), &amount, bytes.size());
      out_.Bytes({bytes.data(), bytes.size()});
      return out_.Tag(number, Wire::kFixed64);
    }
    case Shape::kString:
      return out_.String(number, Source::Text(value));
    case Shape::kBytes:
      return out_.String(number, Source::Bytes(value));
    case Shape::kList:
      return List(type, number, value);
    case Shape::kMap:
      return Map(type, number, value);
    case Shape::kTime:
    case Shape::kMicroTime:
      Moment(type, value);
      break;
    case Shape::kDuration:
      out_.Integer(1, Source::Nanoseconds(value));
      break;
    case Shape::kQuantity:
      out_.String(1, Source::Amount(value));
      break;
    case Shape::kIntOrString:
      Either(value);
      break;
    case Shape::kJson:
      if (!Source::IsNull(value)) Opaque(type, value);
      break;
    case Shape::kStruct:
      Struct(type, value);
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

template <typename Source>
std::string Enveloped(const Type& type, const TypeMeta& meta, typename Source::Slot object) {
  BackWriter out;
  WriteEnvelopeEnd(out);
  const size_t before = out.size();
  Encoder<Source>(out).Struct(type, object);
  WriteEnvelopeBegin(meta, out.size() - before, out);
  return out.Take();
}

template <typename Source>
std::string ListItem(const Type& item, typename Source::Slot object) {
  BackWriter out;
  Encoder<Source>(out).Struct(item, object);
  out.CloseMessage(kItemsField, 0);
  return out.Take();
}

}  // namespace

std::string EncodeProtobuf(const Type& type, const TypeMeta& meta, const Json& document) {
  return Enveloped<DocumentSource>(type, meta, &document);
}

std::string EncodeStructProtobuf(const Type& type, const TypeMeta& meta, const void* object) {
  return Enveloped<StructSource>(type, meta, object);
}

std::string ProtobufListHead(const TypeMeta& meta, const Json& list_metadata, size_t items_bytes) {
  BackWriter out;
  Encoder<DocumentSource>(out).Struct(*FindBuiltInType("meta/v1", "ListMeta"), &list_metadata);
  out.CloseMessage(1, 0);
  WriteEnvelopeBegin(meta, out.size() + items_bytes, out);
  return out.Take();
}

std::string ProtobufListItem(const Type& item, const void* object) {
  return ListItem<StructSource>(item, object);
}

std::string ProtobufListTail() {
  BackWriter out;
  WriteEnvelopeEnd(out);
  return out.Take();
}

std::string EncodeProtobufList(const Type& item, const TypeMeta& meta, const Json& list) {
  static const Json kNone;
  const auto part = [&](const char* name) -> const Json& {
    const auto found = list.find(name);
    return found == list.end() ? kNone : *found;
  };
  std::string items;
  for (const Json& document : part("items")) items += ListItem<DocumentSource>(item, &document);
  return ProtobufListHead(meta, part("metadata"), items.size()) + items + ProtobufListTail();
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
