#include "api/codec/decode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

#include "api/codec/base64.h"
#include "api/codec/decode_targets.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"
#include "api/codec/struct_ptr.h"
#include "api/codec/struct_text.h"
#include "api/text/go_names.h"
#include "api/text/go_text.h"
#include "api/text/time_text.h"
#include "base/text.h"

namespace skiff {
namespace {

// Unknown and repeated fields that are looked at: the path of each is put together, and may be as
// long as the text. So they are bounded in bytes, too, of which each takes one path.
constexpr size_t kStrictLooksMax = 1000;
constexpr size_t kStrictBytesMax = 1 << 20;

// Which members of a struct were read. Few structs have more fields than fit into the words.
class SeenFields {
 public:
  explicit SeenFields(size_t fields) : more_(fields > kInline ? fields - kInline : 0) {}
  // Whether the field was seen before; it has been from now on.
  bool See(size_t index) {
    if (index >= kInline) {
      const bool before = more_[index - kInline];
      more_[index - kInline] = true;
      return before;
    }
    uint64_t& word = words_[index / 64];
    const uint64_t bit = uint64_t{1} << (index % 64);
    const bool before = (word & bit) != 0;
    word |= bit;
    return before;
  }

 private:
  static constexpr size_t kInline = 256;
  std::array<uint64_t, kInline / 64> words_ = {};
  std::vector<bool> more_;
};

// One pass over the text: checks syntax, shapes and names, and puts what it reads into a target
// (api/codec/decode_targets.h): a document in normal form, or a struct. The first value that does
// not fit is remembered and reading goes on, because a syntax error further on outranks it.
class Decoder {
 public:
  // `is_own`: this program wrote the text.
  Decoder(std::string_view text, FieldValidation validation, bool is_own = false)
      : in_(text), strict_(validation != FieldValidation::kIgnore), is_own_(is_own) {}

  template <typename Target>
  Result<TextNotes> Run(const Type& type, typename Target::Slot out) {
    Value<Target>(type, in_.Next(), out);
    in_.Finish();
    if (in_.failed()) return Fail(Reason::kBadRequest, in_.error());
    if (mismatch_.empty()) mismatch_ = in_.Misfit("value");
    if (!mismatch_.empty()) return Fail(Reason::kBadRequest, std::move(mismatch_));
    return std::move(notes_);
  }

 private:
  // Reads the value that `token` begins into `out`, which holds the zero or an earlier value. A
  // null leaves it as it is.
  template <typename Target>
  void Value(const Type& type, JsonToken token, typename Target::Slot out);
  template <typename Target>
  void Struct(const Type& type, typename Target::Slot out);
  template <typename Target>
  void Member(const Field& field, typename Target::Slot object);
  template <typename Target>
  void List(const Type& type, typename Target::Slot out);
  template <typename Target>
  void Map(const Type& type, typename Target::Slot out);
  template <typename Target>
  void Integer(const Type& type, typename Target::Slot out);
  template <typename Target>
  void Text(const Type& type, JsonToken token, typename Target::Slot out);
  template <typename Target>
  void Either(JsonToken token, typename Target::Slot out);
  template <typename Target>
  void QuantityText(JsonToken token, typename Target::Slot out);
  // Bytes that are given as a list of numbers, which we are in.
  std::string NumberedBytes();
  // The text of the value that `token` begins.
  std::string_view Whole(JsonToken token);
  // A part that structs keep as the text of `kept`.
  template <typename Target>
  void Kept(const Type& kept, JsonToken token, typename Target::Slot out);
  Json SchemaUnion(const Type& type, JsonToken token);
  void Apart(const Type& type, JsonToken token, Json& out);
  // The kind or apiVersion of an object; nullopt when it is neither there nor empty.
  std::optional<std::string_view> TypeMetaMember(bool is_kind);

  bool Wants(const Type& type, JsonToken token);
  // Notes that the value that `token` begins does not fit, and passes over it.
  void Mismatch(JsonToken token, const std::string& wanted);
  std::string MismatchText(const std::string& found, const std::string& wanted) const;
  // Go's name of `type` where we are: of the field itself or of its list's items, if it has one
  // there.
  std::string Wanted(const Type& type) const;
  void Complain(std::string message);
  // Reads a value whose type reads itself in Go: there an error of such a one ends it all, and
  // hides what was noted of others before.
  template <typename Read>
  void ByItself(const Read& read) {
    std::string earlier = std::exchange(mismatch_, {});
    const bool had_ended = has_ended_;  // Such values stand in one another: schemas do.
    read();
    if (mismatch_.empty() || had_ended) {
      mismatch_ = std::move(earlier);
    } else {
      has_ended_ = true;
    }
  }
  void Strict(const char* what, std::string_view name);
  void NoteEmptyList();

  JsonReader in_;
  bool strict_;
  const bool is_own_;
  size_t strict_looks_ = 0;
  size_t strict_bytes_ = 0;
  const Type* owner_ = nullptr;      // The struct whose field is being read.
  std::vector<const Field*> names_;  // Go's path: fields only.
  std::string path_;                 // The path of strict errors: with indices and keys.
  std::string mismatch_;
  bool has_ended_ = false;
  TextNotes notes_;
  int collections_ = 0;  // How many lists and maps we are in.
  size_t listed_structs_ = 0;
};

void Decoder::Complain(std::string message) {
  if (mismatch_.empty()) mismatch_ = std::move(message);
}

void Decoder::Mismatch(JsonToken token, const std::string& wanted) {
  std::string found(GoJsonKind(token));
  // Such a target takes numbers, but not this one.
  if (token == JsonToken::kNumber && (wanted.starts_with("int") || wanted.starts_with("float"))) {
    found += " " + std::string(in_.number());
  }
  in_.SkipEntered(token);
  if (mismatch_.empty()) mismatch_ = MismatchText(found, wanted);
}

std::string Decoder::MismatchText(const std::string& found, const std::string& wanted) const {
  std::string text = "json: cannot unmarshal " + found + " into Go ";
  if (owner_ == nullptr) return text + "value of type " + wanted;
  text += "struct field " + std::string(owner_->name);
  for (const Field* field : names_) AppendGoPath(*field, text);
  return text + " of type " + wanted;
}

std::string Decoder::Wanted(const Type& type) const {
  return names_.empty() ? GoTypeName(type) : GoTypeName(*names_.back(), type);
}

void Decoder::Strict(const char* what, std::string_view name) {
  if (notes_.strict_errors.size() >= kStrictErrorsMax || ++strict_looks_ > kStrictLooksMax ||
      strict_bytes_ >= kStrictBytesMax) {
    return;
  }
  std::string text = std::string(what) + " field " +
                     GoQuote(path_ + (path_.empty() ? "" : ".") + std::string(name));
  strict_bytes_ += text.size();
  for (const std::string& earlier : notes_.strict_errors) {
    if (earlier == text) return;
  }
  notes_.strict_errors.push_back(std::move(text));
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
      return token == JsonToken::kString;
    case Shape::kBytes:  // Go's bytes are a list of numbers, too.
      return token == JsonToken::kString || token == JsonToken::kArray;
    case Shape::kStruct:
    case Shape::kMap:
      return token == JsonToken::kObject;
    case Shape::kList:
      return token == JsonToken::kArray;
    default:
      return true;  // Judged where it is read.
  }
}

template <typename Target>
void Decoder::Value(const Type& type, JsonToken token, typename Target::Slot out) {
  if (token == JsonToken::kNull || token == JsonToken::kError) return;
  if (!Wants(type, token)) return Mismatch(token, Wanted(type));
  switch (type.shape) {
    case Shape::kBool:
      return Target::SetBool(out, in_.boolean());
    case Shape::kInt32:
    case Shape::kInt64:
      return Integer<Target>(type, out);
    case Shape::kDouble: {
      Json number = JsonNumber(in_.number());
      if (!std::isfinite(number.get<double>())) return Mismatch(token, GoTypeName(type));
      return Target::SetNumber(out, std::move(number));
    }
    case Shape::kString:
      return Target::SetString(out, in_.string());
    case Shape::kBytes:
      return Text<Target>(type, token, out);
    case Shape::kTime:
    case Shape::kMicroTime:
    case Shape::kDuration:
      return ByItself([&] { Text<Target>(type, token, out); });
    case Shape::kQuantity:
      return ByItself([&] { QuantityText<Target>(token, out); });
    case Shape::kIntOrString:
      return ByItself([&] { Either<Target>(token, out); });
    case Shape::kJson:
      if (const Type* kept = KeptAsText(type)) return Kept<Target>(*kept, token, out);
      if (IsSchemaUnion(type)) {
        return ByItself([&] { Target::SetJson(out, SchemaUnion(type, token)); });
      }
      if (IsSchemaValue(type)) return Target::SetJson(out, ReadJson(in_, token));
      return Target::SetRaw(out, in_, token);
    case Shape::kStruct:
      return Struct<Target>(type, out);
    case Shape::kList:
      return List<Target>(type, out);
    case Shape::kMap:
      return Map<Target>(type, out);
  }
}

template <typename Target>
void Decoder::Integer(const Type& type, typename Target::Slot out) {
  const std::string_view text = in_.number();
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size();
  const bool narrow = type.shape == Shape::kInt32;
  if (!whole || (narrow && (value < std::numeric_limits<int32_t>::min() ||
                            value > std::numeric_limits<int32_t>::max()))) {
    return Mismatch(JsonToken::kNumber, narrow ? "int32" : "int64");
  }
  Target::SetInteger(type, out, value);
}

template <typename Target>
void Decoder::Text(const Type& type, JsonToken token, typename Target::Slot out) {
  if (type.shape == Shape::kBytes && token == JsonToken::kArray) {
    return Target::SetBytes(out, NumberedBytes());
  }
  if (token != JsonToken::kString) return Mismatch(token, "string");
  const std::string_view text = in_.string();
  if (type.shape == Shape::kBytes) {
    auto bytes = DecodeBase64(text);
    if (!bytes) return Complain(std::move(bytes.error().message));
    return Target::SetBytes(out, std::move(*bytes));
  }
  if (type.shape == Shape::kDuration) {
    auto duration = ParseGoDuration(text);
    if (!duration) return Complain(std::move(duration.error().message));
    return Target::SetDuration(out, *duration);
  }
  const TimeForm form = type.shape == Shape::kMicroTime ? TimeForm::kMicro : TimeForm::kSeconds;
  auto instant = ParseInstant(text, form);
  if (!instant) return Complain(std::move(instant.error().message));
  Target::SetTime(out, *instant, form);
}

std::string Decoder::NumberedBytes() {
  std::string bytes;
  while (in_.NextItem()) {
    const JsonToken token = in_.Next();
    uint8_t byte = 0;
    if (token == JsonToken::kNumber) {
      const std::string_view text = in_.number();
      const auto read = std::from_chars(text.data(), text.data() + text.size(), byte);
      if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
        Complain(MismatchText("number " + std::string(text), "uint8"));
      }
    } else if (token != JsonToken::kNull && token != JsonToken::kError) {
      Mismatch(token, "uint8");
    }
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string_view Decoder::Whole(JsonToken token) {
  const size_t begin = in_.begin();
  in_.SkipEntered(token);
  return in_.text().substr(begin, in_.position() - begin);
}

template <typename Target>
void Decoder::QuantityText(JsonToken token, typename Target::Slot out) {
  const bool plain = token == JsonToken::kString || token == JsonToken::kNumber;
  const std::string_view text = plain ? in_.string() : Whole(token);
  auto quantity = Quantity::Parse(WithoutBlanks(text));
  if (!quantity) return Complain(std::move(quantity.error().message));
  Target::SetQuantity(out, std::move(*quantity));
}

template <typename Target>
void Decoder::Either(JsonToken token, typename Target::Slot out) {
  if (token == JsonToken::kString) {
    Target::SetEither(out, IntOrString(std::string(in_.string())));
  } else if (token == JsonToken::kNumber) {
    int32_t value = 0;
    Integer<StructTarget>({.shape = Shape::kInt32}, &value);
    Target::SetEither(out, IntOrString(value));
  } else {
    Mismatch(token, "int32");
  }
}

template <>
void Decoder::Kept<DocumentTarget>(const Type& kept, JsonToken token, Json* out) {
  Value<DocumentTarget>(kept, token, out);
}

template <>
void Decoder::Kept<StructTarget>(const Type& kept, JsonToken token, void* out) {
  if (is_own_) return StructTarget::SetRaw(out, in_, token);
  auto& text = StructTarget::As<RawJson>(out);
  const StructPtr value = MakeStruct(kept);
  ReadKeptText(kept, text, value.get());  // Of an earlier member of the same name.
  Value<StructTarget>(kept, token, value.get());
  text = KeptTextOf(kept, value.get());
}

// The unions of CustomResourceDefinition schemas: a schema, a list of them, or something plain.
Json Decoder::SchemaUnion(const Type& type, JsonToken token) {
  static const Type* const kSchema = FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  if (token == JsonToken::kObject) {
    Json schema = ZeroDocument(*kSchema);
    Apart(*kSchema, token, schema);
    return schema;
  }
  if (type.name == "JSONSchemaPropsOrBool" && token != JsonToken::kBool) {
    Complain("boolean or JSON schema expected");
    in_.SkipEntered(token);
    return {};
  }
  const bool schemas = type.name == "JSONSchemaPropsOrArray";
  // Anything else is no schema, and as good as none.
  if (schemas && token != JsonToken::kArray) return Json::array();
  if (!schemas) return ReadJson(in_, token);
  Json all = Json::array();
  while (in_.NextItem()) {
    if (++listed_structs_ > kListedStructsMax) {
      Complain(kTooManyStructs);
      in_.SkipEntered(in_.Next());
      continue;
    }
    all.push_back(ZeroDocument(*kSchema));
    Apart(*kSchema, in_.Next(), all.back());
  }
  return all;
}

// Go decodes such a value by itself: its errors do not know where it stands, and unknown fields in
// there go without being reported.
void Decoder::Apart(const Type& type, JsonToken token, Json& out) {
  std::vector<const Field*> names;
  names.swap(names_);
  const Type* const owner = std::exchange(owner_, nullptr);
  const bool strict = std::exchange(strict_, false);
  ++collections_;
  Value<DocumentTarget>(type, token, &out);
  --collections_;
  strict_ = strict;
  owner_ = owner;
  names.swap(names_);
}

template <typename Target>
void Decoder::List(const Type& type, typename Target::Slot out) {
  Target::ClearList(type, out);
  const size_t length = path_.size();
  ++collections_;
  for (size_t index = 0; in_.NextItem(); ++index) {
    if (strict_) path_ += "[" + std::to_string(index) + "]";
    if (type.element->shape == Shape::kStruct && ++listed_structs_ > kListedStructsMax) {
      Complain(kTooManyStructs);
      in_.SkipEntered(in_.Next());
    } else {
      const auto item = Target::Append(type, out);
      Value<Target>(*type.element, in_.Next(), item);
    }
    path_.resize(length);
  }
  --collections_;
}

template <typename Target>
void Decoder::Map(const Type& type, typename Target::Slot out) {
  const bool merging = Target::EnterMap(type, out);
  std::unordered_set<std::string> seen;  // Only needed where an earlier object is merged into.
  const size_t length = path_.size();
  ++collections_;
  std::string_view key;
  while (in_.NextKey(key)) {
    const auto [item, is_new] = Target::Insert(type, out, key);
    const bool repeated = merging ? !seen.emplace(key).second : !is_new;
    if (repeated && strict_) Strict("duplicate", key);
    if (strict_) path_.append(path_.empty() ? "" : ".").append(key);
    Value<Target>(*type.element, in_.Next(), item);
    path_.resize(length);
  }
  --collections_;
}

std::optional<std::string_view> Decoder::TypeMetaMember(bool is_kind) {
  static constexpr Field kKind{.name = "kind", .inline_type = "TypeMeta"};
  static constexpr Field kApiVersion{.name = "apiVersion", .inline_type = "TypeMeta"};
  names_.push_back(is_kind ? &kKind : &kApiVersion);
  const JsonToken token = in_.Next();
  if (token != JsonToken::kString && token != JsonToken::kNull && token != JsonToken::kError) {
    Mismatch(token, "string");
  }
  names_.pop_back();
  if (token != JsonToken::kString) return std::nullopt;
  return in_.string();
}

void Decoder::NoteEmptyList() {
  if (collections_ > 0 || notes_.empty_lists.size() >= kStrictErrorsMax) return;
  std::string pointer;
  for (const Field* field : names_) pointer.append("/").append(field->name);
  notes_.empty_lists.push_back(std::move(pointer));
}

template <typename Target>
void Decoder::Member(const Field& field, typename Target::Slot object) {
  const JsonToken token = in_.Next();
  const bool nil = token == JsonToken::kNull;
  const auto place = Target::BeginMember(field, object, nil);
  if (!nil) Value<Target>(*field.type, token, Target::ValueOf(field, place));
  if (Target::EndMember(field, object, place, nil)) NoteEmptyList();
}

template <typename Target>
void Decoder::Struct(const Type& type, typename Target::Slot out) {
  const Type* const outer = owner_;
  owner_ = &type;
  Target::EnterStruct(type, out);
  SeenFields seen(strict_ ? type.fields.size() : 0);
  const size_t length = path_.size();
  const size_t count = type.fields.size();
  const bool outermost = names_.empty() && collections_ == 0;
  size_t expected = 0;  // Clients write fields in the table's order, or sorted.
  bool seen_kind = false, seen_version = false;
  std::string_view key;
  while (in_.NextKey(key)) {
    if (type.type_meta && (key == "kind" || key == "apiVersion")) {
      const bool is_kind = key == "kind";
      if (strict_ && std::exchange(is_kind ? seen_kind : seen_version, true)) {
        Strict("duplicate", key);
      }
      const auto given = TypeMetaMember(is_kind);
      if (!given) continue;
      Target::SetTypeMeta(out, is_kind, *given);
      if (outermost) (is_kind ? notes_.meta.kind : notes_.meta.api_version) = *given;
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
    if (strict_ && seen.See(expected)) Strict("duplicate", key);
    const Field& field = type.fields[expected];
    names_.push_back(&field);
    if (strict_) path_.append(path_.empty() ? "" : ".").append(key);
    Member<Target>(field, out);
    path_.resize(length);
    names_.pop_back();
    ++expected;
  }
  owner_ = outer;
}

}  // namespace

Result<Decoded> DecodeJson(const Type& type, std::string_view text, FieldValidation validation) {
  Decoded decoded;
  decoded.document = ZeroDocument(type);
  TextNotes notes = TRY(Decoder(text, validation).Run<DocumentTarget>(type, &decoded.document));
  decoded.strict_errors = std::move(notes.strict_errors);
  decoded.empty_lists = std::move(notes.empty_lists);
  return decoded;
}

Result<TextNotes> DecodeStruct(const Type& type, std::string_view text, FieldValidation validation,
                               void* object) {
  return Decoder(text, validation).Run<StructTarget>(type, object);
}

Result<TextNotes> DecodeOwnText(const Type& type, std::string_view text, void* object) {
  return Decoder(text, FieldValidation::kIgnore, true).Run<StructTarget>(type, object);
}

Result<Json> Normalize(const Type& type, const Json& document) {
  auto decoded = TRY(DecodeJson(type, DumpJson(document), FieldValidation::kIgnore));
  return std::move(decoded.document);
}

}  // namespace skiff
