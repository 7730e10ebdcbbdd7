#include "api/crd/tables.h"

#include <algorithm>

#include "api/codec/json.h"
#include "api/crd/own_members.h"
#include "api/gen/meta_v1.h"

namespace skiff::crd {
namespace {

// A value of which the schema says nothing: apply sees what it is by itself.
const Type& Anything() {
  static const Type kType = {.shape = Shape::kJson, .preserve_unknown = true};
  return kType;
}
const Type& ScalarOf(Shape shape) {
  static const Type kTypes[] = {{.shape = Shape::kBool},   {.shape = Shape::kInt64},
                                {.shape = Shape::kDouble}, {.shape = Shape::kString},
                                {.shape = Shape::kTime},   {.shape = Shape::kIntOrString}};
  return *std::find_if(std::begin(kTypes), std::end(kTypes) - 1,
                       [&](const Type& type) { return type.shape == shape; });
}

// To apply whatever has a format, but for "byte", is any scalar, as times are.
Shape ShapeOfText(const Schema& schema) {
  return schema.has_format && schema.Limits().format != "byte" ? Shape::kTime : Shape::kString;
}

class TableMaker {
 public:
  // `keeps_unknown`: whether the root does.
  TableMaker(TableArena& tables, bool keeps_unknown)
      : tables_(tables), keeps_unknown_(keeps_unknown) {}

  // To apply, whatever stands in what keeps unknown fields does so, too.
  const Type& Of(const Schema& schema) {
    const bool outer = keeps_unknown_;
    keeps_unknown_ = outer || schema.preserve_unknown;
    const Type& type = Inner(schema);
    keeps_unknown_ = outer;
    return type;
  }

  // What a resource within another says that it is, is a field of the outer one like any other.
  void Fill(const Schema& schema, bool embedded, bool is_root, Type& type) {
    std::vector<Field> fields;
    fields.reserve(schema.properties.size() + (embedded ? 3 : 0));
    for (const auto& [name, property] : schema.properties) {
      if (embedded && IsOwnMember(name)) continue;
      fields.push_back(FieldOf(name, *property));
    }
    if (embedded) {
      fields.push_back(
          {.name = "metadata", .type = &meta_v1::ObjectMeta::Describe(), .pointer = true});
      for (const char* name : {"apiVersion", "kind"}) {
        if (is_root) continue;
        fields.push_back({.name = name, .type = &ScalarOf(Shape::kString), .pointer = true});
      }
      std::sort(fields.begin(), fields.end(),
                [](const Field& a, const Field& b) { return a.name < b.name; });
    }
    type.type_meta = is_root;
    type.atomic = schema.atomic_map;
    type.preserve_unknown = keeps_unknown_;
    type.fields = tables_.Keep(std::move(fields));
  }

 private:
  const Type& Inner(const Schema& schema) {
    if (schema.int_or_string) return ScalarOf(Shape::kIntOrString);
    if (schema.type == "string") return ScalarOf(ShapeOfText(schema));
    if (schema.type == "boolean") return ScalarOf(Shape::kBool);
    if (schema.type == "integer") return ScalarOf(Shape::kInt64);
    if (schema.type == "number") return ScalarOf(Shape::kDouble);
    if (schema.type == "array") return ListOf(schema);
    const bool is_struct = !schema.properties.empty() || schema.embedded;
    if (!is_struct && schema.type.empty()) return Anything();
    // An object of which no member is known may have any, but has to be one.
    if (!is_struct && !schema.forbids_additional) return MapOf(schema);
    Type& type = tables_.NewType();
    type.shape = Shape::kStruct;
    Fill(schema, schema.embedded, false, type);
    return type;
  }

  Field FieldOf(const std::string& name, const Schema& schema) {
    Field field{.name = tables_.Keep(std::string(name)), .type = &Of(schema), .pointer = true};
    field.list_type = schema.list_type;
    if (!schema.list_keys.empty()) {
      field.list_keys = tables_.Keep(std::vector<std::string>(schema.list_keys));
    }
    field.atomic = schema.atomic_map;
    if (schema.default_value) field.default_json = tables_.Keep(DumpJson(*schema.default_value));
    return field;
  }

  // Null for what the schema leaves open.
  const Type* ElementOf(const Schema* schema) {
    if (schema == nullptr) return nullptr;
    const Type& type = Of(*schema);
    return &type == &Anything() ? nullptr : &type;
  }

  const Type& ListOf(const Schema& schema) {
    Type& type = tables_.NewType();
    type.shape = Shape::kList;
    type.element = ElementOf(schema.items.get());
    return type;
  }

  const Type& MapOf(const Schema& schema) {
    Type& type = tables_.NewType();
    type.shape = Shape::kMap;
    type.atomic = schema.atomic_map;
    if (schema.additional == nullptr) return type;
    Field member = FieldOf("", *schema.additional);
    if (member.type == &Anything()) return type;
    type.element = member.type;
    // How lists are told apart is said beside their type.
    if (member.list_type != ListType::kAtomic) type.fields = tables_.Keep(std::vector{member});
    return type;
  }

  TableArena& tables_;
  bool keeps_unknown_;  // Where the walk is.
};

}  // namespace

const Type& MakeType(const Schema& schema, std::string_view kind, std::string_view api_version,
                     TableArena& tables) {
  Type& type = tables.NewType();
  type.shape = Shape::kStruct;
  type.name = kind;
  type.api_version = api_version;
  TableMaker(tables, schema.preserve_unknown).Fill(schema, true, true, type);
  type.atomic = false;
  return type;
}

}  // namespace skiff::crd
