// What the audit log tells of one request: an Event of audit.k8s.io/v1, a line a stage.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "apiserver/audit/audit_policy.h"
#include "apiserver/auth/user.h"
#include "apiserver/request/request_info.h"
#include "http/message.h"

namespace skiff {

struct AuditEvent {
  AuditLevel level = AuditLevel::kMetadata;
  std::string id;
  std::string uri;
  std::string verb;
  User user;
  User impersonated;  // Without a name: nobody.
  std::vector<std::string> source_ips;
  std::string user_agent;

  struct ObjectRef {
    bool is_there = false;
    std::string resource, namespace_name, name, uid, group, version, resource_version, subresource;
  };
  ObjectRef object;

  int code = 0;            // 0: there is no answer yet.
  Json status;             // The metav1.Status that was answered; null: it was none.
  std::string request;     // JSON text; "": not told.
  std::string response;    // The same.
  TimePoint received = {};
  std::map<std::string, std::string> annotations;
};

// With what the request says of itself.
AuditEvent AuditEventOf(const http::Request& request, const RequestInfo& info);

// Ends with a line break.
std::string AuditLine(const AuditEvent& event, AuditStage stage, TimePoint now);
// The same in the format "legacy".
std::string LegacyAuditLine(const AuditEvent& event, AuditStage stage, TimePoint now);

// An object's JSON on one line, members in their order; "" when it is no JSON, or deeper than
// anybody nests. Without its managed fields, and those of a list's items, where they are not
// wanted.
std::string AuditObject(std::string_view json, bool omits_managed_fields);

}  // namespace skiff
