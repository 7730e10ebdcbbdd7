#include "apiserver/objects/kind_versions.h"

#include "api/crd/custom_kind.h"
#include "api/registry.h"
#include "apiserver/objects/conversions.h"
#include "apiserver/request/resources.h"

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
  const KindInfo* other = FindKind(api_version, kind_.kind);
  return other == nullptr || other->group != kind_.group ? nullptr : other->type;
}

Result<Json> KindVersions::Convert(Json document, std::string_view api_version) const {
  // What is to be compared with a new object is nothing yet, and of the version of the write.
  const std::string from = document.value("apiVersion", std::string(kind_.api_version));
  if (from == api_version) return document;
  document["apiVersion"] = from;
  document["kind"] = kind_.kind;
  const crd::CustomKind* custom = CustomOf(kind_);
  if (custom == nullptr) {
    const KindInfo* before = FindKind(from, kind_.kind);
    const KindInfo* wanted = FindKind(api_version, kind_.kind);
    return DocumentAs(*before, *wanted, std::move(document));
  }
  if (custom->converter == nullptr) {
    document["apiVersion"] = api_version;
    return document;
  }
  std::vector<Json> documents;
  documents.push_back(std::move(document));
  auto converted = TRY(custom->converter->Convert(std::move(documents), api_version));
  return std::move(converted.front());
}

}  // namespace skiff
