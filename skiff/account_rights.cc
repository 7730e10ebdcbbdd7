#include "skiff/account_rights.h"

#include <algorithm>

#include "api/codec/document.h"
#include "api/codec/typed.h"
#include "apiserver/auth/bootstrap_rbac.h"
#include "apiserver/auth/rbac.h"
#include "apiserver/request/request_info.h"

namespace skiff {

AccountRights::AccountRights(const std::string& account) {
  const std::string role = "system:controller:" + account;
  for (const Json& object : ParseBootstrapRbac(kBootstrapControllerRoles)) {
    if (TextAt(object, "kind") != "ClusterRole" || TextAt(object, "metadata.name") != role)
      continue;
    auto decoded = FromJson<rbac_v1::ClusterRole>(object);
    CHECK(decoded);
    rules_ = std::move(decoded->rules);
  }
}

std::optional<std::string> AccountRights::ObjectToUpdate(const std::string& path) const {
  http::Request request;
  request.method = "PATCH";
  request.path = path;
  const RequestInfo info = ParseRequestInfo(request);
  if (!info.is_resource || info.name.empty()) return std::nullopt;
  Access access;
  access.is_resource = true;
  access.group = info.group;
  access.resource = info.resource;
  access.subresource = info.subresource;
  access.namespace_name = info.namespace_name;
  access.name = info.name;
  const auto may = [&](const char* verb) {
    access.verb = verb;
    return std::any_of(rules_.begin(), rules_.end(),
                       [&](const auto& rule) { return RuleAllows(rule, access); });
  };
  if (may("patch") || !may("update")) return std::nullopt;
  const size_t tail = info.subresource.empty() ? 0 : info.subresource.size() + 1;
  return path.substr(0, path.size() - tail);
}

}  // namespace skiff
