#include "api/codec/typed.h"

#include <limits>
#include <vector>

#include "api/codec/base64.h"
#include "api/codec/kept_text.h"
#include "api/codec/struct_fields.h"
#include "api/codec/struct_ptr.h"
#include "api/text/go_names.h"
#include "api/text/go_value.h"
#include "api/text/time_text.h"

namespace skiff {
namespace {

template <typename T>
const T& As(const void* value) {
  return *static_cast<const T*>(value);
}
template <typename T>
T& As(void* value) {
  return *static_cast<T*>(value);
}

Json ListToJson(const Type& type, const void* list) {
  const size_t size = type.list->size(list);
  Json out = Json::array();
  out.get_ref<Json::array_t&>().reserve(size);
  for (size_t i = 0; i < size; ++i)
    out.push_back(ValueToJson(*type.element, type.list->at(list, i)));
  return out;
}

Json MapToJson(const Type& type, const void* map) {
  struct Context {
    const Type* element;
    Json out = Json::object();
  } context{type.element};
  type.map->each(map, &context, [](void* to, const std::string& key, const void* value) {
    auto& into = As<Context>(to);
    into.out[key] = ValueToJson(*into.element, value);
  });
  return std::move(context.out);
}

Json StructToJson(const Type& type, const void* object) {
  Json out = Json::object();
  if (type.type_meta) {
    out["apiVersion"] = type.api_version == "meta/v1" ? "v1" : std::string(type.api_version);
    out["kind"] = std::string(type.name);
  }
  for (const Field& field : type.fields) {
    const ShownField shown = Show(field, object);
    if (shown.is_left_out) continue;
    Json& member = out[std::string(field.name)];
    if (shown.value == nullptr) continue;
    const bool is_empty = IsEmptyMap(field, shown.value);
    member = is_empty ? Json::object() : ValueToJson(*field.type, shown.value);
  }
  return out;
}

Json TimeToJson(const Time& time, TimeForm form) {
  if (time.IsZero()) return nullptr;
  return form == TimeForm::kMicro ? time.Rfc3339Micro() : time.Rfc3339();
}

}  // namespace

Json ValueToJson(const Type& type, const void* value) {
  switch (type.shape) {
    case Shape::kBool:
      return As<bool>(value);
    case Shape::kInt32:
      return As<int32_t>(value);
    case Shape::kInt64:
      return As<int64_t>(value);
    case Shape::kDouble:
      return As<double>(value);
    case Shape::kString:
      return As<std::string>(value);
    case Shape::kBytes:
      return EncodeBase64(As<std::string>(value));
    case Shape::kTime:
      return TimeToJson(As<Time>(value), TimeForm::kSeconds);
    case Shape::kMicroTime:
      return TimeToJson(As<Time>(value), TimeForm::kMicro);
    case Shape::kDuration:
      return FormatGoDuration(As<Duration>(value).count());
    case Shape::kQuantity:
      return As<Quantity>(value).Text();
    case Shape::kIntOrString: {
      const auto& either = As<IntOrString>(value);
      return either.is_string() ? Json(either.text()) : Json(either.value());
    }
    case Shape::kJson:
      return As<RawJson>(value).Parse();
    case Shape::kStruct:
      return StructToJson(type, value);
    // Kubernetes answers what it decoded from its store, where an empty list is a nil one.
    case Shape::kList:
      return type.list->size(value) == 0 ? Json() : ListToJson(type, value);
    case Shape::kMap:
      return type.map->size(value) == 0 ? Json() : MapToJson(type, value);
  }
  return nullptr;
}

namespace {

// Fills a struct from a document; remembers where it is for Go's error texts.
class StructReader {
 public:
  Result<> Value(const Type& type, const Json& json, void* out);

 private:
  Result<> Struct(const Type& type, const Json& json, void* out);
  Result<> List(const Type& type, const Json& json, void* out);
  Result<> Map(const Type& type, const Json& json, void* out);
  template <typename T>
  Result<> Integer(const Type& type, const Json& json, void* out);
  Result<> Text(const Type& type, const Json& json, void* out);
  tl::unexpected<Error> Mismatch(const Json& json, const std::string& wanted) const;
  std::string Wanted(const Type& type) const {
    return path_.empty() ? GoTypeName(type) : GoTypeName(*path_.back(), type);
  }

  const Type* owner_ = nullptr;  // The struct whose field is being read.
  std::vector<const Field*> path_;
};

tl::unexpected<Error> StructReader::Mismatch(const Json& json, const std::string& wanted) const {
  std::string found = GoFound(json);
  if (json.is_number() && wanted.starts_with("int")) found += " " + json.dump();
  std::string text = "json: cannot unmarshal " + found + " into Go ";
  if (owner_ == nullptr) return Fail(Reason::kBadRequest, text + "value of type " + wanted);
  text += "struct field " + std::string(owner_->name);
  for (const Field* field : path_) AppendGoPath(*field, text);
  return Fail(Reason::kBadRequest, text + " of type " + wanted);
}

Result<> StructReader::Struct(const Type& type, const Json& json, void* out) {
  if (!json.is_object()) return Mismatch(json, Wanted(type));
  const Type* outer = owner_;
  owner_ = &type;
  for (const auto& [key, value] : json.get_ref<const Json::object_t&>()) {
    if (value.is_null()) continue;
    const Field* field = type.Find(key);
    if (field == nullptr) continue;
    path_.push_back(field);
    void* member = MemberOf(out, *field);
    if (field->pointer) member = field->pointer_ops->emplace(member);
    TRY(Value(*field->type, value, member));
    path_.pop_back();
  }
  owner_ = outer;
  return {};
}

Result<> StructReader::List(const Type& type, const Json& json, void* out) {
  if (!json.is_array()) return Mismatch(json, Wanted(type));
  for (const Json& item : json) {
    void* element = type.list->append(out);
    if (!item.is_null()) TRY(Value(*type.element, item, element));
  }
  return {};
}

Result<> StructReader::Map(const Type& type, const Json& json, void* out) {
  if (!json.is_object()) return Mismatch(json, Wanted(type));
  for (const auto& [key, item] : json.get_ref<const Json::object_t&>()) {
    void* element = type.map->insert(out, key);
    if (!item.is_null()) TRY(Value(*type.element, item, element));
  }
  return {};
}

template <typename T>
Result<> StructReader::Integer(const Type& type, const Json& json, void* out) {
  const bool fits = json.is_number_integer() &&
                    json.get<int64_t>() >= std::numeric_limits<T>::min() &&
                    json.get<int64_t>() <= std::numeric_limits<T>::max();
  if (!fits) return Mismatch(json, Wanted(type));
  As<T>(out) = json.get<T>();
  return {};
}

// The shapes that JSON writes as text.
Result<> StructReader::Text(const Type& type, const Json& json, void* out) {
  if (!json.is_string()) return Mismatch(json, "string");
  const auto& text = json.get_ref<const std::string&>();
  switch (type.shape) {
    case Shape::kBytes:
      As<std::string>(out) = TRY(DecodeBase64(text));
      break;
    case Shape::kDuration:
      As<Duration>(out) = Duration(TRY(ParseGoDuration(text)));
      break;
    default:
      As<Time>(out) = TRY(Time::Parse(text));
  }
  return {};
}

Result<> StructReader::Value(const Type& type, const Json& json, void* out) {
  switch (type.shape) {
    case Shape::kBool:
      if (!json.is_boolean()) return Mismatch(json, "bool");
      As<bool>(out) = json.get<bool>();
      return {};
    case Shape::kInt32:
      return Integer<int32_t>(type, json, out);
    case Shape::kInt64:
      return Integer<int64_t>(type, json, out);
    case Shape::kDouble:
      if (!json.is_number()) return Mismatch(json, "float64");
      As<double>(out) = json.get<double>();
      return {};
    case Shape::kString:
      if (!json.is_string()) return Mismatch(json, Wanted(type));
      As<std::string>(out) = json.get_ref<const std::string&>();
      return {};
    case Shape::kBytes:
    case Shape::kTime:
    case Shape::kMicroTime:
    case Shape::kDuration:
      return Text(type, json, out);
    case Shape::kQuantity:
      As<Quantity>(out) =
          TRY(Quantity::Parse(json.is_string() ? json.get<std::string>() : json.dump()));
      return {};
    case Shape::kIntOrString:
      if (json.is_string()) {
        As<IntOrString>(out) = IntOrString(json.get<std::string>());
        return {};
      }
      if (!json.is_number_integer()) return Mismatch(json, "int32");
      As<IntOrString>(out) = IntOrString(json.get<int32_t>());
      return {};
    case Shape::kJson:
      if (const Type* kept = KeptAsText(type)) {
        const StructPtr value = MakeStruct(*kept);
        TRY(Value(*kept, json, value.get()));
        As<RawJson>(out) = KeptTextOf(*kept, value.get());
        return {};
      }
      As<RawJson>(out) = json;
      return {};
    case Shape::kStruct:
      return Struct(type, json, out);
    case Shape::kList:
      return List(type, json, out);
    case Shape::kMap:
      return Map(type, json, out);
  }
  return {};
}

}  // namespace

Json ToJson(const Type& type, const void* object) {
  return StructToJson(type, object);
}

Result<> FromJson(const Type& type, const Json& document, void* object) {
  return StructReader().Value(type, document, object);
}

}  // namespace skiff
