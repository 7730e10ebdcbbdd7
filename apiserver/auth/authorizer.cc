#include "apiserver/auth/authorizer.h"

#include "api/gen/rbac_v1.h"
#include "apiserver/request/api_errors.h"
#include "apiserver/request/request_info.h"

namespace skiff {

void AlwaysAllow::TellRules(const User&, const std::string&, const VisitRule& visit, RulesTold&) {
  rbac_v1::PolicyRule all;
  all.verbs = all.api_groups = all.resources = {"*"};
  visit(all);
  rbac_v1::PolicyRule everywhere;
  everywhere.verbs = everywhere.non_resource_urls = {"*"};
  visit(everywhere);
}

Access AccessOf(const RequestInfo& info) {
  return {.verb = info.verb,
          .is_resource = info.is_resource,
          .group = info.group,
          .version = info.version,
          .resource = info.resource,
          .subresource = info.subresource,
          .namespace_name = info.namespace_name,
          .name = info.name,
          .path = info.path,
          .field_selector = info.field_selector,
          .label_selector = info.label_selector};
}

Error ForbiddenAccess(const User& user, const Access& access, std::string_view reason) {
  std::string text = "User " + Quoted(user.name) + " cannot " + access.verb;
  if (!access.is_resource) {
    text += " path " + Quoted(access.path);
  } else {
    text +=
        " resource " + Quoted(access.QualifiedResource()) + " in API group " + Quoted(access.group);
    text += access.namespace_name.empty() ? " at the cluster scope"
                                          : " in the namespace " + Quoted(access.namespace_name);
  }
  text = EscapeMarkup(text);
  if (!reason.empty()) text += ": " + std::string(reason);
  if (!access.is_resource) {
    Error error{Reason::kForbidden, "forbidden: " + text};
    error.details.emplace();
    return error;
  }
  return Forbidden({access.group, access.resource}, access.name, text);
}

}  // namespace skiff
