#include "api/type.h"

#include <algorithm>

namespace skiff {
namespace {

// Fewer are looked through as quickly.
constexpr size_t kFewFields = 16;

}  // namespace

const Field* Type::Find(std::string_view json_name) const {
  // What has no struct is made of a schema (api/crd/tables.h), in the order of names, and may have
  // tens of thousands of fields.
  if (ops == nullptr && fields.size() > kFewFields) {
    const auto found = std::ranges::lower_bound(fields, json_name, {}, &Field::name);
    return found != fields.end() && found->name == json_name ? &*found : nullptr;
  }
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
