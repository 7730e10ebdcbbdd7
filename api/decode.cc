#include "api/decode.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "api/base64.h"
#include "api/go_names.h"
#include "api/json.h"
#include "api/normal_form.h"
#include "api/time_text.h"

namespace skiff {
namespace {

// Unknown and repeated fields that are looked at: the path of each is put together, and may be as
// long as the text.
constexpr size_t kStrictLooksMax = 1000;

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// One pass over the text: checks syntax, shapes and names, and builds the normal form. The first
// value that does not fit is remembered and reading goes on, because a syntax error further on
// outranks it.
class Decoder {
 public:
  Decoder(std::string_view text, FieldValidation validation)
      : in_(text), strict_(validation != FieldValidation::kIgnore) {}

  Result<Decoded> Run(const Type& type) {
    Decoded decoded;
    decoded.document = ZeroDocument(type);
    Value(type, in_.Next(), decoded.document);
    in_.Finish();
    if (in_.failed()) return Fail(Reason::kBadRequest, in_.error());
    if (!mismatch_.empty()) return Fail(Reason::kBadRequest, std::move(mismatch_));
    decoded.strict_errors = std::move(strict_errors_);
    decoded.empty_lists = std::move(empty_lists_);
    return decoded;
  }

 private:
  // Reads the value that `token` begins into `out`, which holds the zero or an earlier value. A
  // null leaves it as it is.
  void Value(const Type& type, JsonToken token, Json& out);
  void Struct(const Type& type, Json& out);
  void Member(const Field& field, Json& object);
  void TypeMetaMember(std::string_view key, Json::object_t& object);
  void List(const Type& type, Json& out);
  void Map(const Type& type, Json& out);
  void Integer(const Type& type, Json& out);
  void Text(const Type& type, JsonToken token, Json& out);
  void Either(JsonToken token, Json& out);
  void QuantityText(JsonToken token, Json& out);
  void SchemaUnion(const Type& type, JsonToken token, Json& out);
  void Apart(const Type& type, JsonToken token, Json& out);

  bool Wants(const Type& type, JsonToken token);
  // Notes that the value that `token` begins does not fit, and passes over it.
  void Mismatch(JsonToken token, const std::string& wanted);
  void Complain(std::string message);
  void Strict(const char* what, std::string_view name);
  void NoteEmptyList();

  JsonReader in_;
  bool strict_;
  size_t strict_looks_ = 0;
  const Type* owner_ = nullptr;          // The struct whose field is being read.
  std::vector<std::string_view> names_;  // Go's path: fields only.
  std::string path_;                     // The path of strict errors: with indices and keys.
  std::string mismatch_;
  std::vector<std::string> strict_errors_;
  std::vector<std::string> empty_lists_;
  int collections_ = 0;  // How many lists and maps we are in.
};

void Decoder::Complain(std::string message) {
  if (mismatch_.empty()) mismatch_ = std::move(message);
}

void Decoder::Mismatch(JsonToken token, const std::string& wanted) {
  std::string found;
  if (token == JsonToken::kBool) found = "bool";
  if (token == JsonToken::kString) found = "string";
  if (token == JsonToken::kObject) found = "object";
  if (token == JsonToken::kArray) found = "array";
  if (token == JsonToken::kNumber) {
    found = "number";
    if (wanted.starts_with("int")) found += " " + std::string(in_.number());
  }
  in_.SkipEntered(token);
  if (!mismatch_.empty()) return;
  std::string text = "json: cannot unmarshal " + found + " into Go ";
  if (owner_ == nullptr) return Complain(text + "value of type " + wanted);
  text += "struct field " + std::string(owner_->name);
  for (const std::string_view name : names_) text += "." + std::string(name);
  Complain(text + " of type " + wanted);
}

void Decoder::Strict(const char* what, std::string_view name) {
  if (strict_errors_.size() >= kStrictErrorsMax || ++strict_looks_ > kStrictLooksMax) return;
  std::string text = std::string(what) + " field \"" + path_ + (path_.empty() ? "" : ".") +
                     std::string(name) + "\"";
  for (const std::string& earlier : strict_errors_) {
    if (earlier == text) return;
  }
  strict_errors_.push_back(std::move(text));
}

bool Decoder::Wants(const Type& type, JsonToken token) {
  switch (type.shape) {
    case Shape::kBool:
      return token == JsonToken::kBool;
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kDouble:
      return token == JsonToken::kNumber;
    case Shape::kString:
    case Shape::kBytes:
      return token == JsonToken::kString;
    case Shape::kStruct:
    case Shape::kMap:
      return token == JsonToken::kObject;
    case Shape::kList:
      return token == JsonToken::kArray;
    default:
      return true;  // Judged where it is read.
  }
}

void Decoder::Value(const Type& type, JsonToken token, Json& out) {
  if (token == JsonToken::kNull || token == JsonToken::kError) return;
  if (!Wants(type, token)) return Mismatch(token, GoTypeName(type));
  switch (type.shape) {
    case Shape::kBool:
      out = in_.boolean();
      return;
    case Shape::kInt32:
    case Shape::kInt64:
      return Integer(type, out);
    case Shape::kDouble:
      out = JsonNumber(in_.number());
      return;
    case Shape::kString:
      out = std::string(in_.string());
      return;
    case Shape::kBytes:
    case Shape::kTime:
    case Shape::kMicroTime:
    case Shape::kDuration:
      return Text(type, token, out);
    case Shape::kQuantity:
      return QuantityText(token, out);
    case Shape::kIntOrString:
      return Either(token, out);
    case Shape::kJson:
      if (type.name.starts_with("JSONSchemaPropsOr")) return SchemaUnion(type, token, out);
      out = ReadJson(in_, token);
      return;
    case Shape::kStruct:
      return Struct(type, out);
    case Shape::kList:
      return List(type, out);
    case Shape::kMap:
      return Map(type, out);
  }
}

void Decoder::Integer(const Type& type, Json& out) {
  const Json number = JsonNumber(in_.number());
  const bool whole =
      number.is_number_integer() && in_.number().find_first_of(".eE") == std::string_view::npos;
  const int64_t value = whole ? number.get<int64_t>() : 0;
  const bool narrow = type.shape == Shape::kInt32;
  if (!whole || (narrow && (value < std::numeric_limits<int32_t>::min() ||
                            value > std::numeric_limits<int32_t>::max()))) {
    return Mismatch(JsonToken::kNumber, narrow ? "int32" : "int64");
  }
  out = value;
}

void Decoder::Text(const Type& type, JsonToken token, Json& out) {
  if (token != JsonToken::kString) return Mismatch(token, "string");
  const std::string_view text = in_.string();
  if (type.shape == Shape::kBytes) {
    auto bytes = DecodeBase64(text);
    if (!bytes) return Complain(std::move(bytes.error().message));
    out = EncodeBase64(*bytes);
    return;
  }
  if (type.shape == Shape::kDuration) {
    auto duration = ParseGoDuration(text);
    if (!duration) return Complain(std::move(duration.error().message));
    out = FormatGoDuration(*duration);
    return;
  }
  const TimeForm form = type.shape == Shape::kMicroTime ? TimeForm::kMicro : TimeForm::kSeconds;
  auto instant = ParseInstant(text, form);
  if (!instant) return Complain(std::move(instant.error().message));
  if (instant->IsGoZero()) {
    out = nullptr;
  } else {
    out = FormatInstant(*instant, form);
  }
}

void Decoder::QuantityText(JsonToken token, Json& out) {
  std::string_view text = in_.string();
  if (token != JsonToken::kString && token != JsonToken::kNumber) {
    const size_t begin = in_.begin();
    in_.SkipEntered(token);
    text = in_.text().substr(begin, in_.position() - begin);
  }
  auto quantity = Quantity::Parse(TrimSpace(text));
  if (!quantity) return Complain(std::move(quantity.error().message));
  out = quantity->Text();
}

void Decoder::Either(JsonToken token, Json& out) {
  if (token == JsonToken::kString) {
    out = std::string(in_.string());
  } else if (token == JsonToken::kNumber) {
    Integer({.shape = Shape::kInt32}, out);
  } else {
    Mismatch(token, "int32");
  }
}

// The unions of CustomResourceDefinition schemas: a schema, a list of them, or something plain.
void Decoder::SchemaUnion(const Type& type, JsonToken token, Json& out) {
  static const Type* const kSchema = FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  if (token == JsonToken::kObject) {
    out = ZeroDocument(*kSchema);
    return Apart(*kSchema, token, out);
  }
  const bool schemas = type.name == "JSONSchemaPropsOrArray";
  if (token != JsonToken::kArray || !schemas) {
    out = ReadJson(in_, token);
    return;
  }
  out = Json::array();
  while (in_.NextItem()) {
    out.push_back(ZeroDocument(*kSchema));
    Apart(*kSchema, in_.Next(), out.back());
  }
}

// Go decodes such a value by itself: its errors do not know where it stands, and unknown fields in
// there go without being reported.
void Decoder::Apart(const Type& type, JsonToken token, Json& out) {
  std::vector<std::string_view> names;
  names.swap(names_);
  const Type* const owner = std::exchange(owner_, nullptr);
  const bool strict = std::exchange(strict_, false);
  ++collections_;
  Value(type, token, out);
  --collections_;
  strict_ = strict;
  owner_ = owner;
  names.swap(names_);
}

void Decoder::List(const Type& type, Json& out) {
  out = Json::array();
  auto& items = out.get_ref<Json::array_t&>();
  const size_t length = path_.size();
  ++collections_;
  while (in_.NextItem()) {
    if (strict_) path_ += "[" + std::to_string(items.size()) + "]";
    items.push_back(ZeroDocument(*type.element));
    Value(*type.element, in_.Next(), items.back());
    path_.resize(length);
  }
  --collections_;
}

void Decoder::Map(const Type& type, Json& out) {
  const bool merging = out.is_object() && !out.empty();
  if (!out.is_object()) out = Json::object();
  auto& members = out.get_ref<Json::object_t&>();
  std::unordered_set<std::string> seen;  // Only needed where an earlier object is merged into.
  const size_t length = path_.size();
  ++collections_;
  std::string_view key;
  while (in_.NextKey(key)) {
    auto [member, is_new] = members.emplace(key, nullptr);
    bool repeated = !is_new;
    if (merging) repeated = !seen.emplace(key).second;
    if (repeated && strict_) Strict("duplicate", key);
    if (strict_) path_.append(path_.empty() ? "" : ".").append(key);
    member->second = ZeroDocument(*type.element);
    Value(*type.element, in_.Next(), member->second);
    path_.resize(length);
  }
  --collections_;
}

void Decoder::TypeMetaMember(std::string_view key, Json::object_t& object) {
  const std::string name(key);
  names_.push_back(key == "kind" ? "kind" : "apiVersion");
  const JsonToken token = in_.Next();
  if (token == JsonToken::kString) {
    if (in_.string().empty()) {
      object.erase(name);
    } else {
      object[name] = std::string(in_.string());
    }
  } else if (token != JsonToken::kNull && token != JsonToken::kError) {
    Mismatch(token, "string");
  }
  names_.pop_back();
}

void Decoder::NoteEmptyList() {
  if (collections_ > 0 || empty_lists_.size() >= kStrictErrorsMax) return;
  std::string pointer;
  for (const std::string_view name : names_) pointer.append("/").append(name);
  empty_lists_.push_back(std::move(pointer));
}

void Decoder::Member(const Field& field, Json& object) {
  auto& members = object.get_ref<Json::object_t&>();
  auto place = members.lower_bound(std::string(field.name));
  const bool present = place != members.end() && place->first == field.name;
  if (!present) place = members.emplace_hint(place, field.name, nullptr);
  Json& value = place->second;
  const JsonToken token = in_.Next();
  const bool nil = token == JsonToken::kNull;
  const Shape shape = field.type->shape;
  if (nil) {
    // Nil for pointers, lists and maps; other values stay what they were.
    if (field.pointer || shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes) {
      value = nullptr;
    } else if (!present || shape == Shape::kTime || shape == Shape::kMicroTime ||
               shape == Shape::kQuantity) {
      value = ZeroDocument(*field.type);
    }
  } else {
    if (value.is_null()) value = ZeroDocument(*field.type);
    Value(*field.type, token, value);
  }
  if (field.pointer) {
    // A pointer to something empty is not empty, but one to nothing is.
    if (value.is_null() && !field.always && (nil || shape != Shape::kJson)) members.erase(place);
    return;
  }
  if (!IsEmptyValue(value, shape)) return;
  if (value.is_array()) NoteEmptyList();
  if (field.keep_empty && value.is_array()) return;
  if (!IsAlwaysWritten(field)) {
    members.erase(place);
  } else if (shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes) {
    value = nullptr;
  }
}

void Decoder::Struct(const Type& type, Json& out) {
  const Type* const outer = owner_;
  owner_ = &type;
  if (!out.is_object()) out = ZeroDocument(type);
  std::vector<bool> seen(strict_ ? type.fields.size() : 0);
  const size_t length = path_.size();
  const size_t count = type.fields.size();
  size_t expected = 0;  // Clients write fields in the table's order, or sorted.
  std::string_view key;
  while (in_.NextKey(key)) {
    if (type.type_meta && (key == "kind" || key == "apiVersion")) {
      TypeMetaMember(key, out.get_ref<Json::object_t&>());
      continue;
    }
    size_t index = 0;
    for (; index < count; ++index, ++expected) {
      if (expected >= count) expected = 0;
      if (type.fields[expected].name == key) break;
    }
    if (index == count) {
      if (strict_) Strict("unknown", key);
      in_.Skip();
      continue;
    }
    if (strict_ && seen[expected]) Strict("duplicate", key);
    if (strict_) seen[expected] = true;
    const Field& field = type.fields[expected];
    names_.push_back(field.name);
    if (strict_) path_.append(path_.empty() ? "" : ".").append(key);
    Member(field, out);
    path_.resize(length);
    names_.pop_back();
    ++expected;
  }
  owner_ = outer;
}

}  // namespace

Result<Decoded> DecodeJson(const Type& type, std::string_view text, FieldValidation validation) {
  return Decoder(text, validation).Run(type);
}

Result<Json> Normalize(const Type& type, const Json& document) {
  auto decoded = TRY(DecodeJson(type, DumpJson(document), FieldValidation::kIgnore));
  return std::move(decoded.document);
}

Result<TypeMeta> PeekTypeMeta(std::string_view json) {
  static constexpr std::string_view kGoType =
      "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
      "\"json:\\\"kind,omitempty\\\"\" }";
  JsonReader in(json);
  TypeMeta meta;
  std::string mismatch;
  const auto refuse = [&](JsonToken token, std::string_view where) {
    const char* found = token == JsonToken::kBool     ? "bool"
                        : token == JsonToken::kNumber ? "number"
                        : token == JsonToken::kString ? "string"
                        : token == JsonToken::kObject ? "object"
                                                      : "array";
    in.SkipEntered(token);
    if (mismatch.empty()) {
      mismatch = "json: cannot unmarshal " + std::string(found) + " into Go " + std::string(where);
    }
  };
  const JsonToken token = in.Next();
  if (token == JsonToken::kObject) {
    std::string_view key;
    while (in.NextKey(key)) {
      const bool is_kind = key == "kind";
      if (!is_kind && key != "apiVersion") {
        in.Skip();
        continue;
      }
      const JsonToken value = in.Next();
      if (value == JsonToken::kString) {
        (is_kind ? meta.kind : meta.api_version) = in.string();
      } else if (value != JsonToken::kNull && value != JsonToken::kError) {
        refuse(value, is_kind ? "struct field .kind of type string"
                              : "struct field .apiVersion of type string");
      }
    }
  } else if (token != JsonToken::kNull && token != JsonToken::kError) {
    refuse(token, "value of type " + std::string(kGoType));
  }
  in.Finish();
  if (in.failed()) return Fail(Reason::kBadRequest, in.error());
  if (!mismatch.empty()) return Fail(Reason::kBadRequest, mismatch);
  return meta;
}

}  // namespace skiff
