#include "apiserver/objects/patch_type.h"

#include <utility>

#include "base/text.h"

namespace skiff {

std::string PatchMediaType(const ApiRequest& request) {
  const std::string_view header = request.http.Header("Content-Type");
  return std::string(WithoutBlanks(header.substr(0, header.find(';'))));
}

Result<> CheckPatchType(const ApiRequest& request) {
  const std::string type = PatchMediaType(request);
  if (type == kJsonPatch || type == kMergePatch || type == kApplyYaml) return {};
  const bool custom = request.kind->type->ops == nullptr;
  if (type == kStrategicPatch && !custom) return {};
  if (custom) {
    return Fail(Reason::kUnsupportedMediaType,
                "the body of the request was in an unknown format - accepted media types include: "
                "application/json-patch+json, application/merge-patch+json, "
                "application/apply-patch+yaml");
  }
  Error error{Reason::kUnsupportedMediaType, "415: Unsupported Media Type"};
  error.details.emplace();
  return Fail(std::move(error));
}

bool IsApply(const ApiRequest& request) {
  return PatchMediaType(request) == kApplyYaml;
}

}  // namespace skiff
