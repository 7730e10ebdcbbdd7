#include "apiserver/objects/kind_versions.h"

#include "api/crd/custom_kind.h"
#include "api/kinds/versions.h"
#include "api/registry.h"

namespace skiff {
namespace {

const crd::CustomKind* CustomOf(const KindInfo& kind) {
  const RuntimeKind* runtime = RuntimeKindOf(kind);
  return runtime == nullptr ? nullptr : runtime->custom.get();
}

}  // namespace

const Type* KindVersions::TypeOf(std::string_view api_version) const {
  if (api_version == kind_.api_version) return &crd::WholeType(kind_);
  if (const crd::CustomKind* custom = CustomOf(kind_)) {
    const auto found = custom->versions->find(api_version);
    return found == custom->versions->end() ? nullptr : &found->second->type();
  }
  for (const KindInfo* other : kind_.behaviour->versions) {
    if (other->api_version == api_version && other->group == kind_.group) return other->type;
  }
  return nullptr;
}

// Of built-in kinds it knows that they are not registered.
bool KindVersions::FailsAtUnknown() const {
  return CustomOf(kind_) != nullptr;
}

Result<Json> KindVersions::Convert(Json document, std::string_view api_version) const {
  // What is to be compared with a new object is nothing yet, and of the version of the write.
  const std::string from = document.value("apiVersion", std::string(kind_.api_version));
  if (from == api_version) return document;
  document["apiVersion"] = from;
  document["kind"] = kind_.kind;
  return ConvertVersion(kind_, std::move(document), api_version);
}

}  // namespace skiff
