#include "apiserver/patching.h"

#include "api/decode.h"
#include "api/json.h"
#include "apiserver/api_errors.h"
#include "apiserver/media.h"

namespace skiff {
namespace {

constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";
constexpr std::string_view kStrategicPatch = "application/strategic-merge-patch+json";
constexpr std::string_view kApplyYaml = "application/apply-patch+yaml";

std::string PatchType(const ApiRequest& request) {
  return BareMediaType(request.http.Header("Content-Type"));
}

}  // namespace

Result<> CheckPatchType(const ApiRequest& request) {
  const std::string type = PatchType(request);
  if (type == kJsonPatch || type == kMergePatch || type == kStrategicPatch ||
      type == kApplyYaml) {
    return {};
  }
  Error error{Reason::kUnsupportedMediaType, "415: Unsupported Media Type"};
  error.details.emplace();
  return Fail(std::move(error));
}

bool IsApply(const ApiRequest& request) { return PatchType(request) == kApplyYaml; }

Result<Json> PatchDocument(ApiRequest& request, const WriteOptions&, const PatchedKind& kind,
                           const Json& document) {
  const Json patch = TRY(ParseJson(request.http.body));
  Json patched = document;
  patched.merge_patch(patch);
  return Normalize(kind.type, patched);
}

Result<Object> Patcher::Apply(const Object& old) const {
  const KindInfo& kind = old.kind();
  const Json document = TRY(PatchDocument(request, options, {*kind.type, kind.api_version, kind.kind},
                                          old.ToDocument()));
  return Object::FromDocument(kind, document);
}

Result<Object> Patcher::Make() const { return Object(*request.kind); }

}  // namespace skiff
