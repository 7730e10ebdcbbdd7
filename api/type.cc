#include "api/type.h"

#include <algorithm>

namespace skiff {

const Field* Type::Find(std::string_view json_name) const {
  for (const Field& field : fields) {
    if (field.name == json_name) return &field;
  }
  return nullptr;
}

const Subresource* KindInfo::FindSubresource(std::string_view wanted) const {
  for (const Subresource& subresource : subresources) {
    if (subresource.name == wanted) return &subresource;
  }
  return nullptr;
}

bool KindInfo::HasVerb(std::string_view verb) const {
  return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
}

const Type* FindBuiltInType(std::string_view api_version, std::string_view name) {
  for (const Type* type : BuiltInTypes()) {
    if (type->name == name && type->api_version == api_version) return type;
  }
  return nullptr;
}

}  // namespace skiff
