// Which of the four kinds of patch a PATCH is.
#pragma once

#include <string>
#include <string_view>

#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

inline constexpr std::string_view kJsonPatch = "application/json-patch+json";
inline constexpr std::string_view kMergePatch = "application/merge-patch+json";
inline constexpr std::string_view kStrategicPatch = "application/strategic-merge-patch+json";
inline constexpr std::string_view kApplyYaml = "application/apply-patch+yaml";

// The Content-Type as it is written: another case is another type.
std::string PatchMediaType(const ApiRequest& request);
// 415 for a Content-Type that is no patch.
Result<> CheckPatchType(const ApiRequest& request);
bool IsApply(const ApiRequest& request);

}  // namespace skiff
