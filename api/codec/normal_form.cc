#include "api/codec/normal_form.h"

#include "api/codec/decode.h"
#include "api/codec/json.h"
#include "api/codec/kept_text.h"

namespace skiff {

bool IsEmptyValue(const Json& value, Shape shape) {
  switch (value.type()) {
    case Json::value_t::null:
      return true;
    case Json::value_t::boolean:
      return !value.get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return shape != Shape::kIntOrString && value == 0;
    case Json::value_t::number_float:
      return value == 0.0;
    case Json::value_t::string:
      return (shape == Shape::kString || shape == Shape::kBytes) &&
             value.get_ref<const std::string&>().empty();
    case Json::value_t::array:
    case Json::value_t::object:
      return shape != Shape::kStruct && shape != Shape::kJson && value.empty();
    default:
      return false;
  }
}

bool IsSchemaUnion(const Type& type) {
  return type.name.starts_with("JSONSchemaPropsOr");
}

bool IsSchemaValue(const Type& type) {
  return type.name == "JSON";
}

bool IsAlwaysWritten(const Field& field) {
  if (field.always) return true;
  if (field.pointer || field.omit_zero) return false;
  switch (field.type->shape) {
    case Shape::kStruct:
    case Shape::kTime:
    case Shape::kMicroTime:
    case Shape::kDuration:
    case Shape::kQuantity:
    case Shape::kIntOrString:
    case Shape::kJson:
      return true;
    default:
      return false;
  }
}

Json ZeroOf(const Field& field) {
  return field.pointer ? Json() : ZeroDocument(*field.type);
}

void SetMember(Json::object_t& object, const Field& field, Json value) {
  const Shape shape = field.type->shape;
  const bool absent = field.pointer ? value.is_null() : IsEmptyValue(value, shape);
  if (!absent) {
    object[std::string(field.name)] = std::move(value);
  } else if (IsAlwaysWritten(field)) {
    object[std::string(field.name)] = ZeroOf(field);
  } else if (const auto old = object.find(std::string(field.name)); old != object.end()) {
    object.erase(old);
  }
}

Json ZeroDocument(const Type& type) {
  switch (type.shape) {
    case Shape::kBool:
      return false;
    case Shape::kInt32:
    case Shape::kInt64:
    case Shape::kIntOrString:
      return 0;
    case Shape::kDouble:
      return 0.0;
    case Shape::kString:
      return "";
    case Shape::kDuration:
      return "0s";
    case Shape::kQuantity:
      return "0";
    case Shape::kStruct: {
      Json object = Json::object();
      for (const Field& field : type.fields) {
        if (IsAlwaysWritten(field)) object[std::string(field.name)] = ZeroOf(field);
      }
      return object;
    }
    default:
      return nullptr;
  }
}

// The schema of a custom resource may leave open what is in a list or a map.
void AppendValue(const Type& type, const Json& value, std::string& out) {
  const bool known = type.element != nullptr;
  if (const Type* kept = KeptAsText(type)) return AppendValue(*kept, value, out);
  if (type.shape == Shape::kStruct && value.is_object()) {
    AppendDocument(type, value, out);
  } else if (type.shape == Shape::kList && value.is_array() && known) {
    out += '[';
    bool first = true;
    for (const Json& item : value.get_ref<const Json::array_t&>()) {
      if (!first) out += ',';
      first = false;
      AppendValue(*type.element, item, out);
    }
    out += ']';
  } else if (type.shape == Shape::kMap && value.is_object() && known) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.get_ref<const Json::object_t&>()) {
      if (!first) out += ',';
      first = false;
      AppendJsonString(key, out);
      out += ':';
      AppendValue(*type.element, member, out);
    }
    out += '}';
  } else {
    AppendJson(value, out);
  }
}

void AppendDocument(const Type& type, const Json& document, std::string& out) {
  const auto& members = document.get_ref<const Json::object_t&>();
  out += '{';
  bool first = true;
  const auto begin_member = [&](std::string_view name) {
    if (!first) out += ',';
    first = false;
    AppendJsonString(name, out);
    out += ':';
  };
  size_t left = members.size();
  if (type.type_meta) {
    for (const char* name : {"kind", "apiVersion"}) {
      const auto member = members.find(name);
      if (member == members.end()) continue;
      begin_member(name);
      AppendJson(member->second, out);
      --left;
    }
  }
  for (const Field& field : type.fields) {
    if (left == 0) break;
    const auto member = members.find(std::string(field.name));
    if (member == members.end()) continue;
    begin_member(field.name);
    AppendValue(*field.type, member->second, out);
    --left;
  }
  out += '}';
}

std::string EncodeDocument(const Type& type, const Json& document) {
  std::string out;
  AppendDocument(type, document, out);
  return out;
}

}  // namespace skiff
