#include "api/text/go_names.h"

namespace skiff {

std::string GoTypeName(const Type& type) {
  if (!type.name.empty() && !type.go_package.empty()) {
    const auto slash = type.go_package.rfind('/');
    return std::string(type.go_package.substr(slash + 1)) + "." + std::string(type.name);
  }
  switch (type.shape) {
    case Shape::kBool:
      return "bool";
    case Shape::kInt32:
      return "int32";
    case Shape::kInt64:
      return "int64";
    case Shape::kDouble:
      return "float64";
    case Shape::kString:
      return "string";
    case Shape::kBytes:
      return "[]uint8";
    case Shape::kTime:
      return "v1.Time";
    case Shape::kMicroTime:
      return "v1.MicroTime";
    case Shape::kDuration:
      return "v1.Duration";
    case Shape::kQuantity:
      return "resource.Quantity";
    case Shape::kIntOrString:
      return "intstr.IntOrString";
    case Shape::kJson:
      return type.name == "FieldsV1" ? "v1.FieldsV1" : "runtime.RawExtension";
    case Shape::kList:
      return "[]" + GoTypeName(*type.element);
    case Shape::kMap:
      return "map[string]" + GoTypeName(*type.element);
    case Shape::kStruct:
      return std::string(type.name);
  }
  return "";
}

std::string GoTypeName(const Field& field, const Type& type) {
  if (&type == field.type && !field.go_type.empty()) return std::string(field.go_type);
  if (&type == field.type->element && field.go_type.starts_with("[]")) {
    return std::string(field.go_type.substr(2));
  }
  return GoTypeName(type);
}

void AppendGoPath(const Field& field, std::string& path) {
  if (!field.inline_type.empty()) path.append(".").append(field.inline_type);
  path.append(".").append(field.name);
}

}  // namespace skiff
