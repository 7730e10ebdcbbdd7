// api/rules/quota_usage for objects as admission sees them.
#pragma once

#include <string>

#include "api/rules/core/quota_usage.h"
#include "apiserver/objects/object.h"

namespace skiff {

inline QuotaObject QuotaObjectOf(const Object& object) {
  return {.kind = object.kind(),
          .pod = object.As<core_v1::Pod>(),
          .service = object.As<core_v1::Service>(),
          .claim = object.As<core_v1::PersistentVolumeClaim>(),
          .resource_claim = object.As<resource_v1::ResourceClaim>()};
}
inline QuotaUsage UsageOf(const Object& object) {
  return UsageOf(QuotaObjectOf(object));
}
inline bool QuotaMatches(const core_v1::ResourceQuota& quota, const Object& object) {
  return QuotaMatches(quota, QuotaObjectOf(object));
}
inline std::string MissingAmounts(const core_v1::ResourceQuota& quota, const Object& object) {
  return MissingAmounts(quota, QuotaObjectOf(object));
}

}  // namespace skiff
