// What nobody may have without a ResourceQuota that covers it (ResourceQuotaConfiguration of
// apiserver.config.k8s.io/v1). Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/core/quota_usage.h"
#include "base/error.h"

namespace skiff {

struct LimitedResource {
  std::string group = {};
  std::string resource = {};
  // Parts of the names under which objects of that resource count.
  std::vector<std::string> names = {};
  // Objects in one of them, of whatever resource.
  std::vector<QuotaScope> scopes = {};
};

struct ResourceQuotaSettings {
  std::vector<LimitedResource> limited = {};

  // Of what the object counts for, what it may not have unless a quota limits it.
  std::set<std::string> LimitedNames(const QuotaObject& object) const;
  // Of the scopes that it is in, those that a quota has to be about.
  std::vector<QuotaScope> LimitedScopes(const QuotaObject& object) const;
};

// Of a configuration as it is in a file. Invalid carries kube-apiserver's text.
Result<ResourceQuotaSettings> ReadResourceQuotaSettings(std::string_view text);

}  // namespace skiff
