#include "api/cel/schema_type.h"

#include <algorithm>
#include <set>

#include "api/cel/document.h"

namespace skiff::cel {
namespace {

// Two of the bytes are a list's brackets, a string's quotes.
constexpr uint64_t kContentMax = kRequestBytesMax - 2;

bool Flag(const Json& schema, const char* name) {
  const auto found = schema.find(name);
  return found != schema.end() && found->is_boolean() && found->get<bool>();
}

std::string Text(const Json& schema, const char* name) {
  const auto found = schema.find(name);
  return found != schema.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<uint64_t> Count(const Json& schema, const char* name) {
  const auto found = schema.find(name);
  if (found == schema.end() || !found->is_number_integer()) return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(found->get<int64_t>(), 0));
}

// A character takes four bytes at most.
uint64_t TextMax(const Json& schema) {
  if (const auto count = Count(schema, "maxLength")) {
    return std::min<uint64_t>(*count, kRequestBytesMax) * 4;
  }
  uint64_t longest = 0;
  const auto values = schema.find("enum");
  if (values == schema.end() || !values->is_array() || values->empty()) return kContentMax;
  for (const Json& value : *values) {
    if (!value.is_string()) continue;
    longest = std::max<uint64_t>(longest, value.get_ref<const std::string&>().size());
  }
  return longest;
}

TypeRef TextType(const Json& schema) {
  const std::string format = Text(schema, "format");
  Type type{.kind = TypeKind::kString};
  if (format == "byte") {
    type.kind = TypeKind::kBytes;
    type.size_max = Count(schema, "maxLength").value_or(kContentMax);
    type.bytes_min = 2;
  } else if (format == "duration") {
    type.kind = TypeKind::kDuration;
    type.size_max = 32;
    type.bytes_min = 3;
  } else if (format == "date") {
    type.kind = TypeKind::kTimestamp;
    type.form = TextForm::kDate;
    type.size_max = 12;
    type.bytes_min = 12;
  } else if (format == "date-time") {
    type.kind = TypeKind::kTimestamp;
    type.form = TextForm::kDateTime;
    type.size_max = 32;
    type.bytes_min = 21;
  } else {
    type.size_max = TextMax(schema);
    type.bytes_min = 2;
  }
  return std::make_shared<const Type>(std::move(type));
}

TypeRef ScalarType(TypeKind kind, uint64_t bytes_min) {
  return std::make_shared<const Type>(Type{.kind = kind, .bytes_min = bytes_min});
}

TypeRef ListType(const Json& schema, const std::string& name) {
  const auto items = schema.find("items");
  if (items == schema.end()) return nullptr;
  TypeRef item = TypeOfSchema(*items, name + ".@idx", false);
  if (item == nullptr) return nullptr;
  Type type{.kind = TypeKind::kList, .bytes_min = 2};
  type.size_max = Count(schema, "maxItems").value_or(kContentMax / (item->bytes_min + 1));
  type.params = {std::move(item)};
  const std::string rule = Text(schema, "x-kubernetes-list-type");
  if (rule == "set") type.list_rule = ListRule::kSet;
  if (rule == "map") {
    type.list_rule = ListRule::kMap;
    if (const auto keys = schema.find("x-kubernetes-list-map-keys"); keys != schema.end()) {
      for (const Json& key : *keys) {
        if (!key.is_string()) continue;
        if (auto escaped = EscapeProperty(key.get_ref<const std::string&>())) {
          type.list_keys.push_back(*std::move(escaped));
        }
      }
    }
  }
  return std::make_shared<const Type>(std::move(type));
}

TypeRef MapType(const Json& schema, const Json& values, const std::string& name) {
  TypeRef value = TypeOfSchema(values, name + ".@elem", false);
  if (value == nullptr) return nullptr;
  Type type{.kind = TypeKind::kMap, .bytes_min = 2};
  // Quotes, a colon, a comma and one letter of a key, at least, go with each value.
  type.size_max = Count(schema, "maxProperties").value_or(kContentMax / (value->bytes_min + 6));
  type.params = {types::String(), std::move(value)};
  return std::make_shared<const Type>(std::move(type));
}

void AddField(Type& type, const std::string& json_name, TypeRef field) {
  if (field == nullptr) return;
  if (const auto name = EscapeProperty(json_name)) {
    type.fields[*name] = {json_name, field};
    // Behind a dot a reserved word may stand as it is, unless it is a token of its own.
    const bool token = json_name == "true" || json_name == "false" || json_name == "null" ||
                       json_name == "in";
    if (*name == "__" + json_name + "__" && !token) type.fields[json_name] = {json_name, field};
  }
}

// A whole object's fields that are there whatever its schema says.
void AddResourceFields(Type& type) {
  const auto text = [] {
    return std::make_shared<const Type>(
        Type{.kind = TypeKind::kString, .size_max = kContentMax, .bytes_min = 2});
  };
  AddField(type, "apiVersion", text());
  AddField(type, "kind", text());
  Type meta{.kind = TypeKind::kObject, .name = type.name + ".metadata", .bytes_min = 2};
  AddField(meta, "name", text());
  AddField(meta, "generateName", text());
  AddField(type, "metadata", std::make_shared<const Type>(std::move(meta)));
}

TypeRef ObjectType(const Json& schema, const std::string& name, bool resource) {
  Type type{.kind = TypeKind::kObject, .name = name, .bytes_min = 2};
  std::set<std::string> required;
  if (const auto names = schema.find("required"); names != schema.end() && names->is_array()) {
    for (const Json& one : *names) {
      if (one.is_string()) required.insert(one.get<std::string>());
    }
  }
  const auto properties = schema.find("properties");
  if (properties != schema.end() && properties->is_object()) {
    for (const auto& [property, inner] : properties->items()) {
      if (resource && property == "metadata") continue;
      TypeRef field = TypeOfSchema(inner, name + "." + property, false);
      if (field == nullptr) continue;
      if (required.contains(property) && !inner.contains("default")) {
        type.bytes_min += property.size() + field->bytes_min + 4;
      }
      AddField(type, property, std::move(field));
    }
  }
  if (resource) AddResourceFields(type);
  return std::make_shared<const Type>(std::move(type));
}

}  // namespace

TypeRef TypeOfSchema(const Json& schema, const std::string& name, bool resource) {
  if (!schema.is_object()) return nullptr;
  if (Flag(schema, "x-kubernetes-int-or-string")) {
    return std::make_shared<const Type>(
        Type{.kind = TypeKind::kDyn, .size_max = TextMax(schema), .bytes_min = 1});
  }
  resource |= Flag(schema, "x-kubernetes-embedded-resource");
  const std::string type = Text(schema, "type");
  if (type == "string") return TextType(schema);
  if (type == "boolean") return ScalarType(TypeKind::kBool, 4);
  if (type == "integer") return ScalarType(TypeKind::kInt, 1);
  if (type == "number") return ScalarType(TypeKind::kDouble, 1);
  if (type == "array") return ListType(schema, name);
  if (type != "object") return nullptr;
  const auto values = schema.find("additionalProperties");
  if (values != schema.end() && values->is_object()) return MapType(schema, *values, name);
  return ObjectType(schema, name, resource);
}

}  // namespace skiff::cel
