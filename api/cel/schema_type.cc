#include "api/cel/schema_type.h"

#include <algorithm>
#include <set>

#include "api/cel/document.h"
#include "api/codec/document.h"

namespace skiff::cel {
namespace {

// Two of the bytes are a list's brackets, a string's quotes.
constexpr uint64_t kContentMax = kRequestBytesMax - 2;

bool Flag(const Json& schema, const char* name) {
  const auto found = schema.find(name);
  return found != schema.end() && found->is_boolean() && found->get<bool>();
}

std::optional<uint64_t> Count(const Json& schema, const char* name) {
  const auto found = schema.find(name);
  if (found == schema.end() || !found->is_number_integer()) return std::nullopt;
  return static_cast<uint64_t>(std::max<int64_t>(found->get<int64_t>(), 0));
}

constexpr uint64_t kCharactersMax = uint64_t{1} << 60;

// A character takes four bytes at most.
uint64_t TextMax(const Json& schema) {
  if (const auto count = Count(schema, "maxLength")) {
    // Also where no request has that many: who writes it pays for it.
    return std::min(*count, kCharactersMax) * 4;
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
  const std::string format = TextAt(schema, "format");
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

// A whole object's fields that are there whatever its schema says.
void AddResourceFields(Type& type) {
  const auto text = [] {
    return std::make_shared<const Type>(
        Type{.kind = TypeKind::kString, .size_max = kContentMax, .bytes_min = 2});
  };
  AddProperty(type, "apiVersion", text());
  AddProperty(type, "kind", text());
  Type meta{.kind = TypeKind::kObject, .name = type.name + ".metadata", .bytes_min = 2};
  AddProperty(meta, "name", text());
  AddProperty(meta, "generateName", text());
  AddProperty(type, "metadata", std::make_shared<const Type>(std::move(meta)));
}

std::set<std::string> RequiredOf(const Json& schema) {
  std::set<std::string> required;
  const auto names = schema.find("required");
  if (names == schema.end() || !names->is_array()) return required;
  for (const Json& one : *names) {
    if (one.is_string()) required.insert(one.get<std::string>());
  }
  return required;
}

void SetListRule(const Json& schema, Type& type) {
  const std::string rule = TextAt(schema, "x-kubernetes-list-type");
  if (rule == "set") type.list_rule = ListRule::kSet;
  if (rule != "map") return;
  type.list_rule = ListRule::kMap;
  const auto keys = schema.find("x-kubernetes-list-map-keys");
  if (keys == schema.end()) return;
  for (const Json& key : *keys) {
    if (!key.is_string()) continue;
    if (auto escaped = EscapeProperty(key.get_ref<const std::string&>())) {
      type.list_keys.push_back(*std::move(escaped));
    }
  }
}

bool IsResource(const Json& schema) {
  return Flag(schema, "x-kubernetes-embedded-resource");
}

constexpr std::string_view kSelfType = "selfType";
// Names of types may be as long as a schema is deep; a message has room for some.
constexpr size_t kNamedBytesMax = 1 << 16;

std::string NumberedName(size_t number) {
  return std::string(kSelfType) + std::to_string(number);
}

}  // namespace

void AddProperty(Type& type, const std::string& json_name, TypeRef field) {
  if (field == nullptr) return;
  if (const auto name = EscapeProperty(json_name)) {
    type.fields[*name] = {json_name, field};
    // Behind a dot a reserved word may stand as it is, unless it is a token of its own.
    const bool token = json_name == "true" || json_name == "false" || json_name == "null" ||
                       json_name == "in";
    if (*name == "__" + json_name + "__" && !token) type.fields[json_name] = {json_name, field};
  }
}

// Makes types; with `types`, each schema's once, and with names that are numbers.
class TypeMaker {
 public:
  explicit TypeMaker(SchemaTypes* types) : types_(types) {}

  TypeRef Make(const Json& schema, const std::string& name, bool resource) const {
    if (!schema.is_object()) return nullptr;
    if (Flag(schema, "x-kubernetes-int-or-string")) {
      return std::make_shared<const Type>(
          Type{.kind = TypeKind::kDyn, .size_max = TextMax(schema), .bytes_min = 1});
    }
    resource |= IsResource(schema);
    const std::string type = TextAt(schema, "type");
    if (type == "string") return TextType(schema);
    if (type == "boolean") return ScalarType(TypeKind::kBool, 4);
    if (type == "integer") return ScalarType(TypeKind::kInt, 1);
    if (type == "number") return ScalarType(TypeKind::kDouble, 1);
    if (type == "array") return MakeList(schema, name);
    if (type != "object") return nullptr;
    const auto values = schema.find("additionalProperties");
    if (values != schema.end() && values->is_object()) return MakeMap(schema, *values, name);
    return MakeObject(schema, name, resource);
  }

  // `outer`: the number of the type that this one is in; 0 for none.
  TypeRef MakeNumbered(const Json& schema, size_t outer, std::string_view step,
                       bool resource) const {
    if (const auto found = types_->made_.find(&schema); found != types_->made_.end()) {
      return found->second.type;
    }
    const size_t number = types_->steps_.size();
    types_->steps_.push_back({outer, std::string(step)});
    TypeRef type = Make(schema, NumberedName(number), resource);
    types_->made_[&schema] = {type, number};
    return type;
  }

 private:
  TypeRef Below(const Json& schema, const std::string& outer, std::string_view step) const {
    if (types_ == nullptr) return Make(schema, outer + "." + std::string(step), false);
    return MakeNumbered(schema, std::stoull(outer.substr(kSelfType.size())), step, false);
  }

  TypeRef MakeList(const Json& schema, const std::string& name) const {
    const auto items = schema.find("items");
    if (items == schema.end()) return nullptr;
    TypeRef item = Below(*items, name, "@idx");
    if (item == nullptr) return nullptr;
    Type type{.kind = TypeKind::kList, .bytes_min = 2};
    type.size_max = Count(schema, "maxItems").value_or(kContentMax / (item->bytes_min + 1));
    type.parts = 1 + item->parts;
    type.params = {std::move(item)};
    SetListRule(schema, type);
    return std::make_shared<const Type>(std::move(type));
  }

  TypeRef MakeMap(const Json& schema, const Json& values, const std::string& name) const {
    TypeRef value = Below(values, name, "@elem");
    if (value == nullptr) return nullptr;
    Type type{.kind = TypeKind::kMap, .bytes_min = 2};
    // Quotes, a colon, a comma and one letter of a key, at least, go with each value.
    type.size_max = Count(schema, "maxProperties").value_or(kContentMax / (value->bytes_min + 6));
    type.parts = 2 + value->parts;
    type.params = {types::String(), std::move(value)};
    return std::make_shared<const Type>(std::move(type));
  }

  TypeRef MakeObject(const Json& schema, const std::string& name, bool resource) const {
    Type type{.kind = TypeKind::kObject, .name = name, .bytes_min = 2};
    const std::set<std::string> required = RequiredOf(schema);
    const auto properties = schema.find("properties");
    if (properties != schema.end() && properties->is_object()) {
      for (const auto& [property, inner] : properties->items()) {
        if (resource && property == "metadata") continue;
        TypeRef field = Below(inner, name, property);
        if (field == nullptr) continue;
        if (required.contains(property) && !inner.contains("default")) {
          type.bytes_min += property.size() + field->bytes_min + 4;
        }
        AddProperty(type, property, std::move(field));
      }
    }
    if (resource) AddResourceFields(type);
    return std::make_shared<const Type>(std::move(type));
  }

  SchemaTypes* types_;
};

TypeRef TypeOfSchema(const Json& schema, const std::string& name, bool resource) {
  return TypeMaker(nullptr).Make(schema, name, resource);
}

TypeRef SchemaTypes::Of(const Json& schema) {
  return TypeMaker(this).MakeNumbered(schema, 0, "", &schema == &root_);
}

// ".spec.items", or "" where the one is not in the other.
std::string SchemaTypes::StepsFrom(size_t self, size_t number) const {
  std::vector<const std::string*> names;
  for (; number != self; number = steps_[number].outer) {
    if (number == 0 || number >= steps_.size()) return "";
    names.push_back(&steps_[number].name);
  }
  std::string text;
  for (auto name = names.rbegin(); name != names.rend(); ++name) text.append(".").append(**name);
  return text;
}

std::string SchemaTypes::Named(std::string_view message, const Json& self) const {
  const auto made = made_.find(&self);
  if (made == made_.end()) return std::string(message);
  std::string text;
  while (true) {
    const size_t begin = message.find(kSelfType);
    text += message.substr(0, begin);
    if (begin == message.npos) return text;
    if (text.size() > kNamedBytesMax) return text.append(message.substr(begin));
    message.remove_prefix(begin + kSelfType.size());
    size_t number = 0, digits = 0;
    while (digits < message.size() && digits < 9 && message[digits] >= '0' &&
           message[digits] <= '9') {
      number = number * 10 + static_cast<size_t>(message[digits++] - '0');
    }
    text.append(kSelfType);
    const std::string steps = StepsFrom(made->second.number, number);
    if (number != made->second.number && steps.empty()) continue;  // Somebody's own word.
    message.remove_prefix(digits);
    text.append("1").append(steps);
  }
}

}  // namespace skiff::cel
